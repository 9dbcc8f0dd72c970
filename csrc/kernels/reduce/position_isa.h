/* The positions of the minimum and the maximum of every type, included by base/foreach_isa.h for each instruction set. */

#define TEMPLATE "kernels/reduce/position_template.h"

#define TABLE NAME(argmin)
#define SUFFIXED(x, type) NAME(x##_argmin_##type)
#define ORDERED(x, y) ((x) < (y))
#define NEUTRAL_OF(min, max) (max)
#include "kernels/reduce/minmax_types.h"

#define TABLE NAME(argmax)
#define SUFFIXED(x, type) NAME(x##_argmax_##type)
#define ORDERED(x, y) ((x) > (y))
#define NEUTRAL_OF(min, max) (min)
#include "kernels/reduce/minmax_types.h"

#define TABLE NAME(nanargmin)
#define SUFFIXED(x, type) NAME(x##_nanargmin_##type)
#define ORDERED(x, y) ((x) < (y))
#define NEUTRAL_OF(min, max) (max)
#define WITHOUT_NANS
#include "kernels/reduce/minmax_types.h"

#define TABLE NAME(nanargmax)
#define SUFFIXED(x, type) NAME(x##_nanargmax_##type)
#define ORDERED(x, y) ((x) > (y))
#define NEUTRAL_OF(min, max) (min)
#define WITHOUT_NANS
#include "kernels/reduce/minmax_types.h"

/* For bool, of which nothing replaces true. */
static const gk_accumulator_ops NAME(argmax_bool) = {
    NAME(start_argmax_u8), NAME(rows_argmax_u8), NAME(tail_argmax_u8), NAME(fold_argmax_u8), NAME(merge_argmax_u8), NULL,
    has_true,
};

#undef TEMPLATE
