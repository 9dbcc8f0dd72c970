#ifndef GK_MOVING_MEDIAN_H
#define GK_MOVING_MEDIAN_H

#include "kernels/moving/moving.h"

enum { GK_MOVE_SHORT = 12 }; /* the length of short windows, which need no memory */

/* Medians of a contiguous slice of n items: the results of blocks begin..end - 1, of `window` items each. */
int gk_move_medians(const gk_moving *m, const void *src, void *dst, int64_t n, int64_t begin, int64_t end);

/* Results begin..end - 1 for a short window. */
void gk_move_short_medians(const gk_moving *m, const void *src, void *dst, int64_t begin, int64_t end);

#endif
