/* Reductions of arrays of any layout along any axes, in parallel. */
#ifndef GK_KERNELS_REDUCE_H
#define GK_KERNELS_REDUCE_H

#include "kernels/array/layout.h"
#include "runtime/parallel.h"

typedef enum { GK_SUM, GK_MEAN, GK_VAR, GK_STD, GK_MIN, GK_MAX } gk_reduction;

/* Writes the outputs side by side. Sums are int64_t (uint64_t) for integers and
 * bool, of the array's type for floats; means, variances and deviations are
 * double but for float arrays, whose type they have; extremes are of the
 * array's type. ddof: of variances, less than the elements for each output.
 *
 * Sums of floats are computed in doubles, compensated; their error is below
 * 8 units in the last place of the sum of magnitudes, whatever the length. */
int gk_reduce(gk_reduction what, const gk_layout *layout, double ddof, void *out,
              const gk_options *options);

/* The same for n elements side by side and one output, on the calling thread
 * alone. For n <= GK_REDUCE_SERIAL the bits are those of gk_reduce. */
enum { GK_REDUCE_SERIAL = 1 << 15 };
void gk_reduce_serial(gk_reduction what, gk_type type, const void *x, int64_t n, double ddof,
                      void *out);

#endif
