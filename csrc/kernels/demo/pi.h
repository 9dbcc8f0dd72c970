/* Monte Carlo estimate of pi with a counter-based generator. The result depends on
 * samples and seed only, never on threads or instruction set. */
#ifndef GK_PI_H
#define GK_PI_H

#include "runtime/parallel.h"

#include <stdint.h>

/* Counts in *inside how many of the points begin <= i < end of the unit square,
 * drawn uniformly, lie in the quarter disc; begin <= end <= 2^63. pi is about
 * 4 * inside / (end - begin). The counts of ranges add up to that of the whole.
 *
 * Block b of Philox4x32-10 with the key `seed` and the counter (b, 0) gives
 * points 2b and 2b+1: words 0 and 1, then words 2 and 3. A point is inside when
 * (x >> 1)^2 + (y >> 1)^2 < 2^62, in integers.
 *
 * GK_OK, or the status of gk_parallel_for, with *inside unchanged. */
int gk_pi(uint64_t begin, uint64_t end, uint64_t seed, const gk_options *options, uint64_t *inside);

/* Counts the points of blocks begin <= b < end that are outside, on this thread.
 * begin >> 32 and (end - 1) >> 32 must be equal. */
uint64_t gk_pi_outside(uint64_t begin, uint64_t end, uint64_t seed);

/* One block of Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random
 * numbers: as easy as 1, 2, 3"): out = permutation of counter under key. */
void gk_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#endif
