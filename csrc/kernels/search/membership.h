/* Which items of an array are among the elements of a set. */
#ifndef GK_MEMBERSHIP_H
#define GK_MEMBERSHIP_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* found[i] = (items[i] is one of the m elements) != inverted. Items and elements are
 * contiguous and of one type. -0.0 equals 0.0, and NaN equals nothing. */
int gk_isin(const void *items, int64_t n, const void *elements, int64_t m, gk_type type, int inverted, uint8_t *found,
            const gk_options *options);

#endif
