/* Statistics of a window that moves along an axis. */
#ifndef GK_MOVING_H
#define GK_MOVING_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "kernels/array/slices.h"
#include "runtime/parallel.h"

typedef enum {
    GK_MOVE_SUM,
    GK_MOVE_MEAN,
    GK_MOVE_VAR,
    GK_MOVE_STD,
    GK_MOVE_MIN,
    GK_MOVE_MAX,
    GK_MOVE_MEDIAN
} gk_move_operation;

/* Writes the order that sorts n doubles without NaNs, from any thread; returns < 0 if there is no
 * memory. On entry, order[i] is i. Only medians need it. */
typedef int gk_move_argsort(void *items, intptr_t *order, intptr_t n, void *unused);

typedef struct {
    gk_move_operation what;
    gk_type type;      /* of the source; results are float32 for float32, otherwise double */
    int64_t window;    /* 1 <= window <= length of the slices, and less than 2**31 */
    int64_t min_count; /* 1 <= min_count <= window */
    double ddof;       /* of variances and standard deviations */
    gk_move_argsort *argsort;
} gk_moving;

/* Item i of a result is the statistic of items i - window + 1 to i of the source that exist and are not
 * NaN, or NaN if these are fewer than min_count. Computed in doubles from the items in the window
 * alone, so nothing that has left the window has an effect, not even on the rounding. */
int gk_move(const gk_moving *moving, const char *src, char *dst, const gk_slices *slices, const gk_options *options);

#endif
