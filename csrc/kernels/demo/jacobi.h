/* Jacobi sweeps of the heat equation on a grid with a fixed border, with temporal
 * blocking. */
#ifndef GK_JACOBI_H
#define GK_JACOBI_H

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* Replaces each inner cell, `sweeps` times, by
 *     0.25 * ((above + below) + (left + right))
 * of the grid before. The border does not change. Grids are rows * columns floats
 * or doubles (type) in row-major order. `out` is `in`, or does not overlap it. Each
 * cell is computed by exactly these operations, whatever the blocking. */
int gk_jacobi(gk_type type, int64_t rows, int64_t columns, const void *in, void *out, int64_t sweeps,
              const gk_options *options);

#endif
