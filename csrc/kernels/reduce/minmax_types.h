/* Includes TEMPLATE for every type. minmax_isa.h and position_isa.h include this file
 * once for min and once for max, and define
 *   TEMPLATE              minmax_template.h or position_template.h
 *   TABLE                 the name of the table to define
 *   SUFFIXED(x, type)     x with the suffixes of operation, type and instruction set
 *   ORDERED(x, y)         whether x replaces y: x < y or x > y
 *   NEUTRAL_OF(min, max)  the limit of the type that any value replaces
 *   WITHOUT_NANS          optional: NaNs replace nothing, and only floats are in the table
 * This file undefines all but TEMPLATE at its end. The template sees
 *   T, INDEX         the type, and the signed integer of the same size
 *   TYPED(x)         x with the suffixes of operation, type and instruction set
 *   LOWEST, HIGHEST  the limits of the type
 *   IS_NAN(x)        whether x is a NaN, which replaces anything; 0 with WITHOUT_NANS
 *   NOTHING_REPLACES(x)  whether no value replaces x
 * and undefines T, INDEX, TYPED, LOWEST and HIGHEST at its end. */

#define IS_NAN(x) 0
#define NOTHING_REPLACES(x) ((x) == NEUTRAL_OF(HIGHEST, LOWEST))

#ifndef WITHOUT_NANS

#define T int8_t
#define INDEX int8_t
#define TYPED(x) SUFFIXED(x, i8)
#define LOWEST INT8_MIN
#define HIGHEST INT8_MAX
#include TEMPLATE

#define T uint8_t
#define INDEX int8_t
#define TYPED(x) SUFFIXED(x, u8)
#define LOWEST 0
#define HIGHEST UINT8_MAX
#include TEMPLATE

#define T int16_t
#define INDEX int16_t
#define TYPED(x) SUFFIXED(x, i16)
#define LOWEST INT16_MIN
#define HIGHEST INT16_MAX
#include TEMPLATE

#define T uint16_t
#define INDEX int16_t
#define TYPED(x) SUFFIXED(x, u16)
#define LOWEST 0
#define HIGHEST UINT16_MAX
#include TEMPLATE

#define T int32_t
#define INDEX int32_t
#define TYPED(x) SUFFIXED(x, i32)
#define LOWEST INT32_MIN
#define HIGHEST INT32_MAX
#include TEMPLATE

#define T uint32_t
#define INDEX int32_t
#define TYPED(x) SUFFIXED(x, u32)
#define LOWEST 0
#define HIGHEST UINT32_MAX
#include TEMPLATE

#define T int64_t
#define INDEX int64_t
#define TYPED(x) SUFFIXED(x, i64)
#define LOWEST INT64_MIN
#define HIGHEST INT64_MAX
#include TEMPLATE

#define T uint64_t
#define INDEX int64_t
#define TYPED(x) SUFFIXED(x, u64)
#define LOWEST 0
#define HIGHEST UINT64_MAX
#include TEMPLATE

#undef IS_NAN
#undef NOTHING_REPLACES
#define IS_NAN(x) ((x) != (x))
#define NOTHING_REPLACES(x) IS_NAN(x)
#endif

#define T float
#define INDEX int32_t
#define TYPED(x) SUFFIXED(x, f32)
#define LOWEST -HUGE_VALF
#define HIGHEST HUGE_VALF
#include TEMPLATE

#define T double
#define INDEX int64_t
#define TYPED(x) SUFFIXED(x, f64)
#define LOWEST -HUGE_VAL
#define HIGHEST HUGE_VAL
#include TEMPLATE

#undef IS_NAN
#undef NOTHING_REPLACES

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
