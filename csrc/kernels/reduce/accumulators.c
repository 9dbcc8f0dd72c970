#include "kernels/reduce/accumulators.h"

#include "base/compiler.h"
#include "base/isa.h"

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

static void merge_isum(gk_part into, int64_t into_count, gk_part from, int64_t from_count, int64_t k)
{
    (void)into_count;
    (void)from_count;
    uint64_t *total = into.a;
    const uint64_t *other = from.a;
    for (int64_t i = 0; i < k; i++)
        total[i] += other[i];
}

static void merge_var(gk_part into, int64_t into_count, gk_part from, int64_t from_count, int64_t k)
{
    double *mean = into.a;
    const double *other = from.a;
    double share = (double)from_count / (double)(into_count + from_count);
    double weight = (double)into_count * share;
    for (int64_t i = 0; i < k; i++) {
        double delta = (other[i] - mean[i]) + (from.b[i] - into.b[i]);
        double step = delta * share, sum = mean[i] + step, taken = sum - mean[i];
        into.b[i] += (mean[i] - (sum - taken)) + (step - taken);
        mean[i] = sum;
        into.c[i] += from.c[i] + delta * delta * weight;
    }
}

/* Merges the last, incomplete row into `part`, which has been reduced over
 * `count` elements for each output. */
static void fold_var_tail(const gk_accumulators *accumulators, int64_t count, int64_t k, gk_part part)
{
    int64_t n = accumulators->tail_count / k;
    for (int64_t j = 0; j < k; j++) {
        const double *x = accumulators->tail + j;
        double sum = 0, deviation = 0, square = 0;
        for (int64_t i = 0; i < n; i++)
            sum += x[i * k];
        double mean = sum / (double)n;
        for (int64_t i = 0; i < n; i++) {
            double d = x[i * k] - mean;
            deviation += d;
            square += d * d;
        }
        double shift = deviation / (double)n;
        square -= deviation * shift;
        gk_part output = {.a = (double *)part.a + j, .b = part.b + j, .c = part.c + j};
        if (count > 0) {
            merge_var(output, count, (gk_part){.a = &mean, .b = &shift, .c = &square}, n, 1);
        } else {
            *(double *)output.a = mean;
            *output.b = shift;
            *output.c = square;
        }
    }
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

const gk_accumulator_ops *gk_accumulators_variance(void)
{
    return GK_DISPATCH_ADDRESS(var_ops);
}
