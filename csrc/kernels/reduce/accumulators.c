#include "kernels/reduce/accumulators.h"

#include "base/compiler.h"
#include "base/isa.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Functions that run rarely are compiled once, without SIMD. */

static void merge_sum(gk_part into, int64_t into_count, gk_part from, int64_t from_count, int64_t k)
{
    (void)into_count;
    (void)from_count;
    double *total = into.a;
    const double *other = from.a;
    for (int64_t i = 0; i < k; i++) {
        double sum = total[i] + other[i], taken = sum - total[i];
        into.b[i] += ((total[i] - (sum - taken)) + (other[i] - taken)) + from.b[i];
        total[i] = sum;
    }
}

static void merge_nansum(gk_part into, int64_t into_count, gk_part from, int64_t from_count, int64_t k)
{
    merge_sum(into, into_count, from, from_count, k);
    for (int64_t i = 0; i < k; i++)
        into.c[i] += from.c[i];
}

#define FOREACH_ISA "kernels/reduce/accumulators_template.h"
#include "base/foreach_isa.h"

const gk_accumulator_ops *gk_accumulators_sum_float64(void)
{
    return GK_DISPATCH_ADDRESS(sum_ops);
}

const gk_accumulator_ops *gk_accumulators_nansum_float64(void)
{
    return GK_DISPATCH_ADDRESS(nansum_ops);
}

const gk_accumulator_ops *gk_accumulators_sum_int64(void)
{
    return GK_DISPATCH_ADDRESS(isum_ops);
}

const gk_accumulator_ops *gk_accumulators_prod_float64(void)
{
    return GK_DISPATCH_ADDRESS(prod_ops);
}

const gk_accumulator_ops *gk_accumulators_nanprod_float64(void)
{
    return GK_DISPATCH_ADDRESS(nanprod_ops);
}

const gk_accumulator_ops *gk_accumulators_prod_int64(void)
{
    return GK_DISPATCH_ADDRESS(iprod_ops);
}

const gk_accumulator_ops *gk_accumulators_variance(void)
{
    return GK_DISPATCH_ADDRESS(var_ops);
}

const gk_accumulator_ops *gk_accumulators_nanvariance(void)
{
    return GK_DISPATCH_ADDRESS(nanvar_ops);
}
