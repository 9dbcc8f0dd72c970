/* Exactly rounded sums of doubles, in parallel.
 *
 * A sum is kept as one long integer, in units of the smallest double: what is
 * added up is exact, so neither order nor number of threads matter, and the
 * result is rounded once. Blocks of elements are summed before that by SIMD
 * without any rounding error: adding and subtracting a power of two well above
 * all of them cuts their leading bits off, whose sum is then exact in a double,
 * and so on with the rest until nothing is left (Rump, Ogita and Oishi). */
#ifndef GK_FSUM_H
#define GK_FSUM_H

#include <stdint.h>

#include "kernels/array/layout.h"
#include "runtime/parallel.h"

typedef enum {
    GK_FSUM_EXACT,       /* *sum is the sum, rounded to nearest even */
    GK_FSUM_NOT_FINITE,  /* an element is infinite or NaN: see `seen` */
    GK_FSUM_LARGE,       /* the magnitudes add up to 2^1023 or more */
} gk_fsum_kind;

enum { GK_FSUM_PLUS = 1, GK_FSUM_MINUS = 2, GK_FSUM_NAN = 4 };

typedef struct {
    gk_fsum_kind kind;
    int seen; /* infinities of either sign, NaN */
    double sum;
} gk_fsum_result;

/* The sum of all elements of an array of any layout, each converted to double;
 * of the layout every axis is reduced. */
int gk_fsum(const gk_layout *layout, const gk_options *options, gk_fsum_result *result);

/* The same, and a sum of GK_FSUM_EXACT unrounded: as `count` doubles, each of
 * what the ones before leave, rounded. Every part takes 53 bits or more off. */
enum { GK_FSUM_PARTS = 44 };
int gk_fsum_parts(const gk_layout *layout, const gk_options *options, gk_fsum_result *result,
                  double parts[GK_FSUM_PARTS], int *count);

#endif
