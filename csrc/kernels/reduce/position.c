#include "base/compiler.h"
#include "base/isa.h"
#include "kernels/reduce/accumulators.h"

#include <math.h>
#include <string.h>

static int has_true(const gk_accumulators *accumulators, int64_t width)
{
    return memchr(accumulators->state[0], 1, (size_t)width) != NULL;
}

#define FOREACH_ISA "kernels/reduce/position_isa.h"
#include "base/foreach_isa.h"

const gk_accumulator_ops *gk_accumulators_argmin(gk_type type)
{
    return GK_DISPATCH(argmin)[type];
}

const gk_accumulator_ops *gk_accumulators_argmax(gk_type type)
{
    return type == GK_BOOL ? GK_DISPATCH_ADDRESS(argmax_bool) : GK_DISPATCH(argmax)[type];
}

const gk_accumulator_ops *gk_accumulators_nanargmin(gk_type type)
{
    return GK_DISPATCH(nanargmin)[type];
}

const gk_accumulator_ops *gk_accumulators_nanargmax(gk_type type)
{
    return GK_DISPATCH(nanargmax)[type];
}
