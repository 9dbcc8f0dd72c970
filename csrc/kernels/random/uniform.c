#include "kernels/random/uniform.h"

#include <stddef.h>
#include <string.h>

#include "kernels/random/philox.h"

enum {
    PAIR = 2 * GK_PHILOX_BLOCK, /* words: blocks are drawn in pairs */
    PIECE = 1 << 15,            /* words of a chunk: 0.1 ms */
};

typedef struct {
    void *out;
    gk_philox_form form;
    int64_t n; /* numbers */
    gk_philox philox;
} work;

static void fill(int64_t begin, int64_t end, void *data)
{
    const work *w = data;
    const int64_t each = w->form == GK_PHILOX_FLOAT32 ? 2 : 1; /* numbers per word */
    const size_t size = sizeof(double) / (size_t)each;
    int64_t first = begin * PIECE * each, last = end * PIECE * each < w->n ? end * PIECE * each : w->n;
    int64_t rest = last - (last - first) % (PAIR * each);

    uint64_t block = (uint64_t)(first / each / GK_PHILOX_BLOCK), end_block = (uint64_t)(rest / each / GK_PHILOX_BLOCK);
    gk_philox_draw(&w->philox, w->form, block, end_block, (char *)w->out + (size_t)first * size);
    if (rest < last) {
        union {
            double doubles[PAIR];
            float floats[2 * PAIR];
        } numbers;
        gk_philox_draw(&w->philox, w->form, end_block, end_block + 2, &numbers);
        memcpy((char *)w->out + (size_t)rest * size, &numbers, (size_t)(last - rest) * size);
    }
}

static int uniform(work *w, int64_t words, const gk_options *options)
{
    int64_t pieces = words / PIECE + (words % PIECE != 0);
    if (pieces <= 1) {
        fill(0, pieces, w);
        return GK_OK;
    }
    gk_options how = options != NULL ? *options : (gk_options){0};
    how.grain = 1;
    how.eager = pieces > 2;
    return gk_parallel_for(pieces, fill, w, &how);
}

int gk_uniform_float64(double *out, int64_t n, const uint64_t key[2], const gk_options *options)
{
    work w = {.out = out, .form = GK_PHILOX_FLOAT64, .n = n, .philox = {.key = {key[0], key[1]}}};
    return uniform(&w, n, options);
}

int gk_uniform_float32(float *out, int64_t n, const uint64_t key[2], const gk_options *options)
{
    work w = {.out = out, .form = GK_PHILOX_FLOAT32, .n = n, .philox = {.key = {key[0], key[1]}}};
    return uniform(&w, n / 2 + n % 2, options);
}
