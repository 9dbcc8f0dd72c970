/* Random integers of any range, with NumPy's bits: what numpy.random.Generator.integers draws from
 * a new Philox. The method is that of Lemire, "Fast random integer generation in an interval"
 * (2019). */
#ifndef GK_INTEGERS_H
#define GK_INTEGERS_H

#include <stdint.h>

#include "runtime/parallel.h"

/* Fills out[0..n), integers of `size` bytes (1, 2, 4 or 8) and either sign, with low + k, where
 * 0 <= k <= last is uniform and `last` fits into the size. The sum wraps around. */
int gk_integers(void *out, int64_t n, int size, uint64_t low, uint64_t last, const uint64_t key[2],
                const gk_options *options);

#endif
