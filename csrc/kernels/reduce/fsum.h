/* Correctly rounded sums of doubles.
 *
 * The sum is one long integer in units of the smallest double. Additions to it are
 * exact, so neither order nor the number of threads matters, and the result is
 * rounded once. Before that, blocks of elements are added with SIMD without any
 * rounding error: adding and subtracting a power of two well above all of them
 * splits off their leading bits, whose sum a double holds exactly. This repeats
 * with the remainders until nothing is left (Rump, Ogita and Oishi). */
#ifndef GK_FSUM_H
#define GK_FSUM_H

#include <stdint.h>

#include "kernels/array/layout.h"
#include "runtime/parallel.h"

typedef enum {
    GK_FSUM_EXACT,       /* `sum` is the sum, rounded to nearest, ties to even */
    GK_FSUM_NOT_FINITE,  /* an element is infinite or NaN; `seen` says which */
    GK_FSUM_LARGE,       /* the magnitudes add up to 2^1023 or more */
} gk_fsum_kind;

enum { GK_FSUM_PLUS = 1, GK_FSUM_MINUS = 2, GK_FSUM_NAN = 4 };

typedef struct {
    gk_fsum_kind kind;
    int seen; /* GK_FSUM_PLUS | GK_FSUM_MINUS | GK_FSUM_NAN */
    double sum;
} gk_fsum_result;

/* Adds all elements of an array, each converted to double. The layout must reduce
 * every axis. */
int gk_fsum(const gk_layout *layout, const gk_options *options, gk_fsum_result *result);

/* The same, and if the kind is GK_FSUM_EXACT, writes the exact sum as `count`
 * doubles. Each is the rounded remainder that the earlier ones leave, and holds
 * at least 53 bits of it. */
enum { GK_FSUM_PARTS = 44 };
int gk_fsum_parts(const gk_layout *layout, const gk_options *options, gk_fsum_result *result,
                  double parts[GK_FSUM_PARTS], int *count);

#endif
