#include "base/compiler.h"
#include "base/isa.h"
#include "kernels/reduce/accumulators.h"

#include <math.h>
#include <string.h>

#define FOREACH_ISA "kernels/reduce/minmax_isa.h"
#include "base/foreach_isa.h"

const gk_accumulator_ops *gk_accumulators_min(gk_type type)
{
    return GK_DISPATCH(min)[type];
}

const gk_accumulator_ops *gk_accumulators_max(gk_type type)
{
    return GK_DISPATCH(max)[type];
}

const gk_accumulator_ops *gk_accumulators_nanmin(gk_type type)
{
    return GK_DISPATCH(nanmin)[type];
}

const gk_accumulator_ops *gk_accumulators_nanmax(gk_type type)
{
    return GK_DISPATCH(nanmax)[type];
}
