/* Work along one axis: every line of an array by itself.
 *
 * Kernels see contiguous lines only; here lines are gathered, scattered and
 * shared out among threads, many short ones at once or long ones in turn.
 */
#ifndef GK_LINES_H
#define GK_LINES_H

#include <stdint.h>

#include "runtime/parallel.h"

enum { GK_LINE_DIMS = 63 }; /* of the 64 that NumPy has, one runs along the line */

/* Items of a line that one thread sorts in 0.1 s. */
enum { GK_LINE_UNINTERRUPTED = 10 << 20 };

/* The lines of two arrays of one shape: the axis that is worked along, and the
 * other axes, which number the lines. Strides in bytes. */
typedef struct {
    int64_t length;
    int64_t src_step, dst_step; /* from one item of a line to the next */
    int ndim;
    int64_t shape[GK_LINE_DIMS], src_strides[GK_LINE_DIMS], dst_strides[GK_LINE_DIMS];
} gk_lines;

/* What is done with a line of n contiguous items. src may be dst. Both return
 * GK_OK or the status that ends the whole. */
typedef struct {
    int64_t src_size, dst_size; /* of an item; 1, 2, 4 or 8 */
    int64_t cost;               /* nanoseconds an item, about */
    int (*on_one_thread)(const void *src, void *dst, int64_t n, const void *data);
    int (*on_all_threads)(const void *src, void *dst, int64_t n, const void *data, const gk_options *options);
    int64_t long_from; /* the length from which on_all_threads is worth it */
} gk_line_kernel;

/* Applies the kernel to every line. The arrays do not overlap, or are the same
 * memory with the same strides. */
int gk_lines_apply(const gk_line_kernel *kernel, const void *data, const char *src, char *dst,
                   const gk_lines *lines, const gk_options *options);

#endif
