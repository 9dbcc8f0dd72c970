/* The functions of csrc that the Cython modules call.
 *
 * Only the extension module gilkit._core links csrc, because the pool must
 * exist once in a process. It hands this table to the other modules in a
 * capsule; they write GK(gk_spin)(...) for gk_spin(...). The table belongs to
 * one build of gilkit; other packages use gilkit/gilkit.h, which is versioned.
 */
#ifndef GK_EXPORTS_H
#define GK_EXPORTS_H

#include "base/clock.h"
#include "base/cores.h"
#include "base/hub.h"
#include "base/isa.h"
#include "base/park.h"
#include "base/thread.h"
#include "kernels/cluster/nearest.h"
#include "kernels/demo/jacobi.h"
#include "kernels/demo/mandelbrot.h"
#include "kernels/demo/pi.h"
#include "kernels/demo/spin.h"
#include "kernels/histogram/binning.h"
#include "kernels/histogram/group.h"
#include "kernels/index/choose.h"
#include "kernels/index/mask.h"
#include "kernels/index/take.h"
#include "kernels/moving/moving.h"
#include "kernels/random/bit_stream.h"
#include "kernels/random/integers.h"
#include "kernels/random/shuffle.h"
#include "kernels/random/uniform.h"
#include "kernels/random/ziggurat.h"
#include "kernels/reduce/dot.h"
#include "kernels/reduce/fsum.h"
#include "kernels/reduce/reduce.h"
#include "kernels/scan/accumulate.h"
#include "kernels/scan/scan.h"
#include "kernels/search/interp.h"
#include "kernels/search/membership.h"
#include "kernels/search/runs.h"
#include "kernels/search/searchsorted.h"
#include "kernels/sort/select.h"
#include "kernels/sort/sort.h"
#include "memory/blocks.h"
#include "runtime/limits.h"
#include "runtime/parallel.h"
#include "runtime/reduce.h"
#include "runtime/slots.h"
#include "sync/exports.h"

#define GK_EXPORTS_CAPSULE "gilkit._core.exports"

/* clang-format off */
#define GK_EXPORTS(X)            \
    /* base */                   \
    X(gk_now)                    \
    X(gk_cores_online)           \
    X(gk_cores_affinity)         \
    X(gk_cores_quota)            \
    X(gk_cores_usable)           \
    X(gk_isa)                    \
    X(gk_isa_best)               \
    X(gk_isa_name)               \
    X(gk_set_isa)                \
    X(gk_thread_inject_failures) \
    X(gk_thread_use_long_slices) \
    X(gk_thread_yield)           \
    X(gk_wait)                   \
    X(gk_wake)                   \
    X(gk_hub_sleep)              \
    X(gk_hub_leave)              \
    X(gk_hub_next)               \
    X(gk_hub_wake)               \
    /* runtime */                \
    X(gk_parallel_for)           \
    X(gk_parallel_reduce)        \
    X(gk_default_grain)          \
    X(gk_cancel)                 \
    X(gk_cancelled)              \
    X(gk_cancel_token_set)       \
    X(gk_participant)            \
    X(gk_inside)                 \
    X(gk_participants)           \
    X(gk_set_regions_aside)      \
    X(gk_resume_regions)         \
    X(gk_num_threads)            \
    X(gk_num_threads_source)     \
    X(gk_set_num_threads)        \
    X(gk_set_python_cpu_count)   \
    X(gk_pool_workers)           \
    X(gk_pool_sleepers)          \
    X(gk_pool_spin)              \
    X(gk_pool_set_spin)          \
    X(gk_pool_stop)              \
    X(gk_pool_use_long_slices)   \
    /* memory */                 \
    X(gk_blocks_open)            \
    X(gk_blocks_close)           \
    X(gk_blocks_allocate)        \
    X(gk_blocks_reallocate)      \
    X(gk_blocks_release)         \
    X(gk_blocks_trim)            \
    X(gk_blocks_get_statistics)  \
    X(gk_blocks_default_limit)   \
    GK_SYNC_EXPORTS(X)           \
    /* kernels */                \
    X(gk_spin)                   \
    X(gk_pi)                     \
    X(gk_mandelbrot)             \
    /* reductions */             \
    X(gk_layout_init)            \
    X(gk_reduce)                 \
    X(gk_reduce_serial)          \
    X(gk_reduction_result_of)    \
    /* sort */                   \
    X(gk_sort)                   \
    X(gk_sort_stable)            \
    X(gk_argsort)                \
    X(gk_select)                 \
    X(gk_count_nans)             \
    X(gk_sort_has_ambiguous)     \
    X(gk_partition)              \
    X(gk_topk)                   \
    /* search, sets */           \
    X(gk_searchsorted)           \
    X(gk_interp)                 \
    X(gk_isin)                   \
    X(gk_runs_count)             \
    X(gk_runs_write)             \
    /* selection */              \
    X(gk_mask_assign)            \
    X(gk_mask_count)             \
    X(gk_mask_copy)              \
    X(gk_mask_indices)           \
    X(gk_take)                   \
    X(gk_choose)                 \
    /* histogram, bincount */    \
    X(gk_histogram_counts)       \
    X(gk_histogram_weights)      \
    X(gk_histogramdd)            \
    X(gk_bincount_counts)        \
    X(gk_bincount_weights)       \
    X(gk_minmax_of)              \
    X(gk_group_reduce)           \
    X(gk_group_gather)           \
    X(gk_group_sort)             \
    /* nearest, kmeans */        \
    X(gk_nearest)                \
    X(gk_cluster_sums)           \
    /* arrays */                 \
    X(gk_move)                   \
    X(gk_cumsum)                 \
    X(gk_accumulate)             \
    X(gk_dot)                    \
    X(gk_fsum)                   \
    X(gk_fsum_parts)             \
    X(gk_jacobi)                 \
    /* random numbers */         \
    X(gk_stream_start_pcg64)     \
    X(gk_stream_start_mersenne)  \
    X(gk_stream_position)        \
    X(gk_stream_advance)         \
    X(gk_stream_functions_of)    \
    X(gk_stream_doubles)         \
    X(gk_uniform_float32)        \
    X(gk_uniform_float64)        \
    X(gk_normal_float32)         \
    X(gk_normal_float64)         \
    X(gk_exponential_float32)    \
    X(gk_exponential_float64)    \
    X(gk_integers)               \
    X(gk_permutation)            \
    X(gk_shuffle)
/* clang-format on */

typedef struct {
#define GK_MEMBER(name) __typeof__(&name) name;
    GK_EXPORTS(GK_MEMBER)
#undef GK_MEMBER
} gk_exports;

#endif
