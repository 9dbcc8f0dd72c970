/* Includes minmax_template.h for every type. minmax_isa.h includes this file once
 * for min and once for max, and defines
 *   TABLE                 the name of the table to define
 *   SUFFIXED(x, type)     x with the suffixes of operation, type and instruction set
 *   ORDERED(x, y)         whether x replaces y: x < y or x > y
 *   NEUTRAL_OF(min, max)  the limit of the type that any value replaces
 *   WITHOUT_NANS          optional: NaNs replace nothing, and only floats are in the table
 * This file undefines them at its end. */

#ifndef WITHOUT_NANS
#define BETTER(x, y) ORDERED(x, y)

#define T int8_t
#define TYPED(x) SUFFIXED(x, i8)
#define NEUTRAL NEUTRAL_OF(INT8_MIN, INT8_MAX)
#include "kernels/reduce/minmax_template.h"

#define T uint8_t
#define TYPED(x) SUFFIXED(x, u8)
#define NEUTRAL NEUTRAL_OF(0, UINT8_MAX)
#include "kernels/reduce/minmax_template.h"

#define T int16_t
#define TYPED(x) SUFFIXED(x, i16)
#define NEUTRAL NEUTRAL_OF(INT16_MIN, INT16_MAX)
#include "kernels/reduce/minmax_template.h"

#define T uint16_t
#define TYPED(x) SUFFIXED(x, u16)
#define NEUTRAL NEUTRAL_OF(0, UINT16_MAX)
#include "kernels/reduce/minmax_template.h"

#define T int32_t
#define TYPED(x) SUFFIXED(x, i32)
#define NEUTRAL NEUTRAL_OF(INT32_MIN, INT32_MAX)
#include "kernels/reduce/minmax_template.h"

#define T uint32_t
#define TYPED(x) SUFFIXED(x, u32)
#define NEUTRAL NEUTRAL_OF(0, UINT32_MAX)
#include "kernels/reduce/minmax_template.h"

#define T int64_t
#define TYPED(x) SUFFIXED(x, i64)
#define NEUTRAL NEUTRAL_OF(INT64_MIN, INT64_MAX)
#include "kernels/reduce/minmax_template.h"

#define T uint64_t
#define TYPED(x) SUFFIXED(x, u64)
#define NEUTRAL NEUTRAL_OF(0, UINT64_MAX)
#include "kernels/reduce/minmax_template.h"

#undef BETTER
#define BETTER(x, y) (ORDERED(x, y) | ((x) != (x)))
#else /* comparisons with NaN are false */
#define BETTER(x, y) ORDERED(x, y)
#endif

#define T float
#define TYPED(x) SUFFIXED(x, f32)
#define NEUTRAL NEUTRAL_OF(-HUGE_VALF, HUGE_VALF)
#include "kernels/reduce/minmax_template.h"

#define T double
#define TYPED(x) SUFFIXED(x, f64)
#define NEUTRAL NEUTRAL_OF(-HUGE_VAL, HUGE_VAL)
#include "kernels/reduce/minmax_template.h"

#undef BETTER

static const gk_accumulator_ops *const TABLE[GK_TYPES] = {
#ifndef WITHOUT_NANS
    [GK_BOOL] = &SUFFIXED(ops, u8),     [GK_INT8] = &SUFFIXED(ops, i8),
    [GK_UINT8] = &SUFFIXED(ops, u8),    [GK_INT16] = &SUFFIXED(ops, i16),
    [GK_UINT16] = &SUFFIXED(ops, u16),  [GK_INT32] = &SUFFIXED(ops, i32),
    [GK_UINT32] = &SUFFIXED(ops, u32),  [GK_INT64] = &SUFFIXED(ops, i64),
    [GK_UINT64] = &SUFFIXED(ops, u64),
#endif
    [GK_FLOAT32] = &SUFFIXED(ops, f32), [GK_FLOAT64] = &SUFFIXED(ops, f64),
};

#undef WITHOUT_NANS
#undef TABLE
#undef SUFFIXED
#undef ORDERED
#undef NEUTRAL_OF
