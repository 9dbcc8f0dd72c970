/* Loaders copy strided elements into a contiguous buffer and convert them to the
 * type that a kernel computes in.
 *
 * A kernel whose input has another type or layout works through a buffer that
 * fits in the first-level cache. One body then serves all types and layouts. */
#ifndef GK_LOAD_H
#define GK_LOAD_H

#include "kernels/array/dtype.h"

/* Loads n elements that are `stride` bytes apart. */
typedef void gk_load(void *to, const char *from, int64_t stride, int64_t n);

gk_load *gk_load_as_float64(gk_type from); /* double */
gk_load *gk_load_as_int64(gk_type from);   /* int64_t, modulo 2^64; from integers and bool */
gk_load *gk_load_as_is(gk_type from);

#endif
