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

/* Writes the runs that begin in begin..end - 1, numbered from `number` on, and the numbers of all items. */
#define WRITE(name, type)                                                                     \
    static void write_##name(const writing *w, int64_t begin, int64_t end, int64_t number)    \
    {                                                                                         \
        const gk_runs *r = w->runs;                                                           \
        const type *x = r->items;                                                             \
        type *values = w->values;                                                             \
        for (int64_t i = begin; i < end; i++) {                                               \
            if (i == 0 || begins_##name##_scalar(x, i, r->nans_differ)) {                     \
                if (values != NULL)                                                           \
                    values[number] = x[i];                                                    \
                if (w->starts != NULL)                                                        \
                    w->starts[number] = i;                                                    \
                number++;                                                                     \
            }                                                                                 \
            w->numbers[w->places != NULL ? w->places[i] : i] = number - 1;                    \
        }                                                                                     \
    }

WRITE(8, uint8_t)
WRITE(16, uint16_t)
WRITE(32, uint32_t)
WRITE(64, uint64_t)
WRITE(float, float)
WRITE(double, double)

/* The functions for a type, of the current instruction set where it has its own. */
typedef struct {
    int64_t (*count)(const gk_runs *r, int64_t begin, int64_t end);
    void (*write_firsts)(const gk_runs *r, int64_t begin, int64_t end, int64_t number, void *values, int64_t *starts);
    void (*write)(const writing *w, int64_t begin, int64_t end, int64_t number);
} functions;

static functions functions_of(gk_type type)
{
    switch (gk_itemsize(type)) {
    case 8:
        if (type == GK_FLOAT64)
            return (functions){GK_DISPATCH(count_double), GK_DISPATCH(write_firsts_double), write_double};
        return (functions){GK_DISPATCH(count_64), GK_DISPATCH(write_firsts_64), write_64};
    case 4:
        if (type == GK_FLOAT32)
            return (functions){GK_DISPATCH(count_float), GK_DISPATCH(write_firsts_float), write_float};
        return (functions){GK_DISPATCH(count_32), GK_DISPATCH(write_firsts_32), write_32};
    case 2: return (functions){count_16_scalar, write_firsts_16_scalar, write_16};
    default: return (functions){count_8_scalar, write_firsts_8_scalar, write_8};
    }
}

static int64_t chunk_end(const gk_runs *runs, int64_t c)
{
    return (c + 1) * GK_RUNS_CHUNK < runs->n ? (c + 1) * GK_RUNS_CHUNK : runs->n;
}

static void count_chunks(int64_t begin, int64_t end, void *data)
{
    const gk_runs *runs = data;
    functions of = functions_of(runs->type);
    for (int64_t c = begin; c < end; c++)
        runs->offsets[c + 1] = of.count(runs, c * GK_RUNS_CHUNK, chunk_end(runs, c));
}

static void write_chunks(int64_t begin, int64_t end, void *data)
{
    const writing *w = data;
    const gk_runs *runs = w->runs;
    functions of = functions_of(runs->type);
    for (int64_t c = begin; c < end; c++) {
        int64_t first = c * GK_RUNS_CHUNK, last = chunk_end(runs, c);
        if (w->numbers != NULL)
            of.write(w, first, last, runs->offsets[c]);
        else
            of.write_firsts(runs, first, last, runs->offsets[c], w->values, w->starts);
    }
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
