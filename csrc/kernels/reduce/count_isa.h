/* The numbers of nonzero elements of every type, included by base/foreach_isa.h for each instruction set. */

#define T uint8_t
#define INDEX int8_t
#define TYPED(x) NAME(x##_u8)
#include "kernels/reduce/count_template.h"

#define T uint16_t
#define INDEX int16_t
#define TYPED(x) NAME(x##_u16)
#include "kernels/reduce/count_template.h"

#define T uint32_t
#define INDEX int32_t
#define TYPED(x) NAME(x##_u32)
#include "kernels/reduce/count_template.h"

#define T uint64_t
#define INDEX int64_t
#define TYPED(x) NAME(x##_u64)
#include "kernels/reduce/count_template.h"

#define T float
#define INDEX int32_t
#define TYPED(x) NAME(x##_f32)
#include "kernels/reduce/count_template.h"

#define T double
#define INDEX int64_t
#define TYPED(x) NAME(x##_f64)
#include "kernels/reduce/count_template.h"

#define OF_EACH_TYPE(ops)                                                                                          \
    {                                                                                                              \
        [GK_BOOL] = &NAME(ops##_u8), [GK_INT8] = &NAME(ops##_u8), [GK_UINT8] = &NAME(ops##_u8),                    \
        [GK_INT16] = &NAME(ops##_u16), [GK_UINT16] = &NAME(ops##_u16), [GK_INT32] = &NAME(ops##_u32),              \
        [GK_UINT32] = &NAME(ops##_u32), [GK_INT64] = &NAME(ops##_u64), [GK_UINT64] = &NAME(ops##_u64),             \
        [GK_FLOAT32] = &NAME(ops##_f32), [GK_FLOAT64] = &NAME(ops##_f64),                                          \
    }
static const gk_accumulator_ops *const NAME(count)[GK_TYPES] = OF_EACH_TYPE(count_ops);
static const gk_accumulator_ops *const NAME(any)[GK_TYPES] = OF_EACH_TYPE(any_ops);
static const gk_accumulator_ops *const NAME(all)[GK_TYPES] = OF_EACH_TYPE(all_ops);
#undef OF_EACH_TYPE
