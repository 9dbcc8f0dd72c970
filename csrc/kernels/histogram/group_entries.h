/* The state that each operation on groups keeps for a result, and how values change it. Included by
 * group.c only.
 *
 * A table has one entry for each result. The functions go through the entries begin..end - 1,
 * except add_NAME(), which adds n values to the entries that their indices name. It takes
 * turns in four tables that are `stride` entries apart, because an addition to an entry
 * waits for the previous one to the same entry. With a stride of 0, the four are one. */
#ifndef GK_GROUP_ENTRIES_H
#define GK_GROUP_ENTRIES_H

#include <math.h>
#include <stdint.h>

#include "base/compiler.h"

typedef struct {
    double value;
} float_entry;

typedef struct {
    int64_t value;
} integer_entry;

typedef struct {
    double value, count; /* both doubles, so that one instruction adds to both */
} mean_entry;

typedef struct {
    double value; /* the squared deviations from the mean */
    double mean;
} squares_entry;

/* The variance of a part of the values, in two passes: first the sum and the count, then, from the mean, the sums of the
 * deviations and of their squares. The first of these is not 0, because the mean is rounded. */
typedef struct {
    double value; /* the sum, then the mean */
    double count;
    double deviations, squares;
} variance_entry;

/* TwoSum. */
GK_INLINE void add_exactly(double *sum, double *error, double x)
{
    double total = *sum + x, part = total - *sum;
    *error += (*sum - (total - part)) + (x - part);
    *sum = total;
}

GK_INLINE double square(double x)
{
    return x * x;
}

/* The squared deviations from the mean without its rounding error. */
GK_INLINE double corrected_squares(const variance_entry *e)
{
    double squares = e->squares - e->deviations * (e->deviations / e->count);
    return squares > 0 ? squares : squares != squares ? e->squares : 0;
}

/* Merges variances (Chan, Golub and LeVeque). The mean is the sum of e->value and *error. */
GK_INLINE void merge_variances(variance_entry *e, double *error, const variance_entry *from)
{
    if (from->count == 0)
        return;
    double rest = from->deviations / from->count, squares = corrected_squares(from);
    if (e->count == 0) {
        *e = (variance_entry){from->value, from->count, 0, squares};
        *error = rest;
        return;
    }
    double total = e->count + from->count, share = from->count / total;
    double delta = (from->value - e->value) + (rest - *error);
    e->squares += squares + delta * delta * (e->count * share);
    add_exactly(&e->value, error, delta * share);
    e->count = total;
}

GK_INLINE uint64_t bits(int64_t x)
{
    return (uint64_t)x;
}

GK_INLINE void store_if_empty(integer_entry *e, int64_t position)
{
    if (e->value == 0)
        e->value = position;
}

/* X(name, entry, type of values, what an empty entry has as its value, the statement that
 * adds x to the entry e, the statement that adds the entry `from`, of later values).
 *
 * In a minimum or maximum, no number replaces a NaN. NaNs do not replace numbers here either:
 * group.c stores them afterwards. The first and the last value are found by their positions, which
 * are added as values, counted from 1. For the last, the values that `from` has are earlier ones. */
#define GROUP_OPERATIONS(X)                                                                                   \
    X(sum, float_entry, double, 0, e->value += x, add_exactly(&e->value, error, from->value))                 \
    X(mean, mean_entry, double, 0, (e->value += x, e->count += 1),                                            \
      (add_exactly(&e->value, error, from->value), e->count += from->count))                                  \
    X(variance, variance_entry, double, 0, (e->value += x, e->count += 1), merge_variances(e, error, from))   \
    X(prod, float_entry, double, 1, e->value *= x, e->value *= from->value)                                   \
    X(min, float_entry, double, INFINITY, e->value = x < e->value ? x : e->value,                             \
      e->value = from->value < e->value || from->value != from->value ? from->value : e->value)               \
    X(max, float_entry, double, -INFINITY, e->value = x > e->value ? x : e->value,                            \
      e->value = from->value > e->value || from->value != from->value ? from->value : e->value)               \
    X(integer_sum, integer_entry, int64_t, 0, e->value = (int64_t)(bits(e->value) + bits(x)),                 \
      e->value = (int64_t)(bits(e->value) + bits(from->value)))                                               \
    X(integer_prod, integer_entry, int64_t, 1, e->value = (int64_t)(bits(e->value) * bits(x)),                \
      e->value = (int64_t)(bits(e->value) * bits(from->value)))                                               \
    X(signed_min, integer_entry, int64_t, INT64_MAX, e->value = x < e->value ? x : e->value,                  \
      e->value = from->value < e->value ? from->value : e->value)                                             \
    X(signed_max, integer_entry, int64_t, INT64_MIN, e->value = x > e->value ? x : e->value,                  \
      e->value = from->value > e->value ? from->value : e->value)                                             \
    X(unsigned_min, integer_entry, int64_t, -1, e->value = bits(x) < bits(e->value) ? x : e->value,           \
      e->value = bits(from->value) < bits(e->value) ? from->value : e->value)                                 \
    X(unsigned_max, integer_entry, int64_t, 0, e->value = bits(x) > bits(e->value) ? x : e->value,            \
      e->value = bits(from->value) > bits(e->value) ? from->value : e->value)                                 \
    X(first, integer_entry, int64_t, 0, store_if_empty(e, x), store_if_empty(e, from->value))                 \
    X(last, integer_entry, int64_t, 0, e->value = x, store_if_empty(e, from->value))

#define DEFINE_ADD(name, entry, type, add_x)                                                                  \
    static void add_##name(void *table, int64_t stride, const uint32_t *index, const void *values, int64_t n) \
    {                                                                                                         \
        entry *e0 = table, *e1 = e0 + stride, *e2 = e1 + stride, *e3 = e2 + stride, *e;                       \
        const type *v = values;                                                                               \
        type x;                                                                                               \
        int64_t k = 0;                                                                                        \
        for (; k + 4 <= n; k += 4) {                                                                          \
            e = &e0[index[k]], x = v[k], add_x;                                                               \
            e = &e1[index[k + 1]], x = v[k + 1], add_x;                                                       \
            e = &e2[index[k + 2]], x = v[k + 2], add_x;                                                       \
            e = &e3[index[k + 3]], x = v[k + 3], add_x;                                                       \
        }                                                                                                     \
        for (; k < n; k++)                                                                                    \
            e = &e0[index[k]], x = v[k], add_x;                                                               \
    }
#define DEFINE(name, entry, type, empty_value, add_x, add_from)                                               \
    DEFINE_ADD(name, entry, type, add_x)                                                                      \
    static void merge_##name(void *into, const void *table, double *errors, int64_t begin, int64_t end)       \
    {                                                                                                         \
        for (int64_t i = begin; i < end; i++) {                                                               \
            entry *e = (entry *)into + i;                                                                     \
            const entry *from = (const entry *)table + i;                                                     \
            double *error = errors != NULL ? errors + i : NULL;                                               \
            (void)error;                                                                                      \
            add_from;                                                                                         \
        }                                                                                                     \
    }                                                                                                         \
    static void clear_##name(void *table, int64_t begin, int64_t end)                                         \
    {                                                                                                         \
        for (int64_t i = begin; i < end; i++)                                                                 \
            ((entry *)table)[i] = (entry){.value = empty_value};                                              \
    }
GROUP_OPERATIONS(DEFINE)
DEFINE_ADD(deviations, variance_entry, double, (x -= e->value, e->deviations += x, e->squares += square(x)))
DEFINE_ADD(squares, squares_entry, double, e->value += square(x - e->mean))
#undef DEFINE
#undef DEFINE_ADD

/* add_first() with a map of a byte for each entry, which says whether it has a value and is `stride` entries from the table. It
 * stays in the cache where the table does not. Values that come first are listed without a branch, which would often be
 * mispredicted, and only they are stored, because a store makes a cache line dirty. */
static void add_unless_seen(void *table, int64_t stride, const uint32_t *index, const void *values, int64_t n)
{
    enum { LISTED = 64 };
    integer_entry *entries = table;
    uint8_t *seen = (uint8_t *)(entries + stride);
    const int64_t *v = values;
    for (int64_t begin = 0; begin < n; begin += LISTED) {
        int64_t list[LISTED], found = 0, end = begin + LISTED < n ? begin + LISTED : n;
        for (int64_t k = begin; k < end; k++) {
            list[found] = k;
            found += seen[index[k]] == 0;
            seen[index[k]] = 1;
        }
        for (int64_t m = 0; m < found; m++)
            entries[index[list[m]]].value = v[list[m]];
    }
}

/* Between the two passes over the values of variances. */
static void sums_to_means(variance_entry *entries, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        entries[i].value /= entries[i].count;
}

/* After an overflow, the error is NaN. */
GK_INLINE double with_error(double sum, double error)
{
    double total = sum + error;
    return isfinite(total) ? total : sum;
}

GK_INLINE void store_float(double x, int64_t i, int64_t size, void *to)
{
    if (size == 4)
        ((float *)to)[i] = (float)x;
    else
        ((double *)to)[i] = x;
}

/* The low bytes of an integer. */
GK_INLINE void store_integer(int64_t x, int64_t i, int64_t size, void *to)
{
    switch (size) {
    case 1: ((uint8_t *)to)[i] = (uint8_t)x; break;
    case 2: ((uint16_t *)to)[i] = (uint16_t)x; break;
    case 4: ((uint32_t *)to)[i] = (uint32_t)x; break;
    default: ((int64_t *)to)[i] = x; break;
    }
}

#endif
