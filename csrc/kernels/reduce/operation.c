#include "kernels/reduce/operation.h"

#include <math.h>
#include <string.h>

/* ---- Types */

static gk_type own(gk_type type)
{
    return type;
}

static gk_type float64(gk_type type)
{
    (void)type;
    return GK_FLOAT64;
}

static gk_type int64(gk_type type)
{
    (void)type;
    return GK_INT64;
}

static gk_type boolean(gk_type type)
{
    (void)type;
    return GK_BOOL;
}

/* Integer sums and products wrap modulo 2^64. */
static gk_type widest(gk_type type)
{
    switch (type) {
    case GK_UINT8: case GK_UINT16: case GK_UINT32: case GK_UINT64: return GK_UINT64;
    default: return GK_INT64;
    }
}

/* ---- Accumulators that do not depend on the element type */

static const gk_accumulator_ops *sums_of_doubles(gk_type type)
{
    (void)type;
    return gk_accumulators_sum_float64();
}

static const gk_accumulator_ops *nansums(gk_type type)
{
    (void)type;
    return gk_accumulators_nansum_float64();
}

static const gk_accumulator_ops *sums_of_integers(gk_type type)
{
    (void)type;
    return gk_accumulators_sum_int64();
}

static const gk_accumulator_ops *products_of_doubles(gk_type type)
{
    (void)type;
    return gk_accumulators_prod_float64();
}

static const gk_accumulator_ops *nanproducts(gk_type type)
{
    (void)type;
    return gk_accumulators_nanprod_float64();
}

static const gk_accumulator_ops *products_of_integers(gk_type type)
{
    (void)type;
    return gk_accumulators_prod_int64();
}

static const gk_accumulator_ops *variances(gk_type type)
{
    (void)type;
    return gk_accumulators_variance();
}

static const gk_accumulator_ops *nanvariances(gk_type type)
{
    (void)type;
    return gk_accumulators_nanvariance();
}

/* ---- Writing the results */

static void copy(gk_part part, int64_t n, double count, double ddof, int64_t size, char *out)
{
    (void)count;
    (void)ddof;
    memcpy(out, part.a, (size_t)(n * size));
}

static inline void store(double value, int64_t i, int64_t size, char *out)
{
    if (size == sizeof(float))
        ((float *)(void *)out)[i] = (float)value;
    else
        ((double *)(void *)out)[i] = value;
}

/* The total plus its error. The error is NaN if the total is infinite. */
static inline double total(gk_part part, int64_t i)
{
    const double *sum = part.a;
    return isnan(part.b[i]) ? sum[i] : sum[i] + part.b[i];
}

static void finish_sum(gk_part part, int64_t n, double count, double ddof, int64_t size, char *out)
{
    (void)count;
    (void)ddof;
    for (int64_t i = 0; i < n; i++)
        store(total(part, i), i, size, out);
}

static void finish_mean(gk_part part, int64_t n, double count, double ddof, int64_t size, char *out)
{
    (void)ddof;
    for (int64_t i = 0; i < n; i++)
        store(total(part, i) / count, i, size, out);
}

static void finish_nanmean(gk_part part, int64_t n, double count, double ddof, int64_t size, char *out)
{
    (void)count;
    (void)ddof;
    for (int64_t i = 0; i < n; i++)
        store(total(part, i) / part.c[i], i, size, out);
}

static void finish_prod(gk_part part, int64_t n, double count, double ddof, int64_t size, char *out)
{
    (void)count;
    (void)ddof;
    const double *mantissa = part.a;
    const int64_t *exponent = (const int64_t *)(void *)part.b;
    for (int64_t i = 0; i < n; i++) {
        int64_t e = exponent[i] < -5000 ? -5000 : exponent[i] > 5000 ? 5000 : exponent[i]; /* fits an int, and is no other result */
        store(ldexp(mantissa[i], (int)e), i, size, out);
    }
}

static inline double variance(gk_part part, int64_t i, double ddof)
{
    return part.d[i] > ddof ? part.c[i] / (part.d[i] - ddof) : NAN;
}

static void finish_var(gk_part part, int64_t n, double count, double ddof, int64_t size, char *out)
{
    (void)count;
    for (int64_t i = 0; i < n; i++)
        store(variance(part, i, ddof), i, size, out);
}

static void finish_std(gk_part part, int64_t n, double count, double ddof, int64_t size, char *out)
{
    (void)count;
    for (int64_t i = 0; i < n; i++)
        store(sqrt(variance(part, i, ddof)), i, size, out);
}

/* If all elements have the value that any other replaces, the first one is the answer. */
static void finish_position(gk_part part, int64_t n, double count, double ddof, int64_t size, char *out)
{
    (void)count;
    (void)ddof;
    (void)size;
    const int64_t *position = (const int64_t *)(void *)part.b;
    for (int64_t i = 0; i < n; i++)
        ((int64_t *)(void *)out)[i] = position[i] < 0 ? 0 : position[i];
}

/* If all elements have the value that any other replaces, or are NaN, leaves the answer to the caller. */
static void finish_nanposition(gk_part part, int64_t n, double count, double ddof, int64_t size, char *out)
{
    (void)count;
    (void)ddof;
    memcpy(out, part.b, (size_t)(n * size));
}

static void finish_any(gk_part part, int64_t n, double count, double ddof, int64_t size, char *out)
{
    (void)count;
    (void)ddof;
    (void)size;
    for (int64_t i = 0; i < n; i++)
        out[i] = ((const int64_t *)part.a)[i] > 0;
}

static void finish_all(gk_part part, int64_t n, double count, double ddof, int64_t size, char *out)
{
    (void)ddof;
    (void)size;
    for (int64_t i = 0; i < n; i++)
        out[i] = (double)((const int64_t *)part.a)[i] == count;
}

/* ---- The table */

enum { INTEGERS, FLOATS };

static const gk_operation OPERATIONS[][2] = {
    /*           accumulators         computed in  result   finish       selects */
    [GK_SUM] = {{sums_of_integers,    widest,      widest,  copy,        0},
                {sums_of_doubles,     float64,     own,     finish_sum,  0}},
    [GK_PROD] = {{products_of_integers, widest,    widest,  copy,        0},
                 {products_of_doubles, float64,    own,     finish_prod, 0}},
    [GK_MEAN] = {{sums_of_doubles,    float64,     float64, finish_mean, 0},
                 {sums_of_doubles,    float64,     own,     finish_mean, 0}},
    [GK_VAR] = {{variances,           float64,     float64, finish_var,  0},
                {variances,           float64,     own,     finish_var,  0}},
    [GK_STD] = {{variances,           float64,     float64, finish_std,  0},
                {variances,           float64,     own,     finish_std,  0}},
    [GK_MIN] = {{gk_accumulators_min, own,         own,     copy,        1},
                {gk_accumulators_min, own,         own,     copy,        1}},
    [GK_MAX] = {{gk_accumulators_max, own,         own,     copy,        1},
                {gk_accumulators_max, own,         own,     copy,        1}},
    /* Without NaNs. Integers have none. */
    [GK_NANSUM] = {{sums_of_integers, widest,      widest,  copy,        0},
                   {nansums,          float64,     own,     finish_sum,  0}},
    [GK_NANPROD] = {{products_of_integers, widest, widest,  copy,        0},
                    {nanproducts,     float64,     own,     finish_prod, 0}},
    [GK_NANMEAN] = {{sums_of_doubles, float64,     float64, finish_mean, 0},
                    {nansums,         float64,     own,     finish_nanmean, 0}},
    [GK_NANVAR] = {{variances,        float64,     float64, finish_var,  0},
                   {nanvariances,     float64,     own,     finish_var,  0}},
    [GK_NANSTD] = {{variances,        float64,     float64, finish_std,  0},
                   {nanvariances,     float64,     own,     finish_std,  0}},
    [GK_NANMIN] = {{gk_accumulators_min, own,      own,     copy,        1},
                   {gk_accumulators_nanmin, own,   own,     copy,        1}},
    [GK_NANMAX] = {{gk_accumulators_max, own,      own,     copy,        1},
                   {gk_accumulators_nanmax, own,   own,     copy,        1}},
    /* Positions of elements, and which elements are 0. */
    [GK_ARGMIN] = {{gk_accumulators_argmin, own,   int64,   finish_position, 1},
                   {gk_accumulators_argmin, own,   int64,   finish_position, 1}},
    [GK_ARGMAX] = {{gk_accumulators_argmax, own,   int64,   finish_position, 1},
                   {gk_accumulators_argmax, own,   int64,   finish_position, 1}},
    [GK_NANARGMIN] = {{gk_accumulators_argmin, own, int64,  finish_position, 1},
                      {gk_accumulators_nanargmin, own, int64, finish_nanposition, 1}},
    [GK_NANARGMAX] = {{gk_accumulators_argmax, own, int64,  finish_position, 1},
                      {gk_accumulators_nanargmax, own, int64, finish_nanposition, 1}},
    [GK_COUNT_NONZERO] = {{gk_accumulators_count, own, int64, copy,      1},
                          {gk_accumulators_count, own, int64, copy,      1}},
    [GK_ANY] = {{gk_accumulators_any, own,         boolean, finish_any,  1},
                {gk_accumulators_any, own,         boolean, finish_any,  1}},
    [GK_ALL] = {{gk_accumulators_all, own,         boolean, finish_all,  1},
                {gk_accumulators_all, own,         boolean, finish_all,  1}},
};

const gk_operation *gk_operation_of(gk_reduction what, gk_type type)
{
    return &OPERATIONS[what][gk_is_float(type) ? FLOATS : INTEGERS];
}

gk_reduction_result gk_reduction_result_of(gk_reduction what, gk_type type)
{
    const gk_operation *operation = gk_operation_of(what, type);
    return (gk_reduction_result){.type = operation->result(type), .can_warn = gk_is_float(type) && !operation->selects};
}
