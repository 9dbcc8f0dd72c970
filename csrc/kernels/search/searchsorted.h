/* Binary search of many keys in a sorted array. */
#ifndef GK_SEARCHSORTED_H
#define GK_SEARCHSORTED_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* places[i] is the number of sorted items that are < keys[i], or <= keys[i] if `right`.
 * Both arrays are contiguous and of one type of 4 or 8 bytes. NaNs come last and are equal to each other. */
int gk_searchsorted(const void *sorted, int64_t n, const void *keys, int64_t m, gk_type type, int right,
                    int64_t *places, const gk_options *options);

/* On this thread: places[i] is the number of sorted doubles that are <= keys[i]. */
void gk_search_doubles(const double *sorted, int64_t n, const double *keys, int64_t m, int64_t *places);

#endif
