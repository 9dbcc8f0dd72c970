#include "kernels/search/runs.h"

#include "base/compiler.h"
#include "kernels/array/memory.h"

typedef struct {
    const gk_runs *runs;
    void *values;
    int64_t *starts;
    const int64_t *places;
    int64_t *numbers;
} writing;

#define DIFFER_INTEGER(a, b) ((a) != (b))
/* NaNs are at the end, so only the first of them follows another item. */
#define DIFFER_FLOAT(a, b) ((a) != (b) && (r->nans_differ || (a) == (a)))

/* For items of one C type: count_NAME() returns the number of runs that begin in begin..end - 1,
 * and write_NAME() writes those runs, numbered from `number` on. */
#define RUNS(name, type, DIFFER)                                                              \
    static int64_t count_##name(const gk_runs *r, int64_t begin, int64_t end)                 \
    {                                                                                         \
        const type *x = r->items;                                                             \
        int64_t found = begin == 0;                                                           \
        for (int64_t i = begin + (begin == 0); i < end; i++)                                  \
            found += DIFFER(x[i - 1], x[i]);                                                  \
        return found;                                                                         \
    }                                                                                         \
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

RUNS(8, uint8_t, DIFFER_INTEGER)
RUNS(16, uint16_t, DIFFER_INTEGER)
RUNS(32, uint32_t, DIFFER_INTEGER)
RUNS(64, uint64_t, DIFFER_INTEGER)
RUNS(float, float, DIFFER_FLOAT)
RUNS(double, double, DIFFER_FLOAT)

#define FOR_TYPE(function, type, ...)                           \
    (type == GK_FLOAT64            ? function##_double(__VA_ARGS__) \
     : type == GK_FLOAT32          ? function##_float(__VA_ARGS__)  \
     : gk_itemsize(type) == 8      ? function##_64(__VA_ARGS__)     \
     : gk_itemsize(type) == 4      ? function##_32(__VA_ARGS__)     \
     : gk_itemsize(type) == 2      ? function##_16(__VA_ARGS__)     \
                                   : function##_8(__VA_ARGS__))

static int64_t chunk_end(const gk_runs *runs, int64_t c)
{
    return (c + 1) * GK_RUNS_CHUNK < runs->n ? (c + 1) * GK_RUNS_CHUNK : runs->n;
}

static void count_chunks(int64_t begin, int64_t end, void *data)
{
    const gk_runs *runs = data;
    for (int64_t c = begin; c < end; c++)
        runs->offsets[c + 1] = FOR_TYPE(count, runs->type, runs, c * GK_RUNS_CHUNK, chunk_end(runs, c));
}

static void write_chunks(int64_t begin, int64_t end, void *data)
{
    const writing *w = data;
    const gk_runs *runs = w->runs;
    for (int64_t c = begin; c < end; c++)
        FOR_TYPE(write, runs->type, w, c * GK_RUNS_CHUNK, chunk_end(runs, c), runs->offsets[c]);
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
