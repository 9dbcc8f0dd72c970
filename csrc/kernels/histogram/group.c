/* Values are added block by block to a table that has an entry for each result. */
#include "kernels/histogram/group.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/isa.h"
#include "kernels/array/load.h"
#include "kernels/array/memory.h"
#include "kernels/histogram/group_entries.h"
#include "kernels/histogram/group_call.h"

#define FOREACH_ISA "kernels/histogram/group_template.h"
#include "base/foreach_isa.h"

/* The values are divided into stretches, each of which has tables of its own. These are merged in the order of the
 * stretches, with compensation of rounding errors. The length of a stretch depends on the numbers of results and of values
 * only. With more than PRIVATE_RESULTS results, tables do not fit in a core's cache: then there are at most MAX_LARGE, and
 * one if a result would get few values from a stretch or a table has more than LARGE_BYTES. Values are added to one table
 * in order: each participant owns a part of it and reads every value. */
enum { PRIVATE_RESULTS = 1 << 16, MIN_STRETCH = 1 << 14, ITEMS_A_RESULT = 8 };
enum { MAX_LARGE = 8, ITEMS_IN_LARGE = 4 /* of a stretch for each result */, LARGE_BYTES = 1 << 24 };

/* Stretches are added and merged in waves, whose tables have about this many entries. First values are complete once every
 * group has one, so their waves start small, with MIN_WAVE stretches or, if tables are large, one for each thread, and
 * double. Last values are found in the same way, from the last stretch backwards. */
enum { WAVE_ENTRIES = 1 << 20, MIN_WAVE = 16 };

/* Small tables take turns, so that additions to one entry do not wait for each other. */
enum { COPIES = 4, COPIED_RESULTS = 255 };

/* Additional entries of a table, for values that belong to no result or to another participant's
 * part. */
enum { OTHERS = 8 };

enum { CACHED_BYTES = 1 << 19 }; /* the entries of larger tables are prefetched, if they are not small */

typedef void add_function(void *table, int64_t stride, const uint32_t *index, const void *values, int64_t n);
typedef void merge_function(void *into, const void *table, double *errors, int64_t begin, int64_t end);
typedef void clear_function(void *table, int64_t begin, int64_t end);

typedef enum { doubles, integers, positions } value_form; /* the type to which values are converted
                                                             before they are added */

typedef struct {
    add_function *add;
    merge_function *merge;
    clear_function *clear;
    int8_t entry_size;
    int8_t form;
    int8_t compensated; /* whether merging collects rounding errors */
    int8_t in_order;    /* whether the order of the values matters */
} operation;

#define ROW(name, entry, form, compensated, in_order) \
    {add_##name, merge_##name, clear_##name, sizeof(entry), form, compensated, in_order}
#define FOR_ALL(row) {row, row, row}

/* The rows for floats, integers that are added as int64_t, and uint64. */
static const operation operations[GK_GROUP_OPERATIONS][3] = {
    [GK_GROUP_SUM] = {ROW(sum, float_entry, doubles, 1, 0), ROW(integer_sum, integer_entry, integers, 0, 0),
                      ROW(integer_sum, integer_entry, integers, 0, 0)},
    [GK_GROUP_PROD] = {ROW(prod, float_entry, doubles, 0, 0), ROW(integer_prod, integer_entry, integers, 0, 0),
                       ROW(integer_prod, integer_entry, integers, 0, 0)},
    [GK_GROUP_MEAN] = FOR_ALL(ROW(mean, mean_entry, doubles, 1, 0)),
    [GK_GROUP_VAR] = FOR_ALL(ROW(variance, variance_entry, doubles, 1, 0)),
    [GK_GROUP_STD] = FOR_ALL(ROW(variance, variance_entry, doubles, 1, 0)),
    [GK_GROUP_MIN] = {ROW(min, float_entry, doubles, 0, 0), ROW(signed_min, integer_entry, integers, 0, 0),
                      ROW(unsigned_min, integer_entry, integers, 0, 0)},
    [GK_GROUP_MAX] = {ROW(max, float_entry, doubles, 0, 0), ROW(signed_max, integer_entry, integers, 0, 0),
                      ROW(unsigned_max, integer_entry, integers, 0, 0)},
    [GK_GROUP_FIRST] = FOR_ALL(ROW(first, integer_entry, positions, 0, 1)),
    [GK_GROUP_LAST] = FOR_ALL(ROW(last, integer_entry, positions, 0, 1)),
};

/* For large tables. */
static const operation first_with_map = {add_unless_seen, merge_first, clear_first, sizeof(integer_entry), positions, 0, 1};

static const operation *operation_of(gk_group_operation what, gk_type type)
{
    return &operations[what][gk_is_float(type) ? 0 : type == GK_UINT64 ? 2 : 1];
}

typedef struct {
    gk_group_call *of;
    const operation *op;
    char *totals;   /* the table of the results */
    double *errors; /* rounding errors of the totals, or NULL */
    char *tables;   /* those of the stretches of a wave; NULL: one table for all */
    int64_t stride; /* entries of a table */
    int64_t map;    /* the entries before the map of a table, if it has one */
    int64_t copies;
    int64_t stretch, first, wave; /* values of a stretch; the first stretch of the wave, and their number */
    int64_t parts;                /* of the one table */
    int by_rows;                  /* parts are whole rows of the outer shape */
    int prefetch;                 /* whether the entries of a block are prefetched */
    union {
        float_entry f;
        integer_entry i;
    } none; /* for minima and maxima: the entry of a group without values */
    double *counts; /* of the values of each result, for variances in one table */
    gk_group_operation what;
    void *result;
    int64_t result_size;
    uint8_t *empty;
} run;

/* Returns the values of a block in the given form, in place or converted into the buffer. */
static const void *block_of_values(const gk_grouping *g, value_form form, int64_t begin, int64_t n, void *buffer)
{
    int64_t size = gk_itemsize(g->type);
    const char *from = (const char *)g->values + begin * size;
    if (form == positions)
        GK_DISPATCH(count_from)(buffer, begin + 1, n);
    else if (g->type == (form == doubles ? GK_FLOAT64 : GK_INT64))
        return from;
    else
        (form == doubles ? gk_load_as_float64(g->type) : gk_load_as_int64(g->type))(buffer, from, size, n);
    return buffer;
}

/* Writes the indices of labels first..first + n - 1, or `groups`. */
static void index_of_labels(const gk_group_call *of, int64_t first, int64_t n, uint32_t *index)
{
    const gk_grouping *g = of->g;
    int64_t buffer[GK_BINNING_BLOCK], size = gk_itemsize(g->label_type);
    const char *from = (const char *)g->labels + first * size;
    const int64_t *labels = buffer;
    if (g->label_type == GK_INT64)
        labels = (const int64_t *)(const void *)from;
    else
        gk_load_as_int64(g->label_type)(buffer, from, size, n);
    int too_large = GK_DISPATCH(narrow_labels)(labels, n, g->groups, index);
    if (g->label_type == GK_UINT64)
        for (int64_t i = 0; i < n; i++)
            too_large |= labels[i] < 0; /* as an int64_t */
    if (too_large)
        atomic_store_explicit(of->out_of_range, 1, memory_order_relaxed);
}

/* The index of each value is that of its result, or the number of results. */
static void group_index(const void *data, int64_t begin, int64_t n, uint32_t *index)
{
    const gk_group_call *of = data;
    const gk_grouping *g = of->g;
    uint32_t none = (uint32_t)of->results;
    if (g->outer == 1 && g->inner == 1) {
        index_of_labels(of, begin, n, index);
    } else {
        uint32_t labels[GK_BINNING_BLOCK];
        int64_t row = begin / g->inner, at = begin % g->inner; /* the row of inner values, and the
                                                                  position in it */
        for (int64_t k = 0; k < n;) {
            int64_t first = row % g->n, rows = gk_ceil_div(at + n - k, g->inner);
            if (rows > g->n - first)
                rows = g->n - first;
            index_of_labels(of, first, rows, labels);
            uint32_t base = (uint32_t)(row / g->n * g->groups * g->inner);
            for (int64_t r = 0; r < rows; r++, row++, at = 0) {
                uint32_t start = base + labels[r] * (uint32_t)g->inner + (uint32_t)at;
                int64_t here = g->inner - at < n - k ? g->inner - at : n - k;
                int is_none = labels[r] == g->groups;
                for (int64_t i = 0; i < here; i++)
                    index[k + i] = is_none ? none : start + (uint32_t)i;
                k += here;
            }
        }
    }
    if (g->skip_nans && gk_is_float(g->type)) {
        double buffer[GK_BINNING_BLOCK];
        GK_DISPATCH(drop_nans)(block_of_values(g, doubles, begin, n, buffer), n, none, index);
    }
}

/* Called after a block was added for minima or maxima. Stores NaNs, and records whether a value
 * equals the initial value of an empty group. */
static void look_at_extremes(const run *r, const void *values, int64_t n, const uint32_t *index, char *table)
{
    int found = r->op->form == doubles ? GK_DISPATCH(find_doubles)(values, n, r->none.f.value)
                                       : GK_DISPATCH(find_integers)(values, n, r->none.i.value);
    if (found & 2)
        atomic_store_explicit(r->of->ambiguous, 1, memory_order_relaxed);
    if (found & 1)
        for (int64_t k = 0; k < n; k++) {
            double x = ((const double *)values)[k];
            if (x != x)
                ((float_entry *)(void *)table)[index[k]].value = x;
        }
}

/* Prefetches the `bytes` bytes at an address. */
GK_INLINE void prefetch(uintptr_t address, int64_t bytes)
{
    for (int64_t i = 0; i < bytes; i += 64)
        GK_PREFETCH(address + (uintptr_t)i);
}

/* Labels and values are read a block at a time, in turn. While a block is added, the processor does not fetch the next one by
 * itself. */
static void add_and_prefetch(const run *r, add_function *add, int64_t begin, int64_t n, const uint32_t *index,
                             const void *values, char *table, int64_t stride)
{
    enum { STEP = 32 };
    const gk_grouping *g = r->of->g;
    int64_t size = gk_itemsize(g->type), label_size = g->outer * g->inner == 1 ? gk_itemsize(g->label_type) : 0;
    for (int64_t k = 0; k < n; k += STEP) {
        uintptr_t later = (uintptr_t)(begin + n + k);
        prefetch((uintptr_t)g->values + later * (uintptr_t)size, STEP * size);
        prefetch((uintptr_t)g->labels + later * (uintptr_t)label_size, STEP * label_size);
        add(table, stride, index + k, (const int64_t *)values + k, n - k < STEP ? n - k : STEP);
    }
}

/* Adds the values of a block to the entries that their indices name. */
static void add_block(const run *r, add_function *add, int64_t begin, int64_t n, const uint32_t *index, char *table,
                      int64_t stride)
{
    int64_t buffer[GK_BINNING_BLOCK];
    const void *values = block_of_values(r->of->g, r->op->form, begin, n, buffer);
    if (r->prefetch)
        for (int64_t k = 0; k < n; k++)
            GK_PREFETCH((uintptr_t)table + (uintptr_t)(index[k] * r->op->entry_size));
    add_and_prefetch(r, add, begin, n, index, values, table, stride);
    if (r->what == GK_GROUP_MIN || r->what == GK_GROUP_MAX)
        look_at_extremes(r, values, n, index, table);
}

static int is_over(const run *r)
{
    return gk_cancelled() || atomic_load_explicit(r->of->out_of_range, memory_order_relaxed);
}

static void add_values(const run *r, add_function *add, int64_t begin, int64_t end, char *table, int64_t stride)
{
    uint32_t index[GK_BINNING_BLOCK];
    for (int64_t i = begin; i < end; i += GK_BINNING_BLOCK) {
        int64_t n = end - i < GK_BINNING_BLOCK ? end - i : GK_BINNING_BLOCK;
        group_index(r->of, i, n, index);
        add_block(r, add, i, n, index, table, stride);
        if ((i - begin) % GK_GROUP_POLL_EVERY == 0 && is_over(r))
            return;
    }
}

static int is_variance(const run *r)
{
    return r->what == GK_GROUP_VAR || r->what == GK_GROUP_STD;
}

/* The values from..to - 1 of stretch s of the wave. */
static void find_stretch(const run *r, int64_t s, int64_t *from, int64_t *to)
{
    int64_t place = r->first + s;
    if (r->what == GK_GROUP_LAST)
        place = gk_ceil_div(r->of->items, r->stretch) - 1 - place;
    *from = place * r->stretch;
    *to = *from + r->stretch < r->of->items ? *from + r->stretch : r->of->items;
}

static void add_stretches(int64_t begin, int64_t end, void *data)
{
    const run *r = data;
    int64_t table_bytes = r->stride * r->op->entry_size, stride = r->copies > 1 ? r->stride : r->map, from, to;
    for (int64_t s = begin; s < end; s++) {
        char *tables = r->tables + s * r->copies * table_bytes;
        find_stretch(r, s, &from, &to);
        r->op->clear(tables, 0, r->copies * r->stride);
        add_values(r, r->op->add, from, to, tables, stride);
        if (is_variance(r)) { /* the values are in the cache */
            sums_to_means((variance_entry *)(void *)tables, r->copies * r->stride);
            add_values(r, add_deviations, from, to, tables, stride);
        }
    }
}

static void merge_stretches(int64_t begin, int64_t end, void *data)
{
    const run *r = data;
    for (int64_t t = 0; t < r->wave * r->copies; t++)
        r->op->merge(r->totals, r->tables + t * r->stride * r->op->entry_size, r->errors, begin, end);
}

/* Checks the labels of stretches whose values are not needed. */
static void check_stretches(int64_t begin, int64_t end, void *data)
{
    const run *r = data;
    uint32_t index[GK_BINNING_BLOCK];
    int64_t from, to;
    for (int64_t s = begin; s < end; s++) {
        find_stretch(r, s, &from, &to);
        for (int64_t i = from; i < to; i += GK_BINNING_BLOCK) {
            int64_t n = to - i < GK_BINNING_BLOCK ? to - i : GK_BINNING_BLOCK;
            if (r->of->g->outer * r->of->g->inner == 1)
                index_of_labels(r->of, i, n, index);
            else
                group_index(r->of, i, n, index);
            if ((i - from) % GK_GROUP_POLL_EVERY == 0 && is_over(r))
                return;
        }
    }
}

/* Whether every group has a first or last value. */
static int is_complete(const run *r)
{
    const integer_entry *entries = (const void *)r->totals;
    int64_t i = 0;
    if (r->op->form != positions)
        return 0;
    while (i < r->of->results && entries[i].value != 0)
        i++;
    return i == r->of->results;
}

/* Adds to parts of the one table. */
static void add_parts(int64_t begin, int64_t end, void *data)
{
    const run *r = data;
    int64_t units = r->by_rows ? r->of->g->outer : r->of->results, results = r->of->results / (units > 0 ? units : 1);
    int64_t items = r->by_rows ? r->of->items / units : 0;
    for (int64_t part = begin; part < end; part++) {
        int64_t low = units * part / r->parts, high = units * (part + 1) / r->parts;
        int64_t from = r->by_rows ? items * low : 0, to = r->by_rows ? items * high : r->of->items;
        uint32_t other = (uint32_t)(r->of->results + OTHERS * part), index[GK_BINNING_BLOCK];
        for (int64_t i = from; i < to; i += GK_BINNING_BLOCK) {
            int64_t n = to - i < GK_BINNING_BLOCK ? to - i : GK_BINNING_BLOCK;
            group_index(r->of, i, n, index);
            GK_DISPATCH(restrict_to_part)(index, n, (uint32_t)(low * results), (uint32_t)((high - low) * results),
                                          other);
            add_block(r, r->op->add, i, n, index, r->totals, r->map);
            if ((i - from) % GK_GROUP_POLL_EVERY == 0 && is_over(r))
                return;
        }
    }
}

static void add_here(int64_t begin, int64_t end, void *data)
{
    const run *r = data;
    (void)begin;
    (void)end;
    add_values(r, r->op->add, 0, r->of->items, r->totals, r->map);
}

static void clear_totals(int64_t begin, int64_t end, void *data)
{
    const run *r = data;
    r->op->clear(r->totals, begin, end);
    for (int64_t i = begin; r->errors != NULL && i < end; i++)
        r->errors[i] = 0;
}

static int for_all(const run *r, int64_t n, gk_body *body, int64_t grain, const gk_options *options)
{
    gk_options mine = *options;
    mine.grain = grain;
    mine.eager = grain == 1 && r->of->items > 1 << 18;
    return n <= grain ? gk_run_here(n, body, (void *)r, &mine) : gk_parallel_for(n, body, (void *)r, &mine);
}

enum { ENTRIES_GRAIN = 1 << 13 };

static int add_all(run *r, const gk_options *options)
{
    if (r->tables == NULL)
        return r->parts == 1 ? for_all(r, 1, add_here, 1, options) : for_all(r, r->parts, add_parts, 1, options);
    int64_t stretches = gk_ceil_div(r->of->items, r->stretch), largest = r->wave;
    int64_t smallest = r->of->results <= PRIVATE_RESULTS ? MIN_WAVE : gk_participants(options);
    int64_t wave = r->op->form == positions && smallest < largest ? smallest : largest;
    int status = GK_OK, complete = 0;
    for (r->first = 0; r->first < stretches && status == GK_OK; r->first += r->wave) {
        r->wave = stretches - r->first;
        if (complete) {
            status = for_all(r, r->wave, check_stretches, 1, options);
            continue;
        }
        r->wave = wave < r->wave ? wave : r->wave;
        if ((status = for_all(r, r->wave, add_stretches, 1, options)) == GK_OK)
            status = for_all(r, r->of->results, merge_stretches, ENTRIES_GRAIN, options);
        complete = is_complete(r);
        wave = 2 * wave < largest ? 2 * wave : largest;
    }
    r->wave = largest;
    return status;
}

static double total(const run *r, double sum, int64_t i)
{
    return r->errors != NULL ? with_error(sum, r->errors[i]) : sum;
}

/* Turns the means into entries that accumulate squared deviations. */
static void means_to_squares(int64_t begin, int64_t end, void *data)
{
    const run *r = data;
    for (int64_t i = begin; i < end; i++) {
        mean_entry e = ((mean_entry *)(void *)r->totals)[i];
        r->counts[i] = e.count;
        ((squares_entry *)(void *)r->totals)[i] = (squares_entry){0, e.value / e.count};
    }
}

/* In one table, variances take a second pass over all values, from the means. */
static const operation squares_in_one_table = {.add = add_squares, .entry_size = sizeof(squares_entry)};

static int add_second_pass(run *r, const gk_options *options)
{
    r->counts = gk_allocate(r->of->results, sizeof *r->counts);
    if (r->counts == NULL)
        return GK_NO_MEMORY;
    r->op = &squares_in_one_table;
    int status = for_all(r, r->of->results, means_to_squares, ENTRIES_GRAIN, options);
    return status == GK_OK ? add_all(r, options) : status;
}

/* The divisor of a variance is never negative, as in NumPy. */
static double variance_of(const run *r, int64_t i)
{
    const variance_entry *e = (const variance_entry *)(const void *)r->totals + i;
    int in_one_table = r->counts != NULL;
    double squares = in_one_table ? ((const squares_entry *)(const void *)r->totals)[i].value : e->squares;
    double divisor = (in_one_table ? r->counts[i] : e->count) - r->of->g->ddof;
    if (divisor <= 0 && r->of->g->skip_nans) /* numpy.nanvar's result, where numpy.var divides by 0 */
        return NAN;
    return squares / (divisor > 0 ? divisor : 0);
}

static void store_value_at(const run *r, int64_t i, int64_t position)
{
    int64_t size = r->result_size;
    r->empty[i] = position == 0;
    if (position == 0)
        return;
    char *to = (char *)r->result + i * size;
    const char *from = (const char *)r->of->g->values + (position - 1) * size;
    switch (size) { /* copies of known sizes need no call */
    case 1: memcpy(to, from, 1); break;
    case 2: memcpy(to, from, 2); break;
    case 4: memcpy(to, from, 4); break;
    default: memcpy(to, from, 8); break;
    }
}

static void finish_results(int64_t begin, int64_t end, void *data)
{
    const run *r = data;
    int64_t size = r->result_size;
    const float_entry *sums = (const void *)r->totals;
    const integer_entry *whole = (const void *)r->totals;
    const mean_entry *means = (const void *)r->totals;
    switch (r->what) {
    case GK_GROUP_MEAN:
        for (int64_t i = begin; i < end; i++)
            store_float(total(r, means[i].value, i) / means[i].count, i, size, r->result);
        break;
    case GK_GROUP_VAR:
        for (int64_t i = begin; i < end; i++)
            store_float(variance_of(r, i), i, size, r->result);
        break;
    case GK_GROUP_STD:
        for (int64_t i = begin; i < end; i++)
            store_float(sqrt(variance_of(r, i)), i, size, r->result);
        break;
    case GK_GROUP_FIRST:
    case GK_GROUP_LAST:
        for (int64_t i = begin; i < end; i++)
            store_value_at(r, i, whole[i].value);
        break;
    default:
        if (r->op->form == doubles)
            for (int64_t i = begin; i < end; i++)
                store_float(total(r, sums[i].value, i), i, size, r->result);
        else
            for (int64_t i = begin; i < end; i++)
                store_integer(whole[i].value, i, size, r->result);
    }
}

gk_binning gk_group_binning(const gk_group_call *of)
{
    return (gk_binning){group_index, of, of->items, of->results, of->g->labels, gk_itemsize(of->g->label_type), 0};
}

static int count(gk_group_call *of, int64_t *result, const gk_options *options)
{
    gk_binning binning = gk_group_binning(of);
    int64_t *counts = gk_allocate(of->results + 1, sizeof *counts);
    if (counts == NULL)
        return GK_NO_MEMORY;
    int status = gk_binning_counts(&binning, counts, options);
    if (status == GK_OK)
        status = gk_copy(result, counts, of->results * (int64_t)sizeof *counts, options);
    free(counts);
    return status;
}

static void find_entries_without_values(int64_t begin, int64_t end, void *data)
{
    const run *r = data;
    const int64_t *entries = (const void *)r->totals;
    for (int64_t i = begin; i < end; i++)
        r->empty[i] = entries[i] == r->none.i.value;
}

/* Sets `empty` for minima and maxima. The values are counted only if that of an empty group
 * occurs among them. */
static int find_empty(const run *r, const gk_options *options)
{
    if (!atomic_load_explicit(r->of->ambiguous, memory_order_relaxed))
        return for_all(r, r->of->results, find_entries_without_values, ENTRIES_GRAIN, options);
    int64_t *counts = gk_allocate(r->of->results, sizeof *counts);
    if (counts == NULL)
        return GK_NO_MEMORY;
    int status = count(r->of, counts, options);
    for (int64_t i = 0; i < r->of->results && status == GK_OK; i++)
        r->empty[i] = counts[i] == 0;
    free(counts);
    return status;
}

static int64_t stretch_of(const run *r)
{
    int64_t items = r->of->items, results = r->of->results, stretches = 1;
    if (results <= PRIVATE_RESULTS)
        return results * ITEMS_A_RESULT > MIN_STRETCH ? results * ITEMS_A_RESULT : MIN_STRETCH;
    if (results > LARGE_BYTES / r->op->entry_size)
        return items;
    while (stretches < MAX_LARGE && 2 * stretches * ITEMS_IN_LARGE <= items / results)
        stretches *= 2;
    return gk_ceil_div(items, stretches);
}

/* How the values are divided. Returns the bytes of memory for all tables. */
static int64_t plan(run *r, const gk_options *options)
{
    int64_t items = r->of->items, results = r->of->results, others = 1;
    r->stretch = gk_ceil_div(stretch_of(r), GK_BINNING_BLOCK) * GK_BINNING_BLOCK;
    r->parts = r->copies = 1;
    r->wave = 0;
    if (items > r->stretch) {
        r->copies = results <= COPIED_RESULTS && !r->op->in_order ? COPIES : 1;
        int64_t wave = WAVE_ENTRIES / (r->copies * (results + 1)), stretches = gk_ceil_div(items, r->stretch);
        wave = wave > MIN_WAVE ? wave : MIN_WAVE;
        r->wave = wave < stretches ? wave : stretches;
    } else if (items > GK_GROUP_FEW) {
        int threads = gk_participants(options);
        r->by_rows = r->of->g->outer > 1;
        int64_t max_parts = r->by_rows ? r->of->g->outer : GK_BINNING_MAX_PARTS;
        r->parts = threads > 1 && r->by_rows ? 4 * threads : threads;
        if (r->parts > max_parts)
            r->parts = max_parts;
        if (results + OTHERS * r->parts > UINT32_MAX)
            r->parts = 1; /* indices have 32 bits */
        others = OTHERS * r->parts;
    }
    if (is_variance(r) && r->wave == 0)
        r->op = &operations[GK_GROUP_MEAN][0];
    if (r->what == GK_GROUP_FIRST && results > PRIVATE_RESULTS) {
        r->op = &first_with_map;
        r->map = results + others;
    }
    r->stride = gk_whole_lines(results + others + gk_ceil_div(r->map, r->op->entry_size), r->op->entry_size);
    r->prefetch = r->op->entry_size > 8 && r->stride * r->op->entry_size > CACHED_BYTES;
    return (1 + r->wave * r->copies) * r->stride * r->op->entry_size;
}

int gk_group_reduce(const gk_grouping *g, gk_group_operation what, void *result, uint8_t *empty, int *out_of_range,
                    const gk_options *options)
{
    atomic_int too_large = 0, ambiguous = 0;
    gk_group_call of = {g, g->outer * g->n * g->inner, g->outer * g->groups * g->inner, &too_large, &ambiguous};
    gk_options mine = options != NULL ? *options : (gk_options){0};
    int status;
    if (what == GK_GROUP_COUNT) {
        status = count(&of, result, &mine);
    } else {
        run r = {.of = &of, .op = operation_of(what, g->type), .what = what, .result = result, .empty = empty};
        int is_own = gk_is_float(g->type) || what >= GK_GROUP_MIN;
        r.result_size = is_own ? gk_itemsize(g->type) : 8;
        if (what == GK_GROUP_MIN || what == GK_GROUP_MAX)
            r.op->clear(&r.none, 0, 1);
        int64_t bytes = plan(&r, &mine);
        char *block = gk_allocate(bytes + GK_CACHE_LINE, 1);
        if (block != NULL) {
            r.totals = gk_next_line(block);
            r.tables = r.wave > 0 ? r.totals + r.stride * r.op->entry_size : NULL;
        }
        if (r.wave > 0 && r.op->compensated)
            r.errors = gk_allocate(r.stride, sizeof *r.errors);
        if (block == NULL || (r.wave > 0 && r.op->compensated && r.errors == NULL))
            status = GK_NO_MEMORY;
        else if ((status = for_all(&r, r.stride, clear_totals, ENTRIES_GRAIN, &mine)) == GK_OK)
            status = add_all(&r, &mine);
        if (status == GK_OK && is_variance(&r) && r.wave == 0)
            status = add_second_pass(&r, &mine);
        if (status == GK_OK)
            status = for_all(&r, of.results, finish_results, ENTRIES_GRAIN, &mine);
        if (status == GK_OK && (what == GK_GROUP_MIN || what == GK_GROUP_MAX))
            status = find_empty(&r, &mine);
        free(r.counts);
        free(r.errors);
        free(block);
    }
    *out_of_range = atomic_load_explicit(&too_large, memory_order_relaxed);
    return status;
}
