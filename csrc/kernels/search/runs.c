#include "kernels/search/runs.h"

#include "base/compiler.h"
#include "base/isa.h"
#include "kernels/array/memory.h"

typedef struct {
    const gk_runs *runs;
    void *values;
    int64_t *starts;
    const int64_t *places;
    int64_t *numbers;
} writing;

#define FOREACH_ISA "kernels/search/runs_types.h"
#include "base/foreach_isa.h"

#define DIFFER_INTEGER(a, b) ((a) != (b))
/* NaNs are at the end, so only the first of them follows another item. */
#define DIFFER_FLOAT(a, b) ((a) != (b) && (r->nans_differ || (a) == (a)))

/* For items of one C type: writes the runs that begin in begin..end - 1, numbered from `number` on, and the numbers of all
 * items. */
#define WRITE(name, type, DIFFER)                                                             \
    static void write_##name(const writing *w, int64_t begin, int64_t end, int64_t number)    \
    {                                                                                         \
        const gk_runs *r = w->runs;                                                           \
        const type *x = r->items;                                                             \
        type *values = w->values;                                                             \
        for (int64_t i = begin; i < end; i++) {                                               \
            if (i == 0 || DIFFER(x[i - 1], x[i])) {                                           \
                if (values != NULL)                                                           \
                    values[number] = x[i];                                                    \
                if (w->starts != NULL)                                                        \
                    w->starts[number] = i;                                                    \
                number++;                                                                     \
            }                                                                                 \
            if (w->numbers != NULL)                                                           \
                w->numbers[w->places != NULL ? w->places[i] : i] = number - 1;                \
        }                                                                                     \
    }

WRITE(8, uint8_t, DIFFER_INTEGER)
WRITE(16, uint16_t, DIFFER_INTEGER)
WRITE(32, uint32_t, DIFFER_INTEGER)
WRITE(64, uint64_t, DIFFER_INTEGER)
WRITE(float, float, DIFFER_FLOAT)
WRITE(double, double, DIFFER_FLOAT)

#define COUNT(name, type)                                                                     \
    static int64_t count_##name(const gk_runs *r, int64_t begin, int64_t end)                 \
    {                                                                                         \
        const type *x = r->items;                                                             \
        int64_t found = begin == 0;                                                           \
        for (int64_t i = begin + (begin == 0); i < end; i++)                                  \
            found += x[i - 1] != x[i];                                                        \
        return found;                                                                         \
    }

COUNT(8, uint8_t)
COUNT(16, uint16_t)

static int64_t count(const gk_runs *r, int64_t begin, int64_t end)
{
    switch (r->type) {
    case GK_FLOAT64: return GK_DISPATCH(count_double)(r, begin, end);
    case GK_FLOAT32: return GK_DISPATCH(count_float)(r, begin, end);
    default: break;
    }
    switch (gk_itemsize(r->type)) {
    case 8: return GK_DISPATCH(count_64)(r, begin, end);
    case 4: return GK_DISPATCH(count_32)(r, begin, end);
    case 2: return count_16(r, begin, end);
    default: return count_8(r, begin, end);
    }
}

static void write(const writing *w, int64_t begin, int64_t end, int64_t number)
{
    const gk_runs *r = w->runs;
    gk_type type = r->type;
    int64_t size = gk_itemsize(type);
    if (w->numbers == NULL && size >= 4) {
        if (type == GK_FLOAT64)
            GK_DISPATCH(write_firsts_double)(r, begin, end, number, w->values, w->starts);
        else if (type == GK_FLOAT32)
            GK_DISPATCH(write_firsts_float)(r, begin, end, number, w->values, w->starts);
        else if (size == 8)
            GK_DISPATCH(write_firsts_64)(r, begin, end, number, w->values, w->starts);
        else
            GK_DISPATCH(write_firsts_32)(r, begin, end, number, w->values, w->starts);
        return;
    }
    (type == GK_FLOAT64   ? write_double
     : type == GK_FLOAT32 ? write_float
     : size == 8          ? write_64
     : size == 4          ? write_32
     : size == 2          ? write_16
                          : write_8)(w, begin, end, number);
}

static int64_t chunk_end(const gk_runs *runs, int64_t c)
{
    return (c + 1) * GK_RUNS_CHUNK < runs->n ? (c + 1) * GK_RUNS_CHUNK : runs->n;
}

static void count_chunks(int64_t begin, int64_t end, void *data)
{
    const gk_runs *runs = data;
    for (int64_t c = begin; c < end; c++)
        runs->offsets[c + 1] = count(runs, c * GK_RUNS_CHUNK, chunk_end(runs, c));
}

static void write_chunks(int64_t begin, int64_t end, void *data)
{
    const writing *w = data;
    const gk_runs *runs = w->runs;
    for (int64_t c = begin; c < end; c++)
        write(w, c * GK_RUNS_CHUNK, chunk_end(runs, c), runs->offsets[c]);
}

int gk_runs_count(const gk_runs *runs, const gk_options *options)
{
    int64_t chunks = gk_ceil_div(runs->n, GK_RUNS_CHUNK);
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.grain = 1;
    mine.eager = chunks >= 8;
    int status = gk_parallel_for(chunks, count_chunks, (void *)runs, &mine);
    runs->offsets[0] = 0;
    for (int64_t c = 0; c < chunks && status == GK_OK; c++)
        runs->offsets[c + 1] += runs->offsets[c];
    return status;
}

int gk_runs_write(const gk_runs *runs, void *values, int64_t *starts, const int64_t *places, int64_t *numbers,
                  const gk_options *options)
{
    writing w = {runs, values, starts, places, numbers};
    int64_t chunks = gk_ceil_div(runs->n, GK_RUNS_CHUNK);
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.grain = 1;
    mine.eager = chunks >= 8;
    return gk_parallel_for(chunks, write_chunks, &w, &mine);
}
