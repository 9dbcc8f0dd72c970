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

GK_INLINE uint64_t bits(int64_t x)
{
    return (uint64_t)x;
}

/* X(name, entry, type of values, what an empty entry has as its value, the statement that
 * adds x to the entry e, the statement that adds the entry `from`, of later values).
 *
 * In a minimum or maximum, no number replaces a NaN. NaNs do not replace numbers here either:
 * group.c stores them afterwards. The first and the last value are found by their positions, which
 * are added as values, counted from 1. */
#define GROUP_OPERATIONS(X)                                                                                   \
    X(sum, float_entry, double, 0, e->value += x, add_exactly(&e->value, error, from->value))                 \
    X(mean, mean_entry, double, 0, (e->value += x, e->count += 1),                                            \
      (add_exactly(&e->value, error, from->value), e->count += from->count))                                  \
    X(variance, variance_entry, double, 0, e->value += square(x - e->mean),                                   \
      add_exactly(&e->value, error, from->value))                                                             \
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
    X(first, integer_entry, int64_t, 0, e->value = e->value == 0 ? x : e->value,                              \
      e->value = e->value == 0 ? from->value : e->value)                                                      \
    X(last, integer_entry, int64_t, 0, e->value = x, e->value = from->value != 0 ? from->value : e->value)

#define DEFINE(name, entry, type, empty_value, add_x, add_from)                                               \
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
    }                                                                                                         \
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
#undef DEFINE

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
