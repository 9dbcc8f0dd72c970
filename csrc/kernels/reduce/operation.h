/* The table of reductions: the accumulators, the type of the result and the last step of each.
 *
 * The kernel reads it, and Python takes the result's dtype from it (see
 * gk_reduction_result_of in reduce.h). A new reduction is a new row. */
#ifndef GK_OPERATION_H
#define GK_OPERATION_H

#include "kernels/array/dtype.h"
#include "kernels/reduce/accumulators.h"
#include "kernels/reduce/reduce.h"

typedef struct {
    /* The accumulators for arrays of a type. */
    const gk_accumulator_ops *(*ops)(gk_type type);
    /* The type that elements are converted to first, and the type of the result. */
    gk_type (*computed)(gk_type type), (*result)(gk_type type);
    /* Writes n outputs of `size` bytes each from parts that were reduced over `count` elements. */
    void (*finish)(gk_part part, int64_t n, double count, double ddof, int64_t size, char *out);
    /* The result is one of the elements, or depends on comparisons only. It does not depend on the rounding mode
     * and cannot overflow, and subnormal elements must not be flushed to 0. */
    int selects;
} gk_operation;

/* The row for this reduction. Each reduction has one row for integers and bool
 * and another for floats. */
const gk_operation *gk_operation_of(gk_reduction what, gk_type type);

#endif
