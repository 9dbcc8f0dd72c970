#include "kernels/reduce/dot.h"

#include "base/compiler.h"
#include "base/isa.h"
#include "kernels/array/load.h"
#include "kernels/array/memory.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

enum {
    WIDTH = 32, /* number of accumulators */
    BUFFER = 512, /* elements converted at a time: two buffers and what they are converted from fit the first-level cache */
    PIECE = 1 << 14,
    MAX_PIECES = 4096, /* enough to balance the load of more than a hundred cores */
    FEW_PIECES = 256,  /* the results of so many fit on the stack */
};

typedef struct {
    double total[WIDTH], error[WIDTH];
} accumulators;

#define FOREACH_ISA "kernels/reduce/dot_template.h"
#include "base/foreach_isa.h"

typedef struct {
    const char *at;
    int64_t stride;
    gk_load *load; /* NULL if the elements are used in place */
} operand;

typedef struct {
    double total, error;
    uint64_t integer;
} part;

typedef struct {
    int as_float;
    operand x, y;
    int64_t n, piece;
    part *parts;
} plan;

static operand operand_of(int as_float, gk_type type, const char *at, int64_t stride)
{
    gk_load *load = as_float ? gk_load_as_float64(type) : gk_load_as_int64(type);
    int usable = stride == 8 && (as_float ? type == GK_FLOAT64 : type == GK_INT64 || type == GK_UINT64);
    return (operand){.at = at, .stride = stride, .load = usable ? NULL : load};
}

static const void *values(const operand *o, int64_t begin, int64_t n, void *buffer)
{
    const char *at = o->at + begin * o->stride;
    if (o->load == NULL)
        return at;
    o->load(buffer, at, o->stride, n);
    return buffer;
}

static void add(part *into, double total, double error)
{
    double sum = into->total + total, taken = sum - into->total;
    into->error += ((into->total - (sum - taken)) + (total - taken)) + error;
    into->total = sum;
}

static part dot_range(const plan *p, int64_t begin, int64_t end)
{
    _Alignas(64) double x_buffer[BUFFER], y_buffer[BUFFER];
    accumulators sums;
    part result = {.total = 0};
    for (int i = 0; i < WIDTH; i++) {
        sums.total[i] = sums.error[i] = 0;
    }
    for (int64_t n; begin < end && !gk_cancelled(); begin += n) {
        n = end - begin < BUFFER ? end - begin : BUFFER;
        const void *x = values(&p->x, begin, n, x_buffer), *y = values(&p->y, begin, n, y_buffer);
        if (p->as_float) {
            GK_DISPATCH(products)(&sums, x, y, n / WIDTH);
            const double *a = x, *b = y;
            for (int64_t i = n / WIDTH * WIDTH; i < n; i++) /* only at the end of the array */
                add(&result, a[i] * b[i], 0);
        } else {
            result.integer += GK_DISPATCH(integer_products)(x, y, n);
        }
    }
    for (int i = 0; i < WIDTH; i++)
        add(&result, sums.total[i], sums.error[i]);
    return result;
}

static void dot_pieces(int64_t begin, int64_t end, void *data)
{
    const plan *p = data;
    for (int64_t i = begin; i < end; i++) {
        int64_t first = i * p->piece, left = p->n - first;
        p->parts[i] = dot_range(p, first, first + (left < p->piece ? left : p->piece));
    }
}

int gk_dot(int as_float, int64_t n, gk_type x_type, const char *x, int64_t x_stride, gk_type y_type,
           const char *y, int64_t y_stride, const gk_options *options, void *result)
{
    part few[FEW_PIECES], *parts = few;
    plan p = {.as_float = as_float,
              .x = operand_of(as_float, x_type, x, x_stride),
              .y = operand_of(as_float, y_type, y, y_stride),
              .n = n};
    int64_t pieces = gk_ceil_div(n, PIECE);
    if (pieces > MAX_PIECES)
        pieces = MAX_PIECES;
    p.piece = gk_ceil_div(gk_ceil_div(n, pieces), BUFFER) * BUFFER;
    pieces = gk_ceil_div(n, p.piece);
    if (pieces > FEW_PIECES && (parts = malloc((size_t)pieces * sizeof *parts)) == NULL)
        return GK_NO_MEMORY;
    p.parts = parts;
    int status = GK_OK;
    if (pieces == 1) {
        dot_pieces(0, 1, &p);
    } else {
        gk_options how = options != NULL ? *options : (gk_options){0};
        how.grain = 1;
        how.eager = pieces > 16;
        status = gk_parallel_for(pieces, dot_pieces, &p, &how);
    }
    if (status == GK_OK) {
        part sum = parts[0];
        for (int64_t i = 1; i < pieces; i++) {
            add(&sum, parts[i].total, parts[i].error);
            sum.integer += parts[i].integer;
        }
        if (as_float)
            *(double *)result = isnan(sum.error) ? sum.total : sum.total + sum.error; /* NaN if total is infinite */
        else
            *(uint64_t *)result = sum.integer;
    }
    if (parts != few)
        free(parts);
    return status;
}
