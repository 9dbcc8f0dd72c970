#include "kernels/scan.h"

#include "base/compiler.h"
#include "kernels/layout.h"
#include "kernels/load.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    STREAMS = 8,    /* segments summed at a time: an addition alone leaves the core idle */
    SEGMENT = 256,  /* elements of a segment of a long line */
    GROUP = STREAMS * SEGMENT,
    PIECE = 1 << 16, /* elements of a line worth a chunk of their own; whole groups */
    MOST_PIECES = 1024,
    COLUMNS = 256, /* columns summed side by side */
};

/* A sum so far: of floats in two doubles, of integers modulo 2^64. */
typedef struct {
    double high, low;
    uint64_t integer;
} carry;

typedef struct {
    int is_float, is_narrow; /* narrow: float32 */
    int64_t itemsize;        /* of the input */
    gk_load *load;           /* NULL: the input is what is summed */
    /* Lines run along the axis; `inner` of them lie side by side as columns. */
    int64_t n, in_step, out_step;
    int64_t inner, inner_in, inner_out;
    int outer_dims;
    int64_t outer_shape[GK_MAX_DIMS], outer_in[GK_MAX_DIMS], outer_out[GK_MAX_DIMS];
    const char *in;
    char *out;
    /* One long line at a time is cut into pieces. */
    int64_t piece;
    const char *line_in;
    char *line_out;
    carry *carries;
    _Atomic int noticed;
} scan;

/* sum + x, and what a floating-point unit notices about it. */
static double add_noticing(double sum, double x, int *noticed)
{
    double next = sum + x;
    if (!isfinite(next)) {
        if (isnan(next) && !isnan(sum) && !isnan(x))
            *noticed |= GK_SCAN_INVALID;
        if (isinf(next) && isfinite(sum) && isfinite(x))
            *noticed |= GK_SCAN_OVERFLOW;
    }
    return next;
}

static void notice(scan *s, int flags)
{
    if (flags != 0)
        atomic_fetch_or_explicit(&s->noticed, flags, memory_order_relaxed);
}

/* Exactly *c + x. An error of zero leaves `low` alone, which begins as -0.0:
 * sums of nothing but -0.0 stay so. */
static void carry_on(carry *c, double x)
{
    double sum = c->high + x, taken = sum - c->high;
    double error = (c->high - (sum - taken)) + (x - taken);
    c->high = sum;
    if (error != 0)
        c->low += error;
}

/* Whether sums that begin at the carry are finite, and were on the way to it:
 * a sum that overflowed stays infinite, so what comes near is left to
 * scan_plainly(). */
static int is_usual(const carry *c)
{
    return fabs(c->high) < 0x1p1020;
}

/* How a group of n elements is cut into segments. Short ones are one segment. */
static int64_t segment_of(int64_t n)
{
    return n == GROUP ? SEGMENT : n < GROUP / 16 ? n : (n + STREAMS - 1) / STREAMS;
}

/* The sums of the segments of a group, each in order; returns how many. */
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

/* Moves the carry over a group; returns 0, with the carry as it was, if that
 * is not usual. */
static int total_group(const double *x, int64_t n, carry *c)
{
    double sums[STREAMS];
    carry after = *c;
    int count = segment_sums(x, n, sums);
    for (int k = 0; k < count; k++)
        carry_on(&after, sums[k]);
    if (!is_usual(&after))
        return 0;
    *c = after;
    return 1;
}

/* Running sums of a group, from the carry on; y may be x. Returns 0 and does
 * nothing if that is not usual. */
static int scan_group(const double *x, int64_t n, carry *c, double *y)
{
    int64_t segment = segment_of(n);
    double sums[STREAMS];
    carry before[STREAMS + 1] = {*c};
    int count = segment_sums(x, n, sums);
    for (int k = 0; k < count; k++) {
        before[k + 1] = before[k];
        carry_on(&before[k + 1], sums[k]);
    }
    if (!is_usual(&before[count]))
        return 0;
    *c = before[count];
    if (n == STREAMS * segment) {
        for (int k = 0; k < STREAMS; k++)
            sums[k] = -0.0;
        for (int64_t i = 0; i < segment; i++)
            for (int k = 0; k < STREAMS; k++) {
                sums[k] += x[k * segment + i];
                y[k * segment + i] = before[k].high + (sums[k] + before[k].low);
            }
        return 1;
    }
    for (int k = 0; k < count; k++) {
        int64_t begin = k * segment, end = begin + segment < n ? begin + segment : n;
        double sum = -0.0;
        for (int64_t i = begin; i < end; i++) {
            sum += x[i];
            y[i] = before[k].high + (sum + before[k].low);
        }
    }
    return 1;
}

/* The same one element after the other, as NumPy does. */
static void scan_plainly(const double *x, int64_t n, carry *c, double *y, int *noticed)
{
    double sum = c->high + c->low;
    for (int64_t i = 0; i < n; i++)
        y[i] = sum = add_noticing(sum, x[i], noticed);
    *c = (carry){.high = sum, .low = -0.0};
}

static void store(const scan *s, const void *y, char *to, int64_t step, int64_t n)
{
    const double *values = y;
    if (s->is_narrow) {
        for (int64_t i = 0; i < n; i++)
            *(float *)(void *)(to + i * step) = (float)values[i];
    } else {
        for (int64_t i = 0; i < n; i++)
            memcpy(to + i * step, values + i, sizeof *values);
    }
}

/* Elements begin <= i < end of a line: their sums to `out`, or, if that is
 * NULL, only their total into the carry. Returns 0 where a total is not usual. */
static int scan_line(scan *s, const char *in, char *out, int64_t begin, int64_t end, carry *c)
{
    double xs[GROUP], ys[GROUP];
    int noticed = 0, plainly = 0;
    int in_place = s->load == NULL && s->in_step == 8, out_place = !s->is_narrow && s->out_step == 8;
    gk_load *load = s->load != NULL ? s->load : gk_load_as_is(GK_INT64);
    for (int64_t n, at = begin; at < end; at += n) {
        n = end - at < GROUP ? end - at : GROUP;
        const char *from = in + at * s->in_step;
        if (!in_place)
            load(xs, from, s->in_step, n);
        const void *x = in_place ? (const void *)from : xs;
        if (out == NULL && s->is_float) {
            if (!total_group(x, n, c))
                return 0;
            continue;
        }
        if (out == NULL) {
            const uint64_t *values = x;
            uint64_t sum = c->integer;
            for (int64_t i = 0; i < n; i++)
                sum += values[i];
            c->integer = sum;
            continue;
        }
        char *to = out + at * s->out_step;
        void *y = out_place ? (void *)to : ys;
        if (!s->is_float) {
            const uint64_t *values = x;
            uint64_t *sums = y, sum = c->integer;
            for (int64_t i = 0; i < n; i++)
                sums[i] = sum += values[i];
            c->integer = sum;
        } else if (plainly || !scan_group(x, n, c, y)) {
            plainly = 1;
            scan_plainly(x, n, c, y, &noticed);
        }
        if (!out_place)
            store(s, ys, to, s->out_step, n);
        if ((at - begin) % (16 * PIECE) == 0 && gk_cancelled())
            break;
    }
    notice(s, noticed);
    return 1;
}

static const carry nothing = {.high = -0.0, .low = -0.0};

/* Where the line, or the first of the columns, number `index` begins. */
static void locate(const scan *s, int64_t index, const char **in, char **out)
{
    *in = s->in;
    *out = s->out;
    for (int d = s->outer_dims - 1; d >= 0; d--) {
        int64_t i = index % s->outer_shape[d];
        index /= s->outer_shape[d];
        *in += i * s->outer_in[d];
        *out += i * s->outer_out[d];
    }
}

static void scan_lines(int64_t begin, int64_t end, void *data)
{
    scan *s = data;
    for (int64_t line = begin; line < end; line++) {
        const char *in;
        char *out;
        locate(s, line, &in, &out);
        carry c = nothing;
        scan_line(s, in, out, 0, s->n, &c);
    }
}

/* Columns side by side, row after row. */
static void scan_columns(scan *s, const char *in, char *out, int64_t columns)
{
    uint64_t integers[COLUMNS] = {0}, row_in[COLUMNS];
    double sums[COLUMNS], next[COLUMNS];
    int noticed = 0;
    gk_load *load = s->load != NULL ? s->load : gk_load_as_is(GK_INT64);
    for (int64_t i = 0; i < columns; i++)
        sums[i] = -0.0;
    for (int64_t row = 0; row < s->n; row++, in += s->in_step, out += s->out_step) {
        if (row % 4096 == 4095 && gk_cancelled())
            break;
        const void *x = in;
        if (s->load != NULL || s->inner_in != 8) {
            load(row_in, in, s->inner_in, columns);
            x = row_in;
        }
        const void *y = integers;
        if (!s->is_float) {
            const uint64_t *values = x;
            for (int64_t i = 0; i < columns; i++)
                integers[i] += values[i];
        } else {
            const double *values = x;
            double unusual = 0; /* NaN once a sum is not finite */
            for (int64_t i = 0; i < columns; i++) {
                next[i] = sums[i] + values[i];
                unusual += next[i] - next[i];
            }
            if (unusual != 0)
                for (int64_t i = 0; i < columns; i++)
                    add_noticing(sums[i], values[i], &noticed);
            memcpy(sums, next, (size_t)columns * sizeof *sums);
            y = sums;
        }
        if (!s->is_narrow && s->inner_out == 8)
            memcpy(out, y, (size_t)columns * 8);
        else
            store(s, y, out, s->inner_out, columns);
    }
    notice(s, noticed);
}

static void scan_blocks(int64_t begin, int64_t end, void *data)
{
    scan *s = data;
    int64_t blocks = (s->inner + COLUMNS - 1) / COLUMNS;
    for (int64_t item = begin; item < end; item++) {
        const char *in;
        char *out;
        locate(s, item / blocks, &in, &out);
        int64_t first = item % blocks * COLUMNS, left = s->inner - first;
        scan_columns(s, in + first * s->inner_in, out + first * s->inner_out,
                     left < COLUMNS ? left : COLUMNS);
    }
}

static void total_pieces(int64_t begin, int64_t end, void *data)
{
    scan *s = data;
    for (int64_t i = begin; i < end; i++) {
        s->carries[i] = nothing;
        int64_t first = i * s->piece, last = first + s->piece < s->n ? first + s->piece : s->n;
        if (!scan_line(s, s->line_in, NULL, first, last, &s->carries[i]))
            s->carries[i].high = NAN;
    }
}

static void scan_pieces(int64_t begin, int64_t end, void *data)
{
    scan *s = data;
    for (int64_t i = begin; i < end; i++) {
        int64_t first = i * s->piece, last = first + s->piece < s->n ? first + s->piece : s->n;
        scan_line(s, s->line_in, s->line_out, first, last, &s->carries[i]);
    }
}

/* Turns totals of the pieces into what each begins with; returns 0 if one is
 * not usual. */
static int carry_over(scan *s, int64_t pieces)
{
    carry sum = nothing;
    for (int64_t i = 0; i < pieces; i++) {
        carry total = s->carries[i];
        s->carries[i] = sum;
        sum.integer += total.integer;
        carry_on(&sum, total.high);
        sum.low += total.low;
        if (!is_usual(&sum))
            return 0;
    }
    return 1;
}

static int scan_long_line(scan *s, int64_t line, int64_t pieces, const gk_options *how)
{
    char *out;
    locate(s, line, &s->line_in, &out);
    s->line_out = out;
    int status = gk_parallel_for(pieces, total_pieces, s, how);
    if (status != GK_OK)
        return status;
    if (!carry_over(s, pieces)) {
        scan_lines(line, line + 1, s);
        return GK_OK;
    }
    return gk_parallel_for(pieces, scan_pieces, s, how);
}

static int64_t magnitude(int64_t x)
{
    return x < 0 ? -x : x;
}

/* Sorts dimensions into axis, columns and the rest; returns the number of
 * lines, or of rows of columns. */
static int64_t arrange(scan *s, int ndim, const int64_t *shape, int axis, const int64_t *in_stride,
                       const int64_t *out_stride)
{
    int columns = -1;
    for (int d = 0; d < ndim; d++)
        if (d != axis && shape[d] >= 16 && magnitude(in_stride[d]) < magnitude(in_stride[axis]) &&
            (columns < 0 || magnitude(in_stride[d]) < magnitude(in_stride[columns])))
            columns = d;
    int64_t lines = 1;
    s->n = shape[axis];
    s->in_step = in_stride[axis];
    s->out_step = out_stride[axis];
    s->inner = 1;
    s->outer_dims = 0;
    for (int d = 0; d < ndim; d++) {
        if (d == columns) {
            s->inner = shape[d];
            s->inner_in = in_stride[d];
            s->inner_out = out_stride[d];
        } else if (d != axis && shape[d] > 1) {
            lines *= shape[d];
            s->outer_shape[s->outer_dims] = shape[d];
            s->outer_in[s->outer_dims] = in_stride[d];
            s->outer_out[s->outer_dims++] = out_stride[d];
        }
    }
    return lines;
}

int gk_cumsum(gk_type type, int ndim, const int64_t *shape, int axis, const char *in,
              const int64_t *in_stride, char *out, const int64_t *out_stride,
              const gk_options *options, int *noticed)
{
    scan s = {.is_float = gk_is_float(type), .is_narrow = type == GK_FLOAT32, .in = in, .out = out};
    s.itemsize = gk_itemsize(type);
    if (s.is_float && s.is_narrow)
        s.load = gk_load_as_float64(type);
    else if (!s.is_float && s.itemsize < 8)
        s.load = gk_load_as_int64(type);
    int64_t lines = arrange(&s, ndim, shape, axis, in_stride, out_stride);
    gk_options how = options != NULL ? *options : (gk_options){0};
    int status = GK_OK;
    if (s.inner > 1) {
        int64_t width = s.inner < COLUMNS ? s.inner : COLUMNS, weight = s.n * width;
        int64_t items = lines * ((s.inner + COLUMNS - 1) / COLUMNS);
        how.grain = weight < PIECE / 2 ? PIECE / 2 / weight : 1;
        how.eager = items * weight > 8 * PIECE;
        if (items <= how.grain)
            scan_blocks(0, items, &s);
        else
            status = gk_parallel_for(items, scan_blocks, &s, &how);
    } else if (s.n > 2 * PIECE && lines < 64) {
        s.piece = PIECE;
        while ((s.n + s.piece - 1) / s.piece > MOST_PIECES)
            s.piece *= 2;
        int64_t pieces = (s.n + s.piece - 1) / s.piece;
        s.carries = malloc((size_t)pieces * sizeof *s.carries);
        if (s.carries == NULL)
            return GK_NO_MEMORY;
        how.grain = 1;
        how.eager = pieces > 8;
        for (int64_t line = 0; line < lines && status == GK_OK; line++)
            status = scan_long_line(&s, line, pieces, &how);
        free(s.carries);
    } else {
        how.grain = s.n < PIECE / 2 ? PIECE / 2 / s.n : 1;
        how.eager = lines * s.n > 8 * PIECE;
        if (lines <= how.grain)
            scan_lines(0, lines, &s);
        else
            status = gk_parallel_for(lines, scan_lines, &s, &how);
    }
    *noticed = atomic_load_explicit(&s.noticed, memory_order_relaxed);
    return status;
}
