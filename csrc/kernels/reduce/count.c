#include "base/compiler.h"
#include "base/isa.h"
#include "kernels/reduce/accumulators.h"

#include <string.h>

static void count_start(gk_accumulators *accumulators, int64_t width)
{
    memset(accumulators->state[0], 0, (size_t)width * sizeof(int64_t));
    accumulators->rows = 0;
}

static void count_merge(gk_part into, int64_t into_count, gk_part from, int64_t from_count, int64_t k)
{
    (void)into_count;
    (void)from_count;
    int64_t *count = into.a;
    const int64_t *other = from.a;
    for (int64_t i = 0; i < k; i++)
        count[i] += other[i];
}

static void count_fold(gk_accumulators *accumulators, int64_t groups, int64_t k, gk_part part)
{
    int64_t *count = (int64_t *)(void *)accumulators->state[0];
    for (int64_t half = groups / 2 * k; half >= k; half /= 2)
        count_merge((gk_part){.a = count}, 0, (gk_part){.a = count + half}, 0, half);
    memcpy(part.a, count, (size_t)k * sizeof *count);
}

static int any_settled(const gk_accumulators *accumulators, int64_t width)
{
    const int64_t *count = (const int64_t *)(const void *)accumulators->state[0];
    int64_t found = 0;
    for (int64_t i = 0; i < width; i++)
        found |= count[i];
    return found != 0;
}

/* Not after an incomplete row, which adds to accumulators->rows but not to all counts. */
static int all_settled(const gk_accumulators *accumulators, int64_t width)
{
    const int64_t *count = (const int64_t *)(const void *)accumulators->state[0];
    int64_t zeros = 0;
    for (int64_t i = 0; i < width; i++)
        zeros |= accumulators->rows - count[i];
    return zeros != 0;
}

#define FOREACH_ISA "kernels/reduce/count_isa.h"
#include "base/foreach_isa.h"

const gk_accumulator_ops *gk_accumulators_count(gk_type type)
{
    return GK_DISPATCH(count)[type];
}

const gk_accumulator_ops *gk_accumulators_any(gk_type type)
{
    return GK_DISPATCH(any)[type];
}

const gk_accumulator_ops *gk_accumulators_all(gk_type type)
{
    return GK_DISPATCH(all)[type];
}
