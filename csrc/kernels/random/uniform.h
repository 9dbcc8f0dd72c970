/* Uniform random numbers from Philox4x64-10, as a new numpy.random.Philox draws them.
 * Block c of four words depends only on the key and on c. */
#ifndef GK_UNIFORM_H
#define GK_UNIFORM_H

#include <stdint.h>

#include "runtime/parallel.h"

/* Fills out[0..n) with numbers k / 2^53, where k < 2^53 is uniform. */
int gk_uniform_float64(double *out, int64_t n, const uint64_t key[2], const gk_options *options);

/* The same with numbers k / 2^24, k < 2^24. */
int gk_uniform_float32(float *out, int64_t n, const uint64_t key[2], const gk_options *options);

#endif
