/* Windows are combined from blocks: block b has items b * window to (b + 1) * window - 1, so every
 * window is the end of one block followed by the beginning of the next (van Herk; Gil and Werman).
 * The ends of a block are accumulated backwards from its last item, the beginnings forwards from
 * its first one. No item is ever subtracted again, so those that have left the window leave neither
 * rounding errors nor infinities behind. Blocks do not depend on each other, so the bits are the
 * same for any number of threads.
 *
 * Short windows are computed item by item, for many windows side by side. */
#include "kernels/moving/moving.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/isa.h"
#include "base/vectors.h"
#include "kernels/array/load.h"
#include "kernels/array/memory.h"
#include "kernels/moving/median.h"

#define FOREACH_ISA "kernels/moving/moving_template.h"
#include "base/foreach_isa.h"

enum { TILE = 256 };             /* results of short windows that are computed together */
enum { POLL_EVERY = 1 << 16 };   /* results between two checks for the end of the call */

static int is_short(const gk_moving *m)
{
    return m->window <= GK_MOVE_SHORT;
}

static int is_variance(const gk_moving *m)
{
    return m->what == GK_MOVE_VAR || m->what == GK_MOVE_STD;
}

/* The value that replaces a NaN. */
static double neutral_of(const gk_moving *m)
{
    return m->what == GK_MOVE_MIN ? INFINITY : m->what == GK_MOVE_MAX ? -INFINITY : 0;
}

/* Returns n items of a slice from `begin` on as doubles: in place, or converted into the buffer. */
static const double *as_doubles(const gk_moving *m, const void *src, int64_t begin, int64_t n, double *buffer)
{
    int64_t size = gk_itemsize(m->type);
    if (m->type == GK_FLOAT64)
        return (const double *)src + begin;
    gk_load_as_float64(m->type)(buffer, (const char *)src + begin * size, size, n);
    return buffer;
}

/* Returns where to compute results from `begin` on: in place, or in a buffer. */
static double *results_at(const gk_moving *m, void *dst, int64_t begin, double *buffer)
{
    return m->type == GK_FLOAT32 ? buffer : (double *)dst + begin;
}

/* Turns the values accumulated over each window into results from `begin` on. Without `count`, all
 * windows are full. */
static void finish(const gk_moving *m, double *x, const double *count, void *dst, int64_t begin, int64_t n)
{
    double less = is_variance(m) ? m->ddof : 0;
    if (m->what == GK_MOVE_MEAN || is_variance(m)) {
        if (count == NULL)
            GK_DISPATCH(scale)(x, n, 1 / ((double)m->window - less));
        else
            GK_DISPATCH(divide)(x, count, n, less);
    }
    if (m->what == GK_MOVE_STD)
        GK_DISPATCH(take_roots)(x, n);
    if (count != NULL)
        GK_DISPATCH(require)(x, count, n, (double)m->min_count);
    if (m->type == GK_FLOAT32)
        GK_DISPATCH(to_float32)(x, n, (float *)dst + begin);
}

static void combine_short(const gk_moving *m, const double *x, int64_t n, double *to)
{
    if (m->what == GK_MOVE_MIN)
        GK_DISPATCH(short_minima)(x, n, m->window, to);
    else if (m->what == GK_MOVE_MAX)
        GK_DISPATCH(short_maxima)(x, n, m->window, to);
    else
        GK_DISPATCH(short_sums)(x, n, m->window, to);
}

/* Results begin..end - 1 of a slice. Items before the first one count as NaN. */
static void move_short(const gk_moving *m, const void *src, void *dst, int64_t begin, int64_t end)
{
    double buffer[TILE + GK_MOVE_SHORT], x[TILE + GK_MOVE_SHORT], valid[TILE + GK_MOVE_SHORT];
    double counts[TILE], mean[TILE], results[TILE];
    for (int64_t i = begin, n; i < end; i += n) {
        int64_t before = m->window - 1, missing = i < before ? before - i : 0, at_most = missing > 0 ? missing : TILE;
        n = end - i < at_most ? end - i : at_most;
        int64_t present = n + before - missing;
        const double *items = as_doubles(m, src, i - before + missing, present, buffer), *used = items, *count = NULL;
        double *to = results_at(m, dst, i, results);
        if (missing > 0 || GK_DISPATCH(has_nans)(items, present)) {
            for (int64_t k = 0; k < missing; k++) {
                x[k] = neutral_of(m);
                valid[k] = 0;
            }
            GK_DISPATCH(replace_nans)(items, present, neutral_of(m), x + missing);
            GK_DISPATCH(find_valid)(items, present, valid + missing);
            GK_DISPATCH(short_sums)(valid, n, m->window, counts);
            used = x;
            count = counts;
        }
        if (!is_variance(m)) {
            combine_short(m, used, n, to);
        } else if (count == NULL) {
            GK_DISPATCH(short_squares)(used, n, m->window, to);
        } else {
            GK_DISPATCH(short_sums)(used, n, m->window, mean);
            GK_DISPATCH(divide)(mean, count, n, 0);
            GK_DISPATCH(short_valid_squares)(used, valid, n, m->window, mean, to);
        }
        finish(m, to, count, dst, i, n);
        if ((i / TILE + 1) % (POLL_EVERY / TILE) == 0 && gk_cancelled())
            return;
    }
}

/* The values accumulated from one end of a block up to each of its items. If they are accumulated
 * from the last item, element [window] is the value of no items. */
typedef struct {
    double *value, *mean, *count; /* the value is a sum, an extreme, or a sum of squared deviations */
    int has_nans;
    int is_known;
} accumulated;

typedef struct {
    const gk_moving *m;
    double *x;            /* the items of a block without NaNs */
    double *converted[2]; /* the items of a block and of the one before */
    accumulated beginnings, ends[2];
    double *counts;
    double *inverse; /* for variances of blocks with NaNs: 1 / k */
    int has_inverse;
    void *memory;
} blocks;

static int blocks_init(blocks *b, const gk_moving *m)
{
    /* Whole pages and a few cache lines: a load whose address ends like that of a recent store would wait for it. */
    enum { PAGE_ITEMS = 512, SHIFT_ITEMS = 40 };
    int64_t size = gk_ceil_div(m->window + 1, PAGE_ITEMS) * PAGE_ITEMS + SHIFT_ITEMS, arrays = 0;
    double **all[] = {&b->x, &b->converted[0], &b->converted[1], &b->counts, &b->inverse,
                      &b->beginnings.value, &b->beginnings.mean, &b->beginnings.count,
                      &b->ends[0].value, &b->ends[0].mean, &b->ends[0].count,
                      &b->ends[1].value, &b->ends[1].mean, &b->ends[1].count};
    b->m = m;
    b->memory = gk_allocate(gk_times(size, (int64_t)(sizeof all / sizeof *all)), sizeof(double));
    if (b->memory == NULL)
        return GK_NO_MEMORY;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        *all[i] = (double *)b->memory + size * arrays++;
    b->has_inverse = 0;
    return GK_OK;
}

/* Makes these the ends of a block without items. */
static void clear_ends(const blocks *b, accumulated *ends)
{
    ends->has_nans = ends->is_known = 1;
    for (int64_t i = 0; i <= b->m->window; i++) {
        ends->value[i] = neutral_of(b->m);
        ends->mean[i] = ends->count[i] = 0;
    }
}

GK_INLINE double smaller(double a, double b)
{
    return a < b ? a : b;
}

GK_INLINE double larger(double a, double b)
{
    return a > b ? a : b;
}

GK_INLINE double added(double a, double b)
{
    return a + b;
}

/* Accumulates from both ends at once: two chains of operations that do not wait for each other. `ends` may be NULL. */
#define ACCUMULATE(name, combine)                                                                          \
    static void name(const double *GK_RESTRICT x, int64_t n, int64_t window, double neutral,               \
                     double *GK_RESTRICT beginnings, double *GK_RESTRICT ends)                             \
    {                                                                                                      \
        double forward = neutral, backward = neutral;                                                      \
        for (int64_t i = window; ends != NULL && i >= n; i--)                                              \
            ends[i] = neutral;                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                                  \
            forward = combine(forward, x[i]);                                                              \
            beginnings[i] = forward;                                                                       \
            if (ends == NULL)                                                                              \
                continue;                                                                                  \
            backward = combine(backward, x[n - 1 - i]);                                                    \
            ends[n - 1 - i] = backward;                                                                    \
        }                                                                                                  \
    }
ACCUMULATE(accumulate_sums, added)
ACCUMULATE(accumulate_minima, smaller)
ACCUMULATE(accumulate_maxima, larger)
#undef ACCUMULATE

typedef struct {
    double mean, squares;
    int64_t count;
} welford;

GK_INLINE void welford_add(welford *w, double x, const double *inverse)
{
    if (GK_LIKELY(x == x)) {
        double deviation = x - w->mean;
        w->mean += deviation * inverse[++w->count];
        w->squares += deviation * (x - w->mean);
    }
}

static void accumulate_squares(const blocks *b, int64_t n, accumulated *beginnings, accumulated *ends)
{
    welford forward = {0, 0, 0}, backward = {0, 0, 0};
    for (int64_t i = b->m->window; i >= n; i--)
        ends->value[i] = ends->mean[i] = 0;
    for (int64_t i = 0, k = n - 1; i < n; i++, k--) {
        welford_add(&forward, b->x[i], b->inverse);
        beginnings->value[i] = forward.squares;
        beginnings->mean[i] = forward.mean;
        welford_add(&backward, b->x[k], b->inverse);
        ends->value[k] = backward.squares;
        ends->mean[k] = backward.mean;
    }
}

/* A block without NaNs after a block without NaNs: results and ends in one pass over its items. */
#define MOVE_FULL(name, combine)                                                                                \
    static void name(const double *GK_RESTRICT x, int64_t begin, int64_t end, int64_t n,                        \
                     const double *GK_RESTRICT before, double *GK_RESTRICT chains, double *GK_RESTRICT ends,    \
                     double *GK_RESTRICT to)                                                                    \
    {                                                                                                           \
        double forward = chains[0], backward = chains[1];                                                       \
        for (int64_t i = begin; i < end; i++) {                                                                 \
            forward = combine(forward, x[i]);                                                                   \
            to[i - begin] = combine(before[i + 1], forward);                                                    \
            backward = combine(backward, x[n - 1 - i]);                                                         \
            ends[n - 1 - i] = backward;                                                                         \
        }                                                                                                       \
        chains[0] = forward;                                                                                    \
        chains[1] = backward;                                                                                   \
    }
MOVE_FULL(full_sums, added)
MOVE_FULL(full_minima, smaller)
MOVE_FULL(full_maxima, larger)
#undef MOVE_FULL

static void move_full_block(blocks *b, const double *x, const accumulated *before, accumulated *ends, void *dst,
                            int64_t at, int64_t n)
{
    const gk_moving *m = b->m;
    double chains[2] = {neutral_of(m), neutral_of(m)}, results[TILE];
    ends->has_nans = 0;
    ends->is_known = 1;
    for (int64_t i = n; i <= m->window; i++)
        ends->value[i] = neutral_of(m);
    for (int64_t i = 0; i < n; i += TILE) {
        int64_t end = i + TILE < n ? i + TILE : n;
        double *to = results_at(m, dst, at + i, results);
        if (m->what == GK_MOVE_MIN) {
            full_minima(x, i, end, n, before->value, chains, ends->value, to);
        } else if (m->what == GK_MOVE_MAX) {
            full_maxima(x, i, end, n, before->value, chains, ends->value, to);
        } else {
            full_sums(x, i, end, n, before->value, chains, ends->value, to);
        }
        finish(m, to, NULL, dst, at + i, end - i);
    }
}

/* Sums of deviations from an item and of their squares: those of the first items of a block of n items, and those of the
 * last items of the block before. Two chains of additions each, which do not wait for each other. */
static void sum_squares(const double *GK_RESTRICT x, int64_t n, const double *GK_RESTRICT before, int64_t window,
                        double from, double *GK_RESTRICT sums, double *GK_RESTRICT squares,
                        double *GK_RESTRICT end_sums, double *GK_RESTRICT end_squares)
{
    double a = 0, aa = 0, b = 0, bb = 0;
    for (int64_t i = 0, k = window - 1; k >= 0; i++, k--) {
        if (i < n) {
            double forward = x[i] - from;
            a += forward;
            aa += forward * forward;
            sums[i] = a;
            squares[i] = aa;
        }
        double backward = before[k] - from;
        b += backward;
        bb += backward * backward;
        end_sums[k] = b;
        end_squares[k] = bb;
    }
    end_sums[window] = end_squares[window] = 0;
}

/* Variances of a block without NaNs; x_before has the items of the block before it, without NaNs too. Deviations are from the
 * first item of the block, which every window contains. Returns whether the results are good: not if this item is far
 * from the others. */
static int move_full_variances(blocks *b, const double *x, const double *x_before, accumulated *ends, void *dst,
                                int64_t at, int64_t n)
{
    const gk_moving *m = b->m;
    double *sums = b->beginnings.mean, *squares = b->beginnings.value, results[TILE];
    ends->is_known = 0;
    sum_squares(x, n, x_before, m->window, x[0], sums, squares, ends->mean, ends->value);
    for (int64_t i = 0; i < n; i += TILE) {
        int64_t length = n - i < TILE ? n - i : TILE;
        double *to = results_at(m, dst, at + i, results);
        if (GK_DISPATCH(join_full_squares)(ends->mean + i + 1, ends->value + i + 1, sums + i, squares + i, length,
                                           1 / (double)m->window, to))
            return 0;
        finish(m, to, NULL, dst, at + i, length);
    }
    return 1;
}

/* The first block of a slice, without NaNs: windows of 1, 2, 3… items. Returns whether the results are good, as above. */
static int move_first_block(blocks *b, const double *x, accumulated *ends, int is_last, void *dst, int64_t n)
{
    const gk_moving *m = b->m;
    double *value = results_at(m, dst, 0, b->beginnings.value), *sums = b->beginnings.mean, *end = is_last ? NULL : ends->value;
    double sum = 0, squares = 0;
    int64_t first = m->min_count - 1 < n ? m->min_count - 1 : n; /* the first result that is not NaN */
    ends->has_nans = 0;
    ends->is_known = !is_last && !is_variance(m);
    if (m->what == GK_MOVE_MIN) {
        accumulate_minima(x, n, m->window, INFINITY, value, end);
    } else if (m->what == GK_MOVE_MAX) {
        accumulate_maxima(x, n, m->window, -INFINITY, value, end);
    } else if (!is_variance(m)) {
        accumulate_sums(x, n, m->window, 0, value, end);
    } else {
        for (int64_t i = 0; i < n; i++) {
            double deviation = x[i] - x[0];
            sums[i] = sum += deviation;
            value[i] = squares += deviation * deviation;
        }
        if (GK_DISPATCH(centre)(sums + first, value + first, n - first, m->min_count))
            return 0;
    }
    for (int64_t i = 0; i < first; i++)
        value[i] = NAN;
    for (int64_t i = first; i < n; i++)
        b->counts[i] = (double)(i + 1);
    finish(m, value + first, b->counts + first, dst, first, n - first);
    if (m->type == GK_FLOAT32)
        GK_DISPATCH(to_float32)(value, first, dst);
    return 1;
}

static void count_valid(const blocks *b, const double *items, int64_t n, accumulated *beginnings, accumulated *ends)
{
    double forward = 0, backward = 0;
    for (int64_t i = b->m->window; i >= n; i--)
        ends->count[i] = 0;
    if (!ends->has_nans) {
        for (int64_t i = 0; i < n; i++)
            beginnings->count[i] = (double)(i + 1);
        for (int64_t i = 0; i < n; i++)
            ends->count[i] = (double)(n - i);
        return;
    }
    for (int64_t i = 0, k = n - 1; i < n; i++, k--) {
        forward += items[i] == items[i];
        beginnings->count[i] = forward;
        backward += items[k] == items[k];
        ends->count[k] = backward;
    }
}

/* Accumulates the items of a block from both ends. */
static void accumulate(blocks *b, const double *items, int64_t n, accumulated *beginnings, accumulated *ends)
{
    const gk_moving *m = b->m;
    double neutral = neutral_of(m);
    ends->is_known = 1;
    ends->has_nans = GK_DISPATCH(replace_nans)(items, n, is_variance(m) ? NAN : neutral, b->x) > 0;
    count_valid(b, items, n, beginnings, ends);
    for (int64_t k = 0; k <= m->window && is_variance(m) && !b->has_inverse; k++)
        b->inverse[k] = 1 / (double)k;
    b->has_inverse = 1;
    if (is_variance(m))
        accumulate_squares(b, n, beginnings, ends);
    else if (m->what == GK_MOVE_MIN)
        accumulate_minima(b->x, n, m->window, neutral, beginnings->value, ends->value);
    else if (m->what == GK_MOVE_MAX)
        accumulate_maxima(b->x, n, m->window, neutral, beginnings->value, ends->value);
    else
        accumulate_sums(b->x, n, m->window, neutral, beginnings->value, ends->value);
}

/* Results of a block of n items from the ends of the previous one and the beginnings of its own. */
static void join(blocks *b, accumulated *before, void *dst, int64_t at, int64_t n)
{
    const gk_moving *m = b->m;
    accumulated *from = &b->beginnings;
    double *x = from->value;
    for (int64_t i = 0; !before->has_nans && i <= m->window; i++)
        before->count[i] = (double)(m->window - i);
    GK_DISPATCH(join_counts)(before->count + 1, from->count, n, b->counts);
    if (is_variance(m)) {
        GK_DISPATCH(join_squares)(before->count + 1, before->mean + 1, before->value + 1, from->count, from->mean,
                                  from->value, n, b->x);
        x = b->x;
    } else if (m->what == GK_MOVE_MIN) {
        for (int64_t i = 0; i < n; i++)
            x[i] = smaller(before->value[i + 1], x[i]);
    } else if (m->what == GK_MOVE_MAX) {
        for (int64_t i = 0; i < n; i++)
            x[i] = larger(before->value[i + 1], x[i]);
    } else {
        for (int64_t i = 0; i < n; i++)
            x[i] = before->value[i + 1] + x[i];
    }
    finish(m, x, b->counts, dst, at, n);
    if (m->type != GK_FLOAT32)
        memcpy((double *)dst + at, x, (size_t)n * sizeof *x);
}

/* Results of blocks begin..end - 1 of a slice of n items. */
static int move_blocks(const gk_moving *m, const void *src, void *dst, int64_t n, int64_t begin, int64_t end)
{
    blocks b;
    if (blocks_init(&b, m) != GK_OK)
        return GK_NO_MEMORY;
    accumulated *before = &b.ends[0], *ends = &b.ends[1];
    const double *items_before = NULL;
    int had_nans = 0;
    if (begin > 0) {
        items_before = as_doubles(m, src, (begin - 1) * m->window, m->window, b.converted[(begin - 1) % 2]);
        had_nans = GK_DISPATCH(has_nans)(items_before, m->window);
    }
    before->is_known = 0;
    for (int64_t number = begin; number < end; number++) {
        int64_t at = number * m->window, length = n - at < m->window ? n - at : m->window;
        const double *items = as_doubles(m, src, at, length, b.converted[number % 2]);
        int has_nans = GK_DISPATCH(has_nans)(items, length), is_full = !had_nans && !has_nans, is_done = 0;
        if (is_full && number == 0)
            is_done = move_first_block(&b, items, ends, end == 1, dst, length);
        else if (is_full && is_variance(m))
            is_done = move_full_variances(&b, items, items_before, ends, dst, at, length);
        if (!is_done) {
            if (number == 0)
                clear_ends(&b, before);
            else if (!before->is_known)
                accumulate(&b, items_before, m->window, &b.beginnings, before);
            if (is_full && !is_variance(m)) {
                move_full_block(&b, items, before, ends, dst, at, length);
            } else {
                accumulate(&b, items, length, &b.beginnings, ends);
                join(&b, before, dst, at, length);
            }
        }
        if ((number + 1) * m->window / POLL_EVERY != number * m->window / POLL_EVERY && gk_cancelled())
            break;
        accumulated *swapped = before;
        before = ends;
        ends = swapped;
        items_before = items;
        had_nans = has_nans;
    }
    free(b.memory);
    return GK_OK;
}

/* Pieces of a slice: tiles of results of short windows, otherwise blocks. */
static int64_t pieces_of(const gk_moving *m, int64_t n)
{
    return gk_ceil_div(n, is_short(m) ? TILE : m->window);
}

static int move_pieces(const gk_moving *m, const void *src, void *dst, int64_t n, int64_t begin, int64_t end)
{
    if (is_short(m)) {
        int64_t from = begin * TILE, to = end * TILE < n ? end * TILE : n;
        (m->what == GK_MOVE_MEDIAN ? gk_move_short_medians : move_short)(m, src, dst, from, to);
        return GK_OK;
    }
    return (m->what == GK_MOVE_MEDIAN ? gk_move_medians : move_blocks)(m, src, dst, n, begin, end);
}

static int on_one_thread(const void *src, void *dst, int64_t n, const void *data)
{
    return move_pieces(data, src, dst, n, 0, pieces_of(data, n));
}

typedef struct {
    const gk_moving *m;
    const void *src;
    void *dst;
    int64_t n;
} long_slice;

static void move_part(int64_t begin, int64_t end, void *data)
{
    const long_slice *s = data;
    int status = move_pieces(s->m, s->src, s->dst, s->n, begin, end);
    if (status != GK_OK)
        gk_cancel(status);
}

static int on_all_threads(const void *src, void *dst, int64_t n, const void *data, const gk_options *options)
{
    /* A part has several blocks even if they are long, because each part accumulates the ends of
     * the block before it again. It is short enough to observe a deadline. */
    enum { PART = 1 << 15, MIN_BLOCKS = 4, PARTS_A_THREAD = 4 };
    long_slice s = {data, src, dst, n};
    gk_options mine = options != NULL ? *options : (gk_options){0};
    int64_t pieces = pieces_of(data, n), at_most = gk_ceil_div(PART, gk_ceil_div(n, pieces));
    mine.grain = pieces / (PARTS_A_THREAD * gk_participants(&mine)) + 1;
    at_most = at_most > MIN_BLOCKS ? at_most : MIN_BLOCKS;
    if (mine.grain > at_most)
        mine.grain = at_most;
    mine.eager = 1;
    return gk_parallel_for(pieces, move_part, &s, &mine);
}

int gk_move(const gk_moving *moving, const char *src, char *dst, const gk_slices *slices, const gk_options *options)
{
    gk_slice_kernel kernel = {
        .src_size = gk_itemsize(moving->type),
        .dst_size = moving->type == GK_FLOAT32 ? 4 : 8,
        .cost = moving->what == GK_MOVE_MEDIAN ? 30 : 3,
        .on_one_thread = on_one_thread,
        .on_all_threads = on_all_threads,
        .long_from = 1 << 17,
    };
    return gk_slices_apply(&kernel, moving, src, dst, slices, options);
}
