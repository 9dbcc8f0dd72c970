/* Normal and exponential random numbers by the ziggurat method: what a numpy.random.Generator draws
 * from a new Philox, up to the last digits of the tables. The method is that of Marsaglia and Tsang,
 * "The ziggurat method for generating random variables" (2000), with Doornik's use of all bits. */
#ifndef GK_ZIGGURAT_H
#define GK_ZIGGURAT_H

#include <stdint.h>

#include "runtime/parallel.h"

/* Fills out[0..n) with loc + scale * z, where z is from the standard normal distribution. */
int gk_normal_float64(double *out, int64_t n, double loc, double scale, const uint64_t key[2], const gk_options *options);
int gk_normal_float32(float *out, int64_t n, float loc, float scale, const uint64_t key[2], const gk_options *options);

/* Fills out[0..n) with scale * x, where x is from the standard exponential distribution. */
int gk_exponential_float64(double *out, int64_t n, double scale, const uint64_t key[2], const gk_options *options);
int gk_exponential_float32(float *out, int64_t n, float scale, const uint64_t key[2], const gk_options *options);

#endif
