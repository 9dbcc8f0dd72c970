/* Applies a kernel to every slice of an array along one axis.
 *
 * Kernels see contiguous slices only. This module gathers and scatters slices
 * that are not contiguous, and divides the slices among the threads: either each thread takes some
 * of the slices, or all threads work together on one long slice at a time.
 */
#ifndef GK_SLICES_H
#define GK_SLICES_H

#include <stdint.h>

#include "kernels/array/iterator.h"
#include "runtime/parallel.h"

/* One thread sorts a slice of this many items in 0.1 s. */
enum { GK_SLICE_UNINTERRUPTED = 10 << 20 };

/* The slices of two arrays of the same shape: the axis along which they run, and
 * the other axes, which enumerate them. */
typedef struct {
    int64_t length;
    int64_t src_step, dst_step; /* bytes from one item of a slice to the next */
    gk_dims src, dst;           /* the other axes, in the same order */
} gk_slices;

/* The operation on a slice of n contiguous items. src may be dst. Both functions
 * return GK_OK, or a status that ends the whole call. */
typedef struct {
    int64_t src_size, dst_size; /* of an item; 1, 2, 4 or 8 */
    int64_t cost;               /* approximate nanoseconds per item */
    int (*on_one_thread)(const void *src, void *dst, int64_t n, const void *data);
    int (*on_all_threads)(const void *src, void *dst, int64_t n, const void *data, const gk_options *options);
    int64_t long_from; /* minimum length for on_all_threads */
} gk_slice_kernel;

/* Applies the kernel to every slice. The arrays must not overlap, unless they are
 * the same memory with the same strides. */
int gk_slices_apply(const gk_slice_kernel *kernel, const void *data, const char *src, char *dst,
                   const gk_slices *slices, const gk_options *options);

#endif
