/* numpy.where: items of one array or of another, chosen by a condition. */
#ifndef GK_CHOOSE_H
#define GK_CHOOSE_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* An operand, with its strides in bytes; 0 along the dimensions that it is repeated along. */
typedef struct {
    const char *data;
    const int64_t *stride;
    gk_type from; /* its type, if it is to be converted, else GK_TYPES */
} gk_choice;

/* Sets chosen[i] to x[i] where the item of the condition is not 0, and to y[i] elsewhere. All have
 * this shape, in which no dimension may be 0. Items of the condition have one byte. The result is
 * contiguous, with items of `size` bytes. If an operand is to be converted, its type is `result`:
 * float64, int64 or uint64. */
int gk_choose(int ndim, const int64_t *shape, const gk_choice *condition, const gk_choice *x, const gk_choice *y,
              int64_t size, gk_type result, void *chosen, const gk_options *options);

#endif
