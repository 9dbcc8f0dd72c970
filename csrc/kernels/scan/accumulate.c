#include "kernels/scan/accumulate.h"

#include <math.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/isa.h"
#include "kernels/array/load.h"
#include "kernels/array/memory.h"
#include "kernels/scan/slicing.h"

enum {
    CHAINS = 16,     /* independent chains of operations */
    BLOCK = 512,     /* items that are loaded at a time */
    PIECE = 1 << 16, /* items of a chunk; a multiple of BLOCK */
    LONG = 1 << 18,  /* items of a slice that is worth reading twice */
    MAX_PIECES = 1024,
    COLUMNS = 256, /* columns scanned at a time */
    UNINTERRUPTED = 1 << 20,
};

typedef struct {
    void (*run)(const void *items, int64_t n, void *acc, void *results);
    void (*row)(const void *items, int64_t n, void *acc);
    void (*fold)(const void *items, int64_t n, void *acc);
} operation;

#define FOREACH_ISA "kernels/scan/accumulate_template.h"
#include "base/foreach_isa.h"

typedef struct {
    operation op;
    int without_nans; /* a NaN counts as 1; for products of floats, which are always loaded */
    gk_type watched;  /* the type of floats whose products may overflow, else GK_TYPES */
    gk_load *load;   /* NULL if contiguous items need not be loaded */
    gk_load *gather; /* loads items that are not contiguous */
    int64_t size;    /* of an item of the result */
    const gk_slicing *by;
    const char *in;
    char *out;
    /* A long slice, divided into pieces. */
    const char *slice_in;
    char *slice_out;
    int64_t piece;
    uint64_t *carries; /* the result of each piece, and then of all before it */
    _Atomic int fp_status;
} accumulation;

static void replace_nans(void *items, int64_t n, gk_type type)
{
    double *doubles = items;
    float *floats = items;
    if (type == GK_FLOAT64)
        for (int64_t i = 0; i < n; i++)
            doubles[i] = isnan(doubles[i]) ? 1 : doubles[i];
    else
        for (int64_t i = 0; i < n; i++)
            floats[i] = isnan(floats[i]) ? 1 : floats[i];
}

/* Returns n items as the operation takes them, in place or loaded into the buffer. */
static const char *items_at(const accumulation *s, const char *from, int64_t step, int64_t n, uint64_t *buffer)
{
    gk_load *load = step == s->size ? s->load : s->gather;
    if (load == NULL)
        return from;
    load(buffer, from, step, n);
    if (s->without_nans)
        replace_nans(buffer, n, s->watched);
    return (const char *)buffer;
}

static void store(const char *results, int64_t size, char *to, int64_t step, int64_t n)
{
    if (step == size)
        memcpy(to, results, (size_t)(n * size));
    else
        for (int64_t i = 0; i < n; i++)
            memcpy(to + i * step, results + i * size, (size_t)size);
}

static double value(const void *items, int64_t i, gk_type type)
{
    return type == GK_FLOAT64 ? ((const double *)items)[i] : (double)((const float *)items)[i];
}

/* Records the floating-point exceptions of the product of a and b. */
static void watch(accumulation *s, double a, double b, double product)
{
    int flags = 0;
    if (isinf(product) && isfinite(a) && isfinite(b))
        flags |= GK_SCAN_OVERFLOW;
    if (isnan(product) && !isnan(a) && !isnan(b))
        flags |= GK_SCAN_INVALID;
    if (flags != 0)
        atomic_fetch_or_explicit(&s->fp_status, flags, memory_order_relaxed);
}

/* The same for running products that began with `first`. Once infinite or NaN, they stay so. */
static void watch_run(accumulation *s, const void *first, const char *items, int64_t n, const char *products)
{
    double a = value(first, 0, s->watched), last = value(products, n - 1, s->watched);
    if (isfinite(last) || isnan(a))
        return;
    for (int64_t i = 0; i < n; i++) {
        double product = value(products, i, s->watched);
        watch(s, a, value(items, i, s->watched), product);
        a = product;
    }
}

/* Writes the results of items begin <= i < end of a slice. *carry is the result of the items before
 * them; carry is NULL if there are none. */
static void run_slice(accumulation *s, const char *in, char *out, int64_t begin, int64_t end, const uint64_t *carry)
{
    uint64_t buffer[BLOCK], results[BLOCK], acc = carry != NULL ? *carry : 0;
    int64_t in_step = s->by->in_step, out_step = s->by->out_step, size = s->size;
    int starts = carry == NULL; /* the first item is a result by itself */
    for (int64_t n, at = begin; at < end; at += n, starts = 0) {
        n = end - at < BLOCK ? end - at : BLOCK;
        const char *x = items_at(s, in + at * in_step, in_step, n, buffer);
        char *to = out + at * out_step, *y = out_step == size ? to : (char *)results;
        if (starts) {
            memcpy(&acc, x, (size_t)size);
            memcpy(y, &acc, (size_t)size);
        }
        uint64_t first = acc;
        if (n > starts) {
            s->op.run(x + starts * size, n - starts, &acc, y + starts * size);
            if (s->watched != GK_TYPES)
                watch_run(s, &first, x + starts * size, n - starts, y + starts * size);
        }
        if (y != to)
            store(y, size, to, out_step, n);
        if ((at - begin) % UNINTERRUPTED == 0 && gk_cancelled())
            return;
    }
}

static void run_slices(int64_t begin, int64_t end, void *data)
{
    accumulation *s = data;
    gk_slice_position p;
    gk_slice_start(&p, s->by, s->in, s->out, begin);
    for (int64_t slice = begin; slice < end; slice++, gk_slice_advance(&p))
        run_slice(s, p.in.at, p.out.at, 0, s->by->n, NULL);
}

/* Scans adjacent columns together, row after row. */
static void run_columns(accumulation *s, const char *in, char *out, int64_t columns)
{
    uint64_t acc[COLUMNS], before[COLUMNS], buffer[COLUMNS];
    const gk_slicing *by = s->by;
    for (int64_t row = 0; row < by->n; row++, in += by->in_step, out += by->out_step) {
        if (row % 4096 == 4095 && gk_cancelled())
            return;
        const char *x = items_at(s, in, by->inner_in, columns, buffer);
        size_t bytes = (size_t)(columns * s->size);
        if (row == 0) {
            memcpy(acc, x, bytes);
        } else if (s->watched == GK_TYPES) {
            s->op.row(x, columns, acc);
        } else {
            memcpy(before, acc, bytes);
            s->op.row(x, columns, acc);
            for (int64_t i = 0; i < columns; i++)
                if (!isfinite(value(acc, i, s->watched)))
                    watch(s, value(before, i, s->watched), value(x, i, s->watched), value(acc, i, s->watched));
        }
        store((const char *)acc, s->size, out, by->inner_out, columns);
    }
}

static void run_blocks(int64_t begin, int64_t end, void *data)
{
    accumulation *s = data;
    const gk_slicing *by = s->by;
    int64_t blocks = gk_ceil_div(by->inner, COLUMNS), block = begin % blocks;
    gk_slice_position p;
    gk_slice_start(&p, by, s->in, s->out, begin / blocks);
    for (int64_t item = begin; item < end; item++) {
        int64_t first = block * COLUMNS, left = by->inner - first;
        run_columns(s, p.in.at + first * by->inner_in, p.out.at + first * by->inner_out,
                    left < COLUMNS ? left : COLUMNS);
        if (++block == blocks) {
            block = 0;
            gk_slice_advance(&p);
        }
    }
}

static int64_t piece_end(const accumulation *s, int64_t i)
{
    return s->by->n - i * s->piece > s->piece ? (i + 1) * s->piece : s->by->n;
}

static void fold_pieces(int64_t begin, int64_t end, void *data)
{
    accumulation *s = data;
    uint64_t buffer[BLOCK];
    int64_t step = s->by->in_step;
    for (int64_t i = begin; i < end; i++) {
        int64_t last = piece_end(s, i);
        for (int64_t n, at = i * s->piece; at < last; at += n) {
            n = last - at < BLOCK ? last - at : BLOCK;
            const char *x = items_at(s, s->slice_in + at * step, step, n, buffer);
            int starts = at == i * s->piece;
            if (starts)
                memcpy(&s->carries[i], x, (size_t)s->size);
            s->op.fold(x + starts * s->size, n - starts, &s->carries[i]);
        }
    }
}

static void run_pieces(int64_t begin, int64_t end, void *data)
{
    accumulation *s = data;
    for (int64_t i = begin; i < end; i++)
        run_slice(s, s->slice_in, s->slice_out, i * s->piece, piece_end(s, i), i > 0 ? &s->carries[i - 1] : NULL);
}

static int run_long_slice(accumulation *s, const gk_slice_position *p, int64_t pieces, const gk_options *how)
{
    s->slice_in = p->in.at;
    s->slice_out = p->out.at;
    int status = gk_parallel_for(pieces - 1, fold_pieces, s, how);
    if (status != GK_OK)
        return status;
    for (int64_t i = 1; i < pieces - 1; i++) {
        uint64_t before = s->carries[i - 1];
        s->op.row(&s->carries[i], 1, &before);
        s->carries[i] = before;
    }
    return gk_parallel_for(pieces, run_pieces, s, how);
}

static void choose_operation(accumulation *s, gk_accumulation op, gk_type type)
{
    int64_t in_size = gk_itemsize(type);
    s->size = in_size;
    s->load = NULL;
    s->gather = gk_load_as_is(type);
    s->watched = GK_TYPES;
    if (op != GK_CUMPROD) {
        s->op = op == GK_CUMMAX ? GK_DISPATCH(max)[type] : GK_DISPATCH(min)[type];
    } else if (gk_is_float(type)) {
        s->op = GK_DISPATCH(product)[type == GK_FLOAT32 ? 1 : 2];
        s->load = s->gather; /* the factors are read again afterwards, and the products may
                                overwrite them */
        s->watched = type;
    } else {
        s->op = GK_DISPATCH(product)[0];
        s->size = 8;
        if (in_size < 8)
            s->load = s->gather = gk_load_as_int64(type);
    }
}

int gk_accumulate(gk_accumulation op, gk_type type, int ndim, const int64_t *shape, int axis, const char *in,
                  const int64_t *in_stride, char *out, const int64_t *out_stride, int without_nans,
                  const gk_options *options, int *fp_status)
{
    gk_slicing by;
    accumulation s = {.by = &by, .in = in, .out = out};
    *fp_status = 0;
    choose_operation(&s, op, type);
    s.without_nans = without_nans && s.watched != GK_TYPES;
    int64_t slices = gk_slicing_init(&by, ndim, shape, axis, in_stride, out_stride), items = slices;
    gk_options how = options != NULL ? *options : (gk_options){0};
    int status = GK_OK;
    gk_body *body = run_slices;
    int64_t weight = by.n;
    if (by.inner > 1) {
        body = run_blocks;
        items = slices * gk_ceil_div(by.inner, COLUMNS);
        weight = gk_times(by.n, by.inner < COLUMNS ? by.inner : COLUMNS);
    } else if (by.n > LONG && slices < 64 && s.watched == GK_TYPES) {
        s.piece = PIECE;
        while (gk_ceil_div(by.n, s.piece) > MAX_PIECES)
            s.piece *= 2;
        int64_t pieces = gk_ceil_div(by.n, s.piece);
        if ((s.carries = gk_allocate(pieces, sizeof *s.carries)) == NULL)
            return GK_NO_MEMORY;
        how.grain = 1;
        how.eager = pieces > 8;
        gk_slice_position p;
        gk_slice_start(&p, &by, in, out, 0);
        for (int64_t slice = 0; slice < slices && status == GK_OK; slice++, gk_slice_advance(&p))
            status = run_long_slice(&s, &p, pieces, &how);
        free(s.carries);
        return status;
    }
    how.grain = weight < PIECE / 2 ? PIECE / 2 / weight : 1;
    how.eager = gk_times(items, weight) > 8 * PIECE;
    if (items <= how.grain)
        status = gk_run_here(items, body, &s, &how);
    else
        status = gk_parallel_for(items, body, &s, &how);
    *fp_status = atomic_load_explicit(&s.fp_status, memory_order_relaxed);
    return status;
}
