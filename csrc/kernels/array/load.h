/* Copies elements of an array, at any distance from each other, side by side
 * into a buffer, converting them to the type that a kernel computes in.
 *
 * Kernels whose input is not already what they compute on work through a
 * buffer that stays in the first-level cache: one body for all types and
 * layouts. */
#ifndef GK_LOAD_H
#define GK_LOAD_H

#include "kernels/array/dtype.h"

/* n elements that lie `stride` bytes apart. */
typedef void gk_load(void *to, const char *from, int64_t stride, int64_t n);

gk_load *gk_load_as_float64(gk_type from); /* double */
gk_load *gk_load_as_int64(gk_type from);   /* int64_t, modulo 2^64; from integers and bool */
gk_load *gk_load_as_is(gk_type from);

#endif
