/* Reads depend only on the indices, not on each other, so the core overlaps many of these cache
 * misses. Indices of types other than int64 are converted a block at a time. */
#include "kernels/index/take.h"

#include <stdatomic.h>
#include <string.h>

#include "base/compiler.h"
#include "kernels/array/load.h"
#include "kernels/array/memory.h"

enum {
    BLOCK = 256,
    PIECE = 1 << 17,          /* bytes of the result in a chunk */
    UNINTERRUPTED = 16 << 20, /* bytes copied between two checks for the end of the call */
};

typedef struct {
    const gk_take_source *source;
    char *taken;
    gk_load *load;
    int64_t piece; /* items of a chunk */
    _Atomic int outside;
} taking;

/* A copy that can be interrupted. */
static void copy_item(char *to, const char *from, int64_t size)
{
    for (int64_t at = 0; at < size && !(at > 0 && gk_cancelled()); at += UNINTERRUPTED)
        memcpy(to + at, from + at, (size_t)(size - at < UNINTERRUPTED ? size - at : UNINTERRUPTED));
}

typedef struct {
    uint64_t half[2];
} pair;

/* Takes `count` items of one group. `size` and `mode` are constants in most cases, which leaves
 * a loop of a few instructions. Returns whether all indices were inside. */
GK_INLINE int take_items(char *to, const char *from, int64_t size, const int64_t *index, int64_t count, int64_t n,
                         gk_take_mode mode)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t place = index[i];
        if (mode == GK_TAKE_RAISE && place < 0)
            place += n;
        if (GK_UNLIKELY((uint64_t)place >= (uint64_t)n)) {
            if (mode == GK_TAKE_RAISE)
                return 0;
            place = mode == GK_TAKE_WRAP ? (place % n + n) % n : place < 0 ? 0 : n - 1;
        }
        if (size <= (int64_t)sizeof(pair))
            memcpy(to + i * size, from + place * size, (size_t)size);
        else
            copy_item(to + i * size, from + place * size, size);
    }
    return 1;
}

#define TAKE(size)                                                                         \
    (mode == GK_TAKE_RAISE  ? take_items(to, from, size, index, count, n, GK_TAKE_RAISE)   \
     : mode == GK_TAKE_WRAP ? take_items(to, from, size, index, count, n, GK_TAKE_WRAP)    \
                            : take_items(to, from, size, index, count, n, GK_TAKE_CLIP))

static int take_any(char *to, const char *from, int64_t size, const int64_t *index, int64_t count, int64_t n,
                    gk_take_mode mode)
{
    switch (size) {
    case 1: return TAKE(1);
    case 2: return TAKE(2);
    case 4: return TAKE(4);
    case 8: return TAKE(8);
    case 16: return TAKE(16);
    default: return TAKE(size);
    }
}

static void take_pieces(int64_t begin, int64_t end, void *data)
{
    taking *t = data;
    const gk_take_source *s = t->source;
    int64_t total = s->outer * s->m, last = end < gk_ceil_div(total, t->piece) ? end * t->piece : total;
    int64_t converted[BLOCK], itemsize = gk_itemsize(s->type), count;
    for (int64_t at = begin * t->piece; at < last; at += count) {
        int64_t group = at / s->m, first = at % s->m;
        count = s->m - first < last - at ? s->m - first : last - at;
        const int64_t *index = (const int64_t *)s->indices + first;
        if (s->type != GK_INT64) {
            count = count < BLOCK ? count : BLOCK;
            t->load(converted, (const char *)s->indices + first * itemsize, itemsize, count);
            index = converted;
        }
        if (!take_any(t->taken + at * s->size, s->items + group * s->n * s->size, s->size, index, count, s->n,
                      s->mode)) {
            atomic_store_explicit(&t->outside, 1, memory_order_relaxed);
            gk_cancel(GK_CANCELLED);
            return;
        }
        if (count * s->size > PIECE && gk_cancelled())
            return;
    }
}

int gk_take(const gk_take_source *source, char *taken, const gk_options *options, int *outside)
{
    taking t = {.source = source, .taken = taken};
    t.load = gk_load_as_int64(source->type);
    t.piece = PIECE / (source->size < 8 ? 8 : source->size) + 1;
    int64_t pieces = gk_ceil_div(source->outer * source->m, t.piece);
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.grain = 1;
    mine.eager = pieces >= 8;
    int status = gk_parallel_for(pieces, take_pieces, &t, &mine);
    *outside = atomic_load_explicit(&t.outside, memory_order_relaxed);
    return *outside && status == GK_CANCELLED ? GK_OK : status;
}
