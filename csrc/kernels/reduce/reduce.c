#include "kernels/reduce/reduce.h"

#include "base/compiler.h"
#include "base/fp_control.h"
#include "kernels/array/load.h"
#include "kernels/array/memory.h"
#include "kernels/reduce/accumulators.h"
#include "kernels/reduce/operation.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE = GK_REDUCE_SERIAL, /* doubles that are worth a chunk */
    /* Pieces of all outputs together. Large machines need many to balance, but one thread merges them, with a part for
     * each of their columns. So there are at most 4096 parts, or 256 pieces if each has more columns than that leaves. */
    MAX_PIECES = 256,
    MAX_PARTS = 4096,
    BUFFER = 2048,            /* numbers converted at a time; threads may have small stacks */
    COLUMN_BUFFER = 1024,     /* the same for one column: the first-level cache has room for their source, too */
    /* Rows that sums add before they compensate. Buffers hold whole groups of them, so their size changes no bits. */
    TOGETHER = 8,
    CHECK = 1 << 20,          /* elements between two reads of the cancel flag */
    SETTLED_BYTES = 124 * GK_ACCUMULATOR_BYTES, /* between two tests of whether the result is settled: one block of rows */
    SHORT_ROW = 64,           /* rows of at most this length are reduced side by side as columns */
    SHORT_SUM = 12,           /* the same limit for sums, whose start is cheap */
    WHOLE_ROW = 512,          /* longest row for gk_accumulator_ops.row */
    ARRAYS = 4,               /* in a gk_part */
    TILE = 32,                /* columns gathered at a time, so that their cache lines are reused */
};

/* How a reduction is divided into work. Each index of `outer` has `columns`
 * outputs, and each output is reduced over the rows of layout->reduced. */
typedef struct {
    const gk_layout *layout;
    const gk_operation *operation;
    const gk_accumulator_ops *ops;
    gk_load *load;    /* NULL if elements are not converted */
    int64_t itemsize; /* of the type that the kernel computes in */
    double ddof;
    char *out;
    int64_t out_itemsize;
    /* The innermost retained dimension becomes the columns, unless one column
     * at a time is faster. The other retained dimensions are `outer`. */
    gk_dims outer;
    int64_t n_outer, columns, column_stride;
    int64_t block;         /* columns in a block */
    int64_t blocks;        /* number of blocks */
    int64_t groups;        /* accumulators per column: this many rows are added in one step */
    int64_t pieces, piece; /* the rows are divided into `pieces` of `piece` rows each */
    double *parts;         /* results of the pieces; NULL if there is one piece */
    _Atomic int64_t settled; /* the first piece of a single output that settles it: those after it are left out */
} plan;

/* Accumulates n contiguous values, `width` of them at a time. */
static void accumulate(const plan *p, gk_accumulators *accumulators, const void *x, int64_t n, int64_t width)
{
    int64_t rows = n / width, rest = n - rows * width;
    if (rows > 0)
        p->ops->rows(accumulators, x, width, rows, width);
    if (rest > 0)
        p->ops->tail(accumulators, (const char *)x + rows * width * p->itemsize, rest);
}

/* Whether the elements so far, in complete rows, determine the result. */
static int is_settled(const plan *p, const gk_accumulators *accumulators, int64_t width)
{
    return p->columns == 1 && p->ops->settled != NULL && p->ops->settled(accumulators, width);
}

/* Reduces contiguous rows and columns that need no conversion, without a copy. Returns whether the result is settled. */
static int reduce_flat(const plan *p, gk_accumulators *accumulators, const char *x, int64_t n, int64_t width)
{
    int64_t step = p->columns == 1 && p->ops->settled != NULL ? SETTLED_BYTES / p->itemsize : CHECK;
    int64_t limit = step / width * width, unseen = 0;
    for (; n > limit; n -= limit, x += limit * p->itemsize) {
        accumulate(p, accumulators, x, limit, width);
        if (is_settled(p, accumulators, width))
            return 1;
        unseen += limit;
        if (unseen >= CHECK / 2) {
            if (gk_cancelled())
                break;
            unseen = 0;
        }
    }
    accumulate(p, accumulators, x, n, width);
    return 0;
}

/* Reduces any other rows of few columns through a buffer. */
static int reduce_gathered(const plan *p, gk_accumulators *accumulators, gk_iterator *it, int64_t rows,
                            int64_t columns, int64_t width)
{
    _Alignas(64) double buffer[BUFFER];
    gk_load *load = p->load != NULL ? p->load : gk_load_as_is(p->layout->type);
    int64_t buffered = (columns == 1 ? COLUMN_BUFFER : BUFFER) * (int64_t)sizeof(double) / p->itemsize;
    int64_t limit = buffered / width / TOGETHER * TOGETHER * (width / columns);
    for (int64_t unseen = 0; rows > 0; unseen += limit) {
        if (unseen >= CHECK / columns) {
            if (gk_cancelled())
                return 0;
            unseen = 0;
        }
        int64_t want = rows < limit ? rows : limit, have = 0;
        char *to = (char *)buffer;
        while (have < want) {
            int64_t run = gk_iterator_run(it, want - have), stride = it->dims->stride[it->dims->n - 1];
            if (columns == 1) {
                load(to, it->at, stride, run);
            } else if (p->column_stride * columns == stride) {
                load(to, it->at, p->column_stride, run * columns);
            } else {
                for (int64_t i = 0; i < run; i++)
                    load(to + i * columns * p->itemsize, it->at + i * stride, p->column_stride, columns);
            }
            to += run * columns * p->itemsize;
            have += run;
            gk_iterator_advance(it, run);
        }
        accumulate(p, accumulators, buffer, want * columns, width);
        rows -= want;
        if (rows > 0 && is_settled(p, accumulators, width))
            return 1;
    }
    return 0;
}

/* Reduces rows of many columns. */
static void reduce_wide(const plan *p, gk_accumulators *accumulators, gk_iterator *it, int64_t rows, int64_t columns)
{
    _Alignas(64) double buffer[BUFFER];
    int64_t own = gk_itemsize(p->layout->type);
    gk_load *load = p->load != NULL ? p->load : gk_load_as_is(p->layout->type);
    while (rows > 0 && !gk_cancelled()) {
        int64_t stride = it->dims->stride[it->dims->n - 1];
        int64_t run = gk_iterator_run(it, rows < CHECK / columns ? rows : CHECK / columns);
        if (p->load == NULL && p->column_stride == own && stride % own == 0) {
            p->ops->rows(accumulators, it->at, stride / own, run, columns);
        } else {
            if (run > BUFFER / columns / TOGETHER * TOGETHER)
                run = BUFFER / columns / TOGETHER * TOGETHER;
            for (int64_t c = 0; c < columns; c += TILE) {
                int64_t some = columns - c < TILE ? columns - c : TILE;
                for (int64_t i = 0; i < run; i++)
                    load((char *)buffer + (i * columns + c) * p->itemsize,
                         it->at + i * stride + c * p->column_stride, p->column_stride, some);
            }
            p->ops->rows(accumulators, buffer, columns, run, columns);
        }
        gk_iterator_advance(it, run);
        rows -= run;
    }
}

/* Reduces one piece of one block of columns. Returns whether it settles the result. */
static int reduce_piece(const plan *p, const char *data, int64_t first_row, int64_t rows,
                         int64_t columns, gk_part part)
{
    const gk_dims *reduced = &p->layout->reduced;
    int64_t width = p->groups * columns;
    int settled = 0;
    gk_accumulators accumulators;
    p->ops->start(&accumulators, width);
    if (p->load == NULL && reduced->n == 1 && reduced->stride[0] == columns * p->itemsize &&
        (columns == 1 || p->column_stride == p->itemsize)) {
        settled = reduce_flat(p, &accumulators, data + first_row * reduced->stride[0], rows * columns, width);
    } else {
        gk_iterator it;
        gk_iterator_start(&it, reduced, data, first_row);
        if (p->groups > 1)
            settled = reduce_gathered(p, &accumulators, &it, rows, columns, width);
        else
            reduce_wide(p, &accumulators, &it, rows, columns);
    }
    p->ops->fold(&accumulators, p->groups, columns, part);
    return settled;
}

/* Writes the outputs of a block of columns from their reduced parts. */
static void finish(const plan *p, int64_t count, int64_t columns, gk_part part, char *out)
{
    p->operation->finish(part, columns, (double)count, p->ddof, p->out_itemsize, out);
}

static gk_part part_at(const plan *p, int64_t index)
{
    double *a = p->parts + index * ARRAYS * p->block;
    return (gk_part){.a = a, .b = a + p->block, .c = a + 2 * p->block, .d = a + 3 * p->block};
}

/* Finds where block `b` of the outer index `o` begins. Returns its number of columns. */
static int64_t locate(const plan *p, int64_t o, int64_t b, const char **data, char **out)
{
    gk_iterator it;
    gk_iterator_start(&it, &p->outer, p->layout->data, o);
    *data = it.at + b * p->block * p->column_stride;
    *out = p->out + (o * p->columns + b * p->block) * p->out_itemsize;
    int64_t left = p->columns - b * p->block;
    return left < p->block ? left : p->block;
}

/* Lets all pieces after this one be left out, if there is one output. */
static void settle(plan *p, int64_t item)
{
    int64_t before = atomic_load_explicit(&p->settled, memory_order_relaxed);
    while (p->n_outer == 1 && item < before &&
           !atomic_compare_exchange_weak_explicit(&p->settled, &before, item, memory_order_relaxed, memory_order_relaxed))
        continue;
}

static void reduce_items(int64_t begin, int64_t end, void *data)
{
    plan *p = data;
    int64_t rows = p->layout->n_reduced;
    for (int64_t item = begin; item < end; item++) {
        int64_t piece = item % p->pieces, block = item / p->pieces;
        const char *x;
        char *out;
        int64_t columns = locate(p, block / p->blocks, block % p->blocks, &x, &out);
        if (p->pieces > 1) {
            int64_t first = piece * p->piece, left = rows - first;
            if (item < atomic_load_explicit(&p->settled, memory_order_relaxed) &&
                reduce_piece(p, x, first, left < p->piece ? left : p->piece, columns, part_at(p, item)))
                settle(p, item);
        } else {
            double a[ARRAYS][GK_ACCUMULATORS];
            gk_part part = {a[0], a[1], a[2], a[3]};
            reduce_piece(p, x, 0, rows, columns, part);
            finish(p, rows, columns, part, out);
        }
    }
}

/* Reduces short rows one by one. */
static void reduce_rows(int64_t begin, int64_t end, void *data)
{
    const plan *p = data;
    _Alignas(64) double buffer[WHOLE_ROW];
    int64_t n = p->layout->n_reduced, stride = p->layout->reduced.stride[0];
    gk_load *load = p->load != NULL ? p->load : gk_load_as_is(p->layout->type);
    int in_place = p->load == NULL && stride == p->itemsize;
    gk_iterator it;
    gk_iterator_start(&it, &p->outer, p->layout->data, begin);
    for (int64_t row = begin; row < end; row++, gk_iterator_advance(&it, 1)) {
        double a, b;
        gk_part part = {.a = &a, .b = &b};
        if (!in_place)
            load(buffer, it.at, stride, n);
        p->ops->row(in_place ? (const void *)it.at : buffer, n, part);
        finish(p, n, 1, part, p->out + row * p->out_itemsize);
    }
}

/* Merges the pieces of each block pairwise, in an order that depends only on
 * their number. */
static void merge_pieces(plan *p)
{
    int64_t rows = p->layout->n_reduced, settled = atomic_load_explicit(&p->settled, memory_order_relaxed);
    int64_t pieces = settled < p->pieces ? settled + 1 : p->pieces;
    for (int64_t block = 0; block < p->n_outer * p->blocks; block++) {
        const char *x;
        char *out;
        int64_t columns = locate(p, block / p->blocks, block % p->blocks, &x, &out);
        for (int64_t step = 1; step < pieces; step *= 2)
            for (int64_t i = 0; i + step < pieces; i += 2 * step) {
                int64_t left = rows - (i + step) * p->piece;
                p->ops->merge(part_at(p, block * p->pieces + i), step * p->piece,
                              part_at(p, block * p->pieces + i + step),
                              left < step * p->piece ? left : step * p->piece, columns);
            }
        finish(p, rows, columns, part_at(p, block * p->pieces), out);
    }
}

static void choose_operation(plan *p, gk_reduction what, gk_type type, double ddof)
{
    p->operation = gk_operation_of(what, type);
    p->ops = p->operation->ops(type);
    gk_type computed = p->operation->computed(type);
    p->load = computed == type ? NULL : computed == GK_FLOAT64 ? gk_load_as_float64(type) : gk_load_as_int64(type);
    p->itemsize = gk_itemsize(computed);
    p->out_itemsize = gk_itemsize(p->operation->result(type));
    p->ddof = ddof;
}

static int64_t elements_of_a_piece(const plan *p)
{
    return PIECE * (int64_t)sizeof(double) / p->itemsize;
}

static int64_t usual_groups(const plan *p)
{
    return GK_ACCUMULATOR_BYTES / p->itemsize;
}

/* Divides the work. The division depends on the layout only, never on the number
 * of threads, because it determines how results are rounded. */
static void divide(plan *p)
{
    const gk_layout *layout = p->layout;
    const gk_dims *retained = &layout->retained, *reduced = &layout->reduced;
    int inner = retained->n - 1;
    p->outer = *retained;
    p->columns = 1;
    p->column_stride = 0;
    int64_t step = retained->stride[inner] < 0 ? -retained->stride[inner] : retained->stride[inner];
    /* Prefer the smallest stride as the inner loop. Short rows are an exception,
     * because starting and finishing each one would cost more. */
    int short_row = p->ops->row != NULL ? SHORT_SUM : SHORT_ROW;
    int by_columns = step < reduced->stride[reduced->n - 1] ||
                     (layout->n_reduced <= short_row && retained->shape[inner] >= 4);
    if (retained->shape[inner] > 1 && by_columns) {
        p->columns = retained->shape[inner];
        p->column_stride = retained->stride[inner];
        p->outer.n--;
    }
    p->n_outer = layout->n_outputs / p->columns;
    p->block = p->columns < GK_ACCUMULATORS ? p->columns : GK_ACCUMULATORS;
    p->blocks = gk_ceil_div(p->columns, p->block);
    p->groups = p->columns == 1 ? usual_groups(p) : 1;
    if (p->columns > 1)
        while (p->groups * 2 * p->columns <= GK_ACCUMULATORS / 2)
            p->groups *= 2;

    int64_t most = MAX_PARTS / p->block > MAX_PIECES ? MAX_PARTS / p->block : MAX_PIECES;
    int64_t elements = layout->n_reduced * p->block, share = most / (p->n_outer * p->blocks);
    p->pieces = gk_ceil_div(elements, elements_of_a_piece(p));
    if (p->pieces > share)
        p->pieces = share > 0 ? share : 1;
    p->piece = gk_ceil_div(layout->n_reduced, p->pieces);
    p->piece = gk_ceil_div(p->piece, p->groups) * p->groups; /* whole rows of accumulators */
    p->pieces = gk_ceil_div(layout->n_reduced, p->piece);
}

static GK_NOINLINE int reduce(gk_reduction what, const gk_layout *layout, double ddof, void *out,
                              const gk_options *options)
{
    plan p = {.layout = layout, .out = out, .settled = INT64_MAX};
    choose_operation(&p, what, layout->type, ddof);
    divide(&p);
    int64_t items = p.n_outer * p.blocks * p.pieces;
    gk_body *body = reduce_items;
    if (p.columns == 1 && p.ops->row != NULL && layout->reduced.n == 1 && layout->n_reduced <= WHOLE_ROW)
        body = reduce_rows;
    int64_t bytes = gk_times(gk_times(layout->n_outputs, layout->n_reduced), p.itemsize);
    /* Comparisons are so fast that another thread must take over more of them to save time. */
    int64_t chunk = PIECE * (int64_t)sizeof(double) * (p.operation->selects ? 4 : 1);
    int is_short = bytes <= chunk;
    if (is_short && p.pieces == 1)
        return gk_run_here(items, body, &p, options);
    if (p.pieces > 1) {
        p.parts = malloc((size_t)(items * ARRAYS * p.block) * sizeof *p.parts);
        if (p.parts == NULL)
            return GK_NO_MEMORY;
    }
    gk_options how = options != NULL ? *options : (gk_options){0};
    int64_t weight = p.piece * p.block;
    how.grain = weight < elements_of_a_piece(&p) ? elements_of_a_piece(&p) / weight : 1;
    how.eager = items / how.grain >= 8 && bytes >= 4 * chunk && p.ops->settled == NULL; /* which may soon end it */
    int status = is_short ? gk_run_here(items, body, &p, options) : gk_parallel_for(items, body, &p, &how);
    if (p.pieces > 1) {
        if (status == GK_OK)
            merge_pieces(&p);
        free(p.parts);
    }
    return status;
}

/* A result that is one of the elements must not depend on the caller's rounding
 * mode, nor on flushing subnormals to 0. Other results follow the caller's. */
static int needs_default_control(gk_reduction what, gk_type type)
{
    return gk_is_float(type) && gk_operation_of(what, type)->selects;
}

int gk_reduce(gk_reduction what, const gk_layout *layout, double ddof, void *out, const gk_options *options)
{
    if (!needs_default_control(what, layout->type))
        return reduce(what, layout, ddof, out, options);
    gk_fp_saved saved = gk_fp_use_default();
    int status = reduce(what, layout, ddof, out, options);
    gk_fp_restore(saved);
    return status;
}

static GK_NOINLINE void reduce_serial(gk_reduction what, gk_type type, const void *x, int64_t n, double ddof,
                                      void *out)
{
    plan p = {.columns = 1};
    choose_operation(&p, what, type, ddof);
    double a[ARRAYS];
    gk_part part = {a, a + 1, a + 2, a + 3};
    _Alignas(64) double buffer[COLUMN_BUFFER];
    int64_t own = gk_itemsize(type);
    if (p.ops->row != NULL && n <= WHOLE_ROW) {
        if (p.load != NULL) {
            p.load(buffer, x, own, n);
            x = buffer;
        }
        p.ops->row(x, n, part);
        finish(&p, n, 1, part, out);
        return;
    }
    gk_accumulators accumulators;
    int64_t width = usual_groups(&p);
    p.ops->start(&accumulators, width);
    if (p.load == NULL) {
        reduce_flat(&p, &accumulators, x, n, width);
    } else {
        const char *from = x;
        for (int64_t left = n, some; left > 0; left -= some, from += some * own) {
            some = left < COLUMN_BUFFER ? left : COLUMN_BUFFER;
            p.load(buffer, from, own, some);
            accumulate(&p, &accumulators, buffer, some, width);
        }
    }
    p.ops->fold(&accumulators, width, 1, part);
    finish(&p, n, 1, part, out);
}

void gk_reduce_serial(gk_reduction what, gk_type type, const void *x, int64_t n, double ddof, void *out)
{
    if (!needs_default_control(what, type)) {
        reduce_serial(what, type, x, n, ddof, out);
        return;
    }
    gk_fp_saved saved = gk_fp_use_default();
    reduce_serial(what, type, x, n, ddof, out);
    gk_fp_restore(saved);
}
