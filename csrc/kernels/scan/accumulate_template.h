/* The operations for each type, included by base/foreach_isa.h for each instruction set. */

#define NEVER(a) 0
#define IS_NAN(a) ((a) != (a))
#define IS_ZERO(a) ((a) == 0)

/* Maxima and minima; of equal items, the later one. */
#define OP(a, b) ((a) > (b) ? (a) : (b))
#define SUFFIXED(x, type) NAME(x##_max_##type)
#define LOWEST(min, max) (min)
#define TABLE NAME(max)
#include "kernels/scan/accumulate_extremes.h"
#undef OP
#undef SUFFIXED
#undef LOWEST
#undef TABLE

#define OP(a, b) ((a) < (b) ? (a) : (b))
#define SUFFIXED(x, type) NAME(x##_min_##type)
#define LOWEST(min, max) (max)
#define TABLE NAME(min)
#include "kernels/scan/accumulate_extremes.h"
#undef OP
#undef SUFFIXED
#undef LOWEST
#undef TABLE

/* Products. Those of integers are modulo 2^64 and may be computed in any order. Those of floats are
 * never folded. */
#define OP(a, b) ((a) * (b))
#define STAYS NEVER
#define IN_ORDER NEVER
#define NEUTRAL 1
#define T uint64_t
#define F(x) NAME(x##_product_uint64_t)
#include "kernels/scan/accumulate_types.h"
#define NEUTRAL 1
#define T float
#define F(x) NAME(x##_product_float)
#include "kernels/scan/accumulate_types.h"
#define NEUTRAL 1
#define T double
#define F(x) NAME(x##_product_double)
#include "kernels/scan/accumulate_types.h"
#undef OP
#undef STAYS
#undef IN_ORDER

static const operation NAME(product)[3] = {
    {NAME(run_product_uint64_t), NAME(row_product_uint64_t), NAME(fold_product_uint64_t)},
    {NAME(run_product_float), NAME(row_product_float), NAME(fold_product_float)},
    {NAME(run_product_double), NAME(row_product_double), NAME(fold_product_double)},
};

#undef NEVER
#undef IS_NAN
#undef IS_ZERO
