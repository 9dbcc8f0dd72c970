#include "kernels/scan/scan.h"

#include "base/compiler.h"
#include "kernels/array/load.h"
#include "kernels/array/memory.h"
#include "kernels/scan/slicing.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    STREAMS = 8,    /* segments summed at a time, because one chain of additions leaves the core idle */
    SEGMENT = 256,  /* elements of a segment of a long slice */
    GROUP = STREAMS * SEGMENT,
    PIECE = 1 << 16, /* elements that are worth a chunk; a multiple of GROUP */
    MAX_PIECES = 1024,
    COLUMNS = 256, /* columns summed at a time */
};

/* A running sum, of floats or of integers modulo 2^64. */
typedef struct {
    double real;
    uint64_t integer;
} carry;

typedef struct {
    int is_float, is_narrow; /* narrow: float32 */
    int without_nans;        /* a NaN counts as 0 */
    int64_t itemsize;        /* item size of the input */
    gk_load *load;           /* NULL if the input needs no conversion */
    const gk_slicing *by;
    const char *in;
    char *out;
    /* Long slices are processed one at a time, divided into pieces. */
    int64_t piece;
    const char *slice_in;
    char *slice_out;
    carry *carries; /* the running sum before each piece */
    double *sums;   /* floats: the sums of the segments of all groups */
    _Atomic int fp_status;
} scan;

/* Returns sum + x, and records the floating-point exceptions that this raises. */
static double add_with_status(double sum, double x, int *fp_status)
{
    double next = sum + x;
    if (!isfinite(next)) {
        if (isnan(next) && !isnan(sum) && !isnan(x))
            *fp_status |= GK_SCAN_INVALID;
        if (isinf(next) && isfinite(sum) && isfinite(x))
            *fp_status |= GK_SCAN_OVERFLOW;
    }
    return next;
}

static void record_status(scan *s, int flags)
{
    if (flags != 0)
        atomic_fetch_or_explicit(&s->fp_status, flags, memory_order_relaxed);
}

/* Whether the running sums up to and just after this one are certainly finite. A sum
 * that has overflowed stays infinite, so anything close to that is left to
 * scan_plainly(). */
static int is_safe(double sum)
{
    return fabs(sum) < 0x1p1020;
}

/* The length of the segments of a group of n elements. A short group is one segment. */
static int64_t segment_of(int64_t n)
{
    return n == GROUP ? SEGMENT : n < GROUP / 16 ? n : (n + STREAMS - 1) / STREAMS;
}

/* Sums each segment of a group in order. Returns the number of segments. */
static int segment_sums(const double *x, int64_t n, double sums[STREAMS])
{
    int64_t segment = segment_of(n);
    int whole = (int)(n / segment), count = 0;
    if (whole == STREAMS) {
        for (int k = 0; k < STREAMS; k++)
            sums[k] = -0.0;
        for (int64_t i = 0; i < segment; i++)
            for (int k = 0; k < STREAMS; k++)
                sums[k] += x[k * segment + i];
        return STREAMS;
    }
    for (int64_t begin = 0; begin < n; begin += segment) {
        int64_t end = begin + segment < n ? begin + segment : n;
        double sum = -0.0;
        for (int64_t i = begin; i < end; i++)
            sum += x[i];
        sums[count++] = sum;
    }
    return count;
}

/* Writes the running sums of a group, starting from the carry, given the sums of its
 * segments. y may be x. Returns 0 and writes nothing if a sum is not safe. */
static int scan_group(const double *x, int64_t n, const double sums[STREAMS], carry *c, double *y)
{
    int64_t segment = segment_of(n);
    int count = (int)((n + segment - 1) / segment);
    double before[STREAMS], total = c->real;
    for (int k = 0; k < count; k++) {
        before[k] = total;
        total += sums[k];
    }
    if (!is_safe(total))
        return 0;
    c->real = total;
    if (n == STREAMS * segment) {
        double sum[STREAMS];
        for (int k = 0; k < STREAMS; k++)
            sum[k] = -0.0;
        for (int64_t i = 0; i < segment; i++)
            for (int k = 0; k < STREAMS; k++) {
                sum[k] += x[k * segment + i];
                y[k * segment + i] = before[k] + sum[k];
            }
        return 1;
    }
    for (int k = 0; k < count; k++) {
        int64_t begin = k * segment, end = begin + segment < n ? begin + segment : n;
        double sum = -0.0;
        for (int64_t i = begin; i < end; i++) {
            sum += x[i];
            y[i] = before[k] + sum;
        }
    }
    return 1;
}

/* The same, one element after the other, as NumPy does. */
static void scan_plainly(const double *x, int64_t n, carry *c, double *y, int *fp_status)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = c->real = add_with_status(c->real, x[i], fp_status);
}

static void store(const scan *s, const void *y, char *to, int64_t step, int64_t n, int *fp_status)
{
    const double *values = y;
    if (s->is_narrow) {
        int overflow = 0; /* a finite double becomes an infinite float */
        for (int64_t i = 0; i < n; i++) {
            double magnitude = fabs(values[i]);
            overflow |= (magnitude >= 0x1.ffffffp127) & (magnitude <= DBL_MAX);
            *(float *)(void *)(to + i * step) = (float)values[i];
        }
        if (overflow)
            *fp_status |= GK_SCAN_OVERFLOW;
    } else {
        for (int64_t i = 0; i < n; i++)
            memcpy(to + i * step, values + i, sizeof *values);
    }
}

typedef struct {
    const scan *s;
    const char *in;
    gk_load *load;
    double buffer[GROUP];
} reader;

static void replace_nans(void *items, int64_t n)
{
    double *x = items;
    for (int64_t i = 0; i < n; i++)
        x[i] = isnan(x[i]) ? 0 : x[i];
}

static void read_from(reader *r, const scan *s, const char *in)
{
    r->s = s;
    r->in = in;
    r->load = s->load != NULL ? s->load : s->by->in_step != 8 || s->without_nans ? gk_load_as_is(GK_INT64) : NULL;
}

/* Returns a group of the slice, in place if it needs no conversion. */
static const void *group_at(reader *r, int64_t at, int64_t n)
{
    const char *from = r->in + at * r->s->by->in_step;
    if (r->load == NULL)
        return from;
    r->load(r->buffer, from, r->s->by->in_step, n);
    if (r->s->without_nans)
        replace_nans(r->buffer, n);
    return r->buffer;
}

/* Sums elements begin <= i < end of a slice. Writes the sums of segments of floats to
 * `sums`, and adds integers to the carry. */
static void sum_slice(const scan *s, const char *in, int64_t begin, int64_t end, carry *c, double *sums)
{
    reader r;
    read_from(&r, s, in);
    for (int64_t n, at = begin; at < end; at += n) {
        n = end - at < GROUP ? end - at : GROUP;
        const void *x = group_at(&r, at, n);
        if (s->is_float) {
            segment_sums(x, n, sums);
            sums += STREAMS;
        } else {
            const uint64_t *values = x;
            uint64_t sum = c->integer;
            for (int64_t i = 0; i < n; i++)
                sum += values[i];
            c->integer = sum;
        }
        if ((at - begin) % (16 * PIECE) == 0 && gk_cancelled())
            return;
    }
}

/* Writes the running sums of elements begin <= i < end of a slice, starting from the
 * carry. `sums` has the sums of the segments, or is NULL to compute them here. */
static void scan_slice(scan *s, const char *in, char *out, int64_t begin, int64_t end, carry c,
                      const double *sums)
{
    reader r;
    read_from(&r, s, in);
    double ys[GROUP], own[STREAMS];
    int fp_status = 0, plainly = 0, in_place = !s->is_narrow && s->by->out_step == 8;
    for (int64_t n, at = begin; at < end; at += n) {
        n = end - at < GROUP ? end - at : GROUP;
        const void *x = group_at(&r, at, n);
        char *to = out + at * s->by->out_step;
        void *y = in_place ? (void *)to : ys;
        if (!s->is_float) {
            const uint64_t *values = x;
            uint64_t *running = y, sum = c.integer;
            for (int64_t i = 0; i < n; i++)
                running[i] = sum += values[i];
            c.integer = sum;
        } else {
            const double *known = sums;
            if (sums == NULL)
                segment_sums(x, n, own);
            else
                sums += STREAMS;
            if (plainly || !scan_group(x, n, known != NULL ? known : own, &c, y)) {
                plainly = 1;
                scan_plainly(x, n, &c, y, &fp_status);
            }
        }
        if (!in_place)
            store(s, ys, to, s->by->out_step, n, &fp_status);
        if ((at - begin) % (16 * PIECE) == 0 && gk_cancelled())
            break;
    }
    record_status(s, fp_status);
}

static const carry nothing = {.real = -0.0};

static void scan_slices(int64_t begin, int64_t end, void *data)
{
    scan *s = data;
    gk_slice_position p;
    gk_slice_start(&p, s->by, s->in, s->out, begin);
    for (int64_t slice = begin; slice < end; slice++, gk_slice_advance(&p))
        scan_slice(s, p.in.at, p.out.at, 0, s->by->n, nothing, NULL);
}

/* Scans adjacent columns together, row after row. */
static void scan_columns(scan *s, const char *in, char *out, int64_t columns)
{
    uint64_t integers[COLUMNS] = {0}, row_in[COLUMNS];
    double sums[COLUMNS], next[COLUMNS];
    int fp_status = 0;
    gk_load *load = s->load != NULL ? s->load : gk_load_as_is(GK_INT64);
    for (int64_t i = 0; i < columns; i++)
        sums[i] = -0.0;
    for (int64_t row = 0; row < s->by->n; row++, in += s->by->in_step, out += s->by->out_step) {
        if (row % 4096 == 4095 && gk_cancelled())
            break;
        const void *x = in;
        if (s->load != NULL || s->by->inner_in != 8 || s->without_nans) {
            load(row_in, in, s->by->inner_in, columns);
            if (s->without_nans)
                replace_nans(row_in, columns);
            x = row_in;
        }
        const void *y = integers;
        if (!s->is_float) {
            const uint64_t *values = x;
            for (int64_t i = 0; i < columns; i++)
                integers[i] += values[i];
        } else {
            const double *values = x;
            double not_finite = 0; /* becomes NaN if a sum is not finite */
            for (int64_t i = 0; i < columns; i++) {
                next[i] = sums[i] + values[i];
                not_finite += next[i] - next[i];
            }
            if (not_finite != 0)
                for (int64_t i = 0; i < columns; i++)
                    add_with_status(sums[i], values[i], &fp_status);
            memcpy(sums, next, (size_t)columns * sizeof *sums);
            y = sums;
        }
        if (!s->is_narrow && s->by->inner_out == 8)
            memcpy(out, y, (size_t)columns * 8);
        else
            store(s, y, out, s->by->inner_out, columns, &fp_status);
    }
    record_status(s, fp_status);
}

static void scan_blocks(int64_t begin, int64_t end, void *data)
{
    scan *s = data;
    int64_t blocks = gk_ceil_div(s->by->inner, COLUMNS), block = begin % blocks;
    gk_slice_position p;
    gk_slice_start(&p, s->by, s->in, s->out, begin / blocks);
    for (int64_t item = begin; item < end; item++) {
        int64_t first = block * COLUMNS, left = s->by->inner - first;
        scan_columns(s, p.in.at + first * s->by->inner_in, p.out.at + first * s->by->inner_out,
                     left < COLUMNS ? left : COLUMNS);
        if (++block == blocks) {
            block = 0;
            gk_slice_advance(&p);
        }
    }
}

/* Returns where the sums of a piece are stored, and sets *end to its end. */
static double *sums_of(const scan *s, int64_t piece, int64_t *end)
{
    *end = s->by->n - piece * s->piece > s->piece ? (piece + 1) * s->piece : s->by->n;
    return s->sums == NULL ? NULL : s->sums + piece * (s->piece / SEGMENT);
}

static void sum_pieces(int64_t begin, int64_t end, void *data)
{
    scan *s = data;
    for (int64_t i = begin; i < end; i++) {
        int64_t last;
        double *sums = sums_of(s, i, &last);
        s->carries[i] = nothing;
        sum_slice(s, s->slice_in, i * s->piece, last, &s->carries[i], sums);
    }
}

static void scan_pieces(int64_t begin, int64_t end, void *data)
{
    scan *s = data;
    for (int64_t i = begin; i < end; i++) {
        int64_t last;
        double *sums = sums_of(s, i, &last);
        scan_slice(s, s->slice_in, s->slice_out, i * s->piece, last, s->carries[i], sums);
    }
}

/* Replaces the total of each piece by the running sum before it. Returns 0 if a sum
 * is not safe. */
static int carry_over(scan *s, int64_t pieces)
{
    carry sum = nothing;
    int safe = 1;
    for (int64_t i = 0; i < pieces; i++) {
        uint64_t total = s->carries[i].integer;
        s->carries[i] = sum;
        sum.integer += total;
        if (s->is_float) {
            int64_t last;
            const double *sums = sums_of(s, i, &last);
            for (int64_t at = i * s->piece, n; at < last; at += n, sums += STREAMS) {
                n = last - at < GROUP ? last - at : GROUP;
                int64_t segment = segment_of(n);
                for (int64_t k = 0; k < (n + segment - 1) / segment; k++) {
                    sum.real += sums[k];
                    safe &= is_safe(sum.real);
                }
            }
        }
    }
    return safe;
}

/* Scans a whole long slice on one thread. */
static void scan_slice_plainly(int64_t begin, int64_t end, void *data)
{
    (void)begin;
    (void)end;
    scan *s = data;
    scan_slice(s, s->slice_in, s->slice_out, 0, s->by->n, nothing, NULL);
}

static int scan_long_slice(scan *s, const gk_slice_position *p, int64_t pieces, const gk_options *how)
{
    s->slice_in = p->in.at;
    s->slice_out = p->out.at;
    int status = gk_parallel_for(pieces, sum_pieces, s, how);
    if (status != GK_OK)
        return status;
    if (!carry_over(s, pieces)) /* as a region, so that a deadline or Ctrl-C can end it */
        return gk_parallel_for(1, scan_slice_plainly, s, how);
    return gk_parallel_for(pieces, scan_pieces, s, how);
}

int gk_cumsum(gk_type type, int ndim, const int64_t *shape, int axis, const char *in,
              const int64_t *in_stride, char *out, const int64_t *out_stride,
              int without_nans, const gk_options *options, int *fp_status)
{
    gk_slicing by; /* not in `s`, because clearing it would take longer than a short scan */
    scan s = {.is_float = gk_is_float(type), .is_narrow = type == GK_FLOAT32, .in = in, .out = out, .by = &by};
    s.without_nans = s.is_float && without_nans;
    s.itemsize = gk_itemsize(type);
    if (s.is_float && s.is_narrow)
        s.load = gk_load_as_float64(type);
    else if (!s.is_float && s.itemsize < 8)
        s.load = gk_load_as_int64(type);
    int64_t slices = gk_slicing_init(&by, ndim, shape, axis, in_stride, out_stride);
    gk_options how = options != NULL ? *options : (gk_options){0};
    int status = GK_OK;
    if (s.by->inner > 1) {
        int64_t width = s.by->inner < COLUMNS ? s.by->inner : COLUMNS, weight = gk_times(s.by->n, width);
        int64_t items = slices * gk_ceil_div(s.by->inner, COLUMNS);
        how.grain = weight < PIECE / 2 ? PIECE / 2 / weight : 1;
        how.eager = gk_times(items, weight) > 8 * PIECE;
        if (items <= how.grain)
            status = gk_run_here(items, scan_blocks, &s, &how);
        else
            status = gk_parallel_for(items, scan_blocks, &s, &how);
    } else if (s.by->n > 2 * PIECE && slices < 64) {
        s.piece = PIECE;
        while (gk_ceil_div(s.by->n, s.piece) > MAX_PIECES)
            s.piece *= 2;
        int64_t pieces = gk_ceil_div(s.by->n, s.piece);
        s.carries = gk_allocate(pieces, sizeof *s.carries);
        if (s.is_float)
            s.sums = gk_allocate(pieces * (s.piece / SEGMENT), sizeof *s.sums);
        if (s.carries == NULL || (s.is_float && s.sums == NULL))
            status = GK_NO_MEMORY;
        how.grain = 1;
        how.eager = pieces > 8;
        gk_slice_position p;
        gk_slice_start(&p, s.by, s.in, s.out, 0);
        for (int64_t slice = 0; slice < slices && status == GK_OK; slice++, gk_slice_advance(&p))
            status = scan_long_slice(&s, &p, pieces, &how);
        free(s.carries);
        free(s.sums);
    } else {
        how.grain = s.by->n < PIECE / 2 ? PIECE / 2 / s.by->n : 1;
        how.eager = gk_times(slices, s.by->n) > 8 * PIECE;
        if (slices <= how.grain)
            status = gk_run_here(slices, scan_slices, &s, &how);
        else
            status = gk_parallel_for(slices, scan_slices, &s, &how);
    }
    *fp_status = atomic_load_explicit(&s.fp_status, memory_order_relaxed);
    return status;
}
