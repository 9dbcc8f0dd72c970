/* The Mandelbrot set: the number of steps after which each point of a grid escapes. */
#ifndef GK_MANDELBROT_H
#define GK_MANDELBROT_H

#include "runtime/parallel.h"

#include <stdint.h>

/* Sets out[i * width + j] to the number of steps z -> z*z + c that are taken from
 * z = 0 while |z|^2 <= 4, at most max_iter, where
 *     c = x0 + j * ((x1 - x0) / (width - 1)) + i (y0 + i * ((y1 - y0) / (height - 1)))
 * A single column is at x0, a single row at y0. Computed in doubles, with
 *     z*z + c = (zr*zr - zi*zi + cr) + i ((zr + zr)*zi + ci).
 *
 * Requires width, height >= 1 with width * height * 4 <= SIZE_MAX / 2, max_iter >= 0,
 * and finite x1 - x0 and y1 - y0. Returns GK_OK, or the status of gk_parallel_for,
 * and then `out` is partly written. */
int gk_mandelbrot(int64_t width, int64_t height, double x0, double x1, double y0, double y1,
                  int32_t max_iter, int32_t *out, const gk_options *options);

#endif
