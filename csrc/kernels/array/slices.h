/* Work along one axis: every slice of an array by itself.
 *
 * Kernels see contiguous slices only; here slices are gathered, scattered and
 * shared out among threads, many short ones at once or long ones in turn.
 */
#ifndef GK_SLICES_H
#define GK_SLICES_H

#include <stdint.h>

#include "runtime/parallel.h"

enum { GK_SLICE_DIMS = 63 }; /* of the 64 that NumPy has, one runs along the slice */

/* Items of a slice that one thread sorts in 0.1 s. */
enum { GK_LINE_UNINTERRUPTED = 10 << 20 };

/* The slices of two arrays of one shape: the axis that is worked along, and the
 * other axes, which number the slices. Strides in bytes. */
typedef struct {
    int64_t length;
    int64_t src_step, dst_step; /* from one item of a slice to the next */
    int ndim;
    int64_t shape[GK_SLICE_DIMS], src_strides[GK_SLICE_DIMS], dst_strides[GK_SLICE_DIMS];
} gk_slices;

/* What is done with a slice of n contiguous items. src may be dst. Both return
 * GK_OK or the status that ends the whole. */
typedef struct {
    int64_t src_size, dst_size; /* of an item; 1, 2, 4 or 8 */
    int64_t cost;               /* nanoseconds an item, about */
    int (*on_one_thread)(const void *src, void *dst, int64_t n, const void *data);
    int (*on_all_threads)(const void *src, void *dst, int64_t n, const void *data, const gk_options *options);
    int64_t long_from; /* the length from which on_all_threads is worth it */
} gk_slice_kernel;

/* Applies the kernel to every slice. The arrays do not overlap, or are the same
 * memory with the same strides. */
int gk_slices_apply(const gk_slice_kernel *kernel, const void *data, const char *src, char *dst,
                   const gk_slices *slices, const gk_options *options);

#endif
