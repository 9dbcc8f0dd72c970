/* What each reduction is: one table, which the kernel, the result's dtype in Python
 * and the tests all follow. A new reduction of the same kind is a new row. */
#ifndef GK_OPERATION_H
#define GK_OPERATION_H

#include "kernels/array/dtype.h"
#include "kernels/reduce/accumulators.h"
#include "kernels/reduce/reduce.h"

typedef struct {
    /* What accumulates arrays of a type. */
    const gk_accumulator_ops *(*ops)(gk_type type);
    /* The type that elements are converted to first, and that of the result. */
    gk_type (*computed)(gk_type type), (*result)(gk_type type);
    /* Writes n outputs of `size` bytes each, of parts that are reduced over `count` elements. */
    void (*finish)(gk_part part, int64_t n, double count, double ddof, int64_t size, char *out);
} gk_operation;

/* The row of the table, which is one for integers and bool, another for floats. */
const gk_operation *gk_operation_of(gk_reduction what, gk_type type);

#endif
