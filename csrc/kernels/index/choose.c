/* Operands that are contiguous and of the result's type are read in place. Others are
 * first loaded into a buffer, a block at a time. An operand that does not change along a row
 * fills its buffer once. */
#include "kernels/index/choose.h"

#include <stddef.h>
#include <string.h>

#include "base/compiler.h"
#include "base/isa.h"
#include "kernels/array/iterator.h"
#include "kernels/array/load.h"
#include "kernels/array/memory.h"

enum {
    BLOCK = 512,     /* items of a buffer */
    PIECE = 1 << 15, /* items of a chunk */
};

#define FOREACH_ISA "kernels/index/choose_template.h"
#include "base/foreach_isa.h"

enum { CONDITION, X, Y, OPERANDS };

typedef struct {
    const char *data;
    gk_dims dims;
    int64_t itemsize;
    int is_converted;
    gk_load *load; /* NULL: items of a size that no kernel supports */
} operand;

typedef struct {
    operand of[OPERANDS];
    int64_t n, size;
    char *chosen;
} choosing;

typedef struct {
    const operand *from;
    gk_iterator place;
    const char *repeated; /* the item that fills the buffer */
    int64_t copies;
    uint64_t buffer[BLOCK];
} reader;

static int64_t row_stride(const operand *from)
{
    return from->dims.stride[from->dims.n - 1];
}

/* Returns the next `count` items, contiguous: at most a block of one row. */
static const void *next_items(reader *r, int64_t count)
{
    const char *at = r->place.at;
    int64_t stride = row_stride(r->from);
    if (stride == r->from->itemsize && !r->from->is_converted)
        return at;
    if (at != r->repeated || count > r->copies) {
        r->from->load(r->buffer, at, stride, count);
        r->repeated = at;
        r->copies = stride == 0 ? count : 0;
    }
    return r->buffer;
}

/* Items of any size. */
static void choose_items(const choosing *w, reader *of, int64_t count, char *to)
{
    const char *c = of[CONDITION].place.at, *x = of[X].place.at, *y = of[Y].place.at;
    int64_t c_step = row_stride(of[CONDITION].from), x_step = row_stride(of[X].from), y_step = row_stride(of[Y].from);
    for (int64_t i = 0; i < count; i++)
        memcpy(to + i * w->size, c[i * c_step] != 0 ? x + i * x_step : y + i * y_step, (size_t)w->size);
}

static void choose_pieces(int64_t begin, int64_t end, void *data)
{
    const choosing *w = data;
    int64_t last = end < gk_ceil_div(w->n, PIECE) ? end * PIECE : w->n, count;
    reader of[OPERANDS];
    for (int k = 0; k < OPERANDS; k++) {
        of[k].from = &w->of[k];
        of[k].repeated = NULL;
        of[k].copies = 0;
        gk_iterator_start(&of[k].place, &w->of[k].dims, w->of[k].data, begin * PIECE);
    }
    for (int64_t at = begin * PIECE; at < last; at += count) {
        count = gk_iterator_run(&of[X].place, last - at < BLOCK ? last - at : BLOCK);
        char *to = w->chosen + at * w->size;
        if (w->of[X].load == NULL) {
            choose_items(w, of, count, to);
            if (gk_cancelled())
                return;
        } else {
            const void *c = next_items(&of[CONDITION], count), *x = next_items(&of[X], count);
            const void *y = next_items(&of[Y], count);
            switch (w->size) {
            case 1: GK_DISPATCH(choose_8)(c, x, y, to, count); break;
            case 2: GK_DISPATCH(choose_16)(c, x, y, to, count); break;
            case 4: GK_DISPATCH(choose_32)(c, x, y, to, count); break;
            default: GK_DISPATCH(choose_64)(c, x, y, to, count); break;
            }
        }
        for (int k = 0; k < OPERANDS; k++)
            gk_iterator_advance(&of[k].place, count);
    }
}

/* Fills in the dimensions, and merges those that continue each other in all operands. */
static void arrange(choosing *w, int ndim, const int64_t *shape, const int64_t *const stride[OPERANDS])
{
    for (int k = 0; k < OPERANDS; k++)
        w->of[k].dims.n = 0;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] == 1)
            continue;
        int last = w->of[X].dims.n - 1, continues = last >= 0;
        for (int k = 0; k < OPERANDS && continues; k++)
            continues = w->of[k].dims.stride[last] == shape[d] * stride[k][d];
        for (int k = 0; k < OPERANDS; k++) {
            gk_dims *dims = &w->of[k].dims;
            if (continues) {
                dims->shape[last] *= shape[d];
                dims->stride[last] = stride[k][d];
            } else {
                gk_dims_append(dims, shape[d], stride[k][d]);
            }
        }
    }
    if (w->of[X].dims.n == 0)
        for (int k = 0; k < OPERANDS; k++)
            gk_dims_append(&w->of[k].dims, 1, 0);
}

static gk_load *loader_of(gk_type from, gk_type result, int64_t size)
{
    if (from != GK_TYPES)
        return result == GK_FLOAT64 ? gk_load_as_float64(from) : gk_load_as_int64(from);
    switch (size) {
    case 1: return gk_load_as_is(GK_UINT8);
    case 2: return gk_load_as_is(GK_UINT16);
    case 4: return gk_load_as_is(GK_UINT32);
    case 8: return gk_load_as_is(GK_UINT64);
    default: return NULL;
    }
}

int gk_choose(int ndim, const int64_t *shape, const gk_choice *condition, const gk_choice *x, const gk_choice *y,
              int64_t size, gk_type result, void *chosen, const gk_options *options)
{
    choosing w; /* not cleared, because that would take longer than a short call */
    const gk_choice *given[OPERANDS] = {condition, x, y};
    const int64_t *stride[OPERANDS] = {condition->stride, x->stride, y->stride};
    for (int k = 0; k < OPERANDS; k++) {
        operand *to = &w.of[k];
        to->data = given[k]->data;
        to->is_converted = given[k]->from != GK_TYPES;
        to->itemsize = k == CONDITION ? 1 : size;
        to->load = loader_of(given[k]->from, result, to->itemsize);
    }
    arrange(&w, ndim, shape, stride);
    w.n = gk_dims_count(&w.of[X].dims);
    w.size = size;
    w.chosen = chosen;
    int64_t pieces = gk_ceil_div(w.n, PIECE);
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.grain = 1;
    mine.eager = pieces >= 8;
    return gk_parallel_for(pieces, choose_pieces, &w, &mine);
}
