#include "kernels/array/slices.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kernels/array/memory.h"

#define COPY(type)                                   \
    for (int64_t i = 0; i < n; i++)                  \
        for (int64_t t = 0; t < tile; t++)           \
            *(type *)(dst + i * dst_step + t * dst_tile) = \
                *(const type *)(src + i * src_step + t * src_tile)

/* Copies `tile` slices of n items. Items are a step apart, and slices are a tile
 * apart. The inner loop runs over the slices, so that gathering neighbouring
 * columns uses every cache line completely. */
static void copy_tile(char *dst, int64_t dst_step, int64_t dst_tile, const char *src, int64_t src_step,
                      int64_t src_tile, int64_t n, int64_t tile, int64_t size)
{
    switch (size) {
    case 1: COPY(uint8_t); break;
    case 2: COPY(uint16_t); break;
    case 4: COPY(uint32_t); break;
    default: COPY(uint64_t); break;
    }
}

/* Bytes for this many items, rounded up to keep what follows aligned. Saturates at a size that malloc refuses. */
static int64_t aligned_bytes(int64_t items, int64_t size)
{
    int64_t bytes = gk_times(items, size);
    return bytes < INT64_MAX / 4 ? (bytes + 63) / 64 * 64 : INT64_MAX / 4;
}

typedef struct {
    const gk_slice_kernel *kernel;
    const void *data;
    const char *src;
    char *dst;
    const gk_slices *slices;
    int64_t count, tile; /* slices in total, and neighbouring slices handled together */
    int gather, scatter; /* whether the slices of src and of dst are not contiguous */
    char *scratch;       /* for each participant, a tile of gathered and a tile of finished slices */
    int64_t scratch_size;
} applying;

static void apply_to_tiles(int64_t begin, int64_t end, void *data)
{
    const applying *a = data;
    const gk_slice_kernel *kernel = a->kernel;
    const gk_slices *slices = a->slices;
    int64_t n = slices->length, tile = a->tile;
    int64_t src_tile = tile > 1 ? slices->src.stride[slices->src.n - 1] : 0;
    int64_t dst_tile = tile > 1 ? slices->dst.stride[slices->dst.n - 1] : 0;
    char *gathered = a->scratch, *finished = a->scratch;
    if (a->scratch != NULL) {
        gathered += gk_participant() * a->scratch_size;
        finished = gathered + (a->gather ? aligned_bytes(tile * n, kernel->src_size) : 0);
    }
    gk_iterator src, dst;
    gk_iterator_start(&src, &slices->src, a->src, begin * tile);
    gk_iterator_start(&dst, &slices->dst, a->dst, begin * tile);
    for (int64_t i = begin; i < end; i++, gk_iterator_advance(&src, tile), gk_iterator_advance(&dst, tile)) {
        if (a->gather)
            copy_tile(gathered, kernel->src_size, n * kernel->src_size, src.at, slices->src_step, src_tile, n,
                      tile, kernel->src_size);
        for (int64_t t = 0; t < tile; t++) {
            const char *from = a->gather ? gathered + t * n * kernel->src_size : src.at + t * src_tile;
            char *to = a->scatter ? finished + t * n * kernel->dst_size : dst.at + t * dst_tile;
            int status = kernel->on_one_thread(from, to, n, a->data);
            if (status != GK_OK)
                gk_cancel(status);
        }
        if (a->scatter)
            copy_tile(dst.at, slices->dst_step, dst_tile, finished, kernel->dst_size, n * kernel->dst_size, n,
                      tile, kernel->dst_size);
        if (gk_cancelled())
            return;
    }
}

/* One long slice that all threads copy. */
typedef struct {
    char *dst;
    const char *src;
    int64_t dst_step, src_step, n, size;
} slice_copy;

enum { COPIED = 1 << 14 }; /* items of a chunk: 0.1 ms if each is in another cache line */

static void copy_part(int64_t begin, int64_t end, void *data)
{
    const slice_copy *c = data;
    int64_t first = begin * COPIED, last = end < gk_ceil_div(c->n, COPIED) ? end * COPIED : c->n;
    copy_tile(c->dst + first * c->dst_step, c->dst_step, 0, c->src + first * c->src_step, c->src_step, 0,
              last - first, 1, c->size);
}

static int copy_slice(char *dst, int64_t dst_step, const char *src, int64_t src_step, int64_t n, int64_t size,
                     const gk_options *options)
{
    slice_copy c = {dst, src, dst_step, src_step, n, size};
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.grain = 1;
    return gk_parallel_for(gk_ceil_div(n, COPIED), copy_part, &c, &mine);
}

/* Processes long slices one after the other, each on all threads. */
static int apply_in_turn(const applying *a, const gk_options *options)
{
    const gk_slice_kernel *kernel = a->kernel;
    const gk_slices *slices = a->slices;
    int64_t n = slices->length;
    int status = GK_OK;
    gk_iterator src, dst;
    gk_iterator_start(&src, &slices->src, a->src, 0);
    gk_iterator_start(&dst, &slices->dst, a->dst, 0);
    for (int64_t i = 0; i < a->count && status == GK_OK; i++) {
        const char *from = src.at;
        char *to = dst.at;
        if (a->gather) {
            status = copy_slice(a->scratch, kernel->src_size, from, slices->src_step, n, kernel->src_size, options);
            from = a->scratch;
        }
        if (a->scatter)
            to = a->scratch + (a->gather ? aligned_bytes(n, kernel->src_size) : 0);
        if (status == GK_OK)
            status = kernel->on_all_threads(from, to, n, a->data, options);
        if (a->scatter && status == GK_OK)
            status = copy_slice(dst.at, slices->dst_step, to, kernel->dst_size, n, kernel->dst_size, options);
        gk_iterator_advance(&src, 1);
        gk_iterator_advance(&dst, 1);
    }
    return status;
}

/* The number of neighbouring slices to handle together: those that share a cache
 * line, as long as they fit in the second-level cache. */
static int64_t choose_tile(const applying *a)
{
    const gk_dims *dims = &a->slices->src;
    if (dims->n == 0 || !(a->gather || a->scatter))
        return 1;
    int64_t largest = a->kernel->src_size > a->kernel->dst_size ? a->kernel->src_size : a->kernel->dst_size;
    int64_t tile = 64 / largest, max = (1 << 19) / gk_times(a->slices->length, largest);
    if (tile > max)
        tile = max < 1 ? 1 : max;
    while (dims->shape[dims->n - 1] % tile != 0)
        tile--;
    return tile;
}

int gk_slices_apply(const gk_slice_kernel *kernel, const void *data, const char *src, char *dst,
                   const gk_slices *slices, const gk_options *options)
{
    applying a = {.kernel = kernel, .data = data, .src = src, .dst = dst, .slices = slices};
    int64_t n = slices->length;
    a.count = gk_dims_count(&slices->src);
    if (n == 0 || a.count == 0)
        return GK_OK;
    a.gather = n > 1 && slices->src_step != kernel->src_size;
    a.scatter = n > 1 && slices->dst_step != kernel->dst_size;
    a.tile = 1;

    gk_options mine = options != NULL ? *options : (gk_options){0};
    int64_t threads = 1, work = gk_times(gk_times(n, a.count), kernel->cost);
    int in_turn = 0;
    if (work > 20 * GK_MICROSECOND || n >= kernel->long_from) {
        threads = gk_participants(&mine);
        /* One thread cannot be interrupted within a slice, so very long slices are always shared out. */
        in_turn = n >= kernel->long_from && (a.count < 4 * threads || n > GK_SLICE_UNINTERRUPTED);
    }
    if (!in_turn)
        a.tile = choose_tile(&a);
    int64_t tiles = a.count / a.tile, items = gk_times(a.tile, n);
    if (threads > tiles)
        threads = tiles;
    a.scratch_size = (a.gather ? aligned_bytes(items, kernel->src_size) : 0) +
                     (a.scatter ? aligned_bytes(items, kernel->dst_size) : 0);
    if (a.scratch_size > 0) {
        a.scratch = gk_allocate(in_turn ? 1 : threads, a.scratch_size);
        if (a.scratch == NULL)
            return GK_NO_MEMORY;
    }
    int status = GK_OK;
    if (in_turn) {
        status = apply_in_turn(&a, options);
    } else {
        mine.grain = 50 * GK_MICROSECOND / gk_times(items, kernel->cost) + 1;
        mine.eager = work > 200 * GK_MICROSECOND;
        mine.threads = threads == 1 ? 1 : mine.threads;
        status = gk_parallel_for(tiles, apply_to_tiles, &a, &mine);
    }
    free(a.scratch);
    return status;
}
