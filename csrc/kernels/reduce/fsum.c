#include "kernels/reduce/fsum.h"

#include "base/compiler.h"
#include "base/fp_control.h"
#include "base/isa.h"
#include "kernels/array/load.h"
#include "kernels/array/memory.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    WIDTH = 32,   /* number of accumulators */
    BLOCK = 2048, /* elements split at a time */
    PIECE = 1 << 15,
    MAX_PIECES = 256,
    FOR_EACH = 8, /* thread, where that is more: an exact sum has the same bits for any number of pieces */
    LIMBS = 68,
    MAX_ADDENDS = 1 << 29, /* additions before a limb could overflow */
};

#define FOREACH_ISA "kernels/reduce/fsum_template.h"
#include "base/foreach_isa.h"

/* The integer limb[0] + limb[1] * 2^32 + ..., in units of 2^-1074. Limbs are
 * signed, and may exceed 32 bits until carries are propagated. */
typedef struct {
    int64_t limb[LIMBS];
    int64_t addends;
    int64_t largest; /* the bits of the largest finite magnitude */
    int seen;
} accumulator;

static void propagate_carries(accumulator *a)
{
    for (int i = 0; i < LIMBS - 1; i++) {
        int64_t digit = a->limb[i] & 0xffffffff;
        a->limb[i + 1] += (a->limb[i] - digit) / (INT64_C(1) << 32);
        a->limb[i] = digit;
    }
    a->addends = 1;
}

/* Adds a finite number. */
static void add(accumulator *a, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff);
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent > 0) {
        mantissa |= UINT64_C(1) << 52;
        exponent--;
    }
    int64_t *limb = a->limb + exponent / 32;
    int shift = exponent % 32;
    uint64_t low = (mantissa & 0xffffffff) << shift, high = (mantissa >> 32) << shift;
    int64_t digit0 = (int64_t)(low & 0xffffffff), digit1 = (int64_t)(low >> 32) + (int64_t)(high & 0xffffffff);
    int64_t digit2 = (int64_t)(high >> 32);
    if (bits >> 63) {
        limb[0] -= digit0;
        limb[1] -= digit1;
        limb[2] -= digit2;
    } else {
        limb[0] += digit0;
        limb[1] += digit1;
        limb[2] += digit2;
    }
    if (++a->addends == MAX_ADDENDS)
        propagate_carries(a);
}

/* Adds the elements one by one, and records infinities and NaNs. */
static void add_each(accumulator *a, const double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (isfinite(x[i])) {
            if (x[i] != 0)
                add(a, x[i]);
        } else {
            a->seen |= isnan(x[i]) ? GK_FSUM_NAN : x[i] > 0 ? GK_FSUM_PLUS : GK_FSUM_MINUS;
        }
    }
}

/* Adds a block of at most BLOCK elements, a multiple of WIDTH.
 *
 * Let 2^e exceed all magnitudes. Adding 1.5 * 2^(e + 12) to an element and
 * subtracting it again rounds the element to a multiple of 2^(e - 40). A double
 * holds the sum of 2^13 such multiples below 2^e exactly. The remainders are at
 * most 2^(e - 41), so the next split is 41 bits lower. */
static void add_block(accumulator *a, const double *x, int64_t n)
{
    int64_t largest = GK_DISPATCH(largest)(x, n);
    int e = (int)(largest >> 52) - 1022;
    if (largest >= INT64_C(0x7ff) << 52) { /* there is an infinity or a NaN, so find the largest finite magnitude */
        largest = 0;
        for (int64_t i = 0; i < n; i++)
            if (isfinite(x[i]) && fabs(x[i]) > 0) {
                int64_t bits;
                memcpy(&bits, &x[i], sizeof bits);
                bits &= INT64_MAX;
                largest = bits > largest ? bits : largest;
            }
        e = 1024;
    }
    if (largest > a->largest)
        a->largest = largest;
    if (e > 1000 || e < -850) { /* sigma would overflow, or a part would underflow */
        add_each(a, x, n);
        return;
    }
    double sigma = ldexp(1.5, e + 12), step = 0x1p-41, sums[2];
    if (!GK_DISPATCH(cut_twice)(x, n, sigma, sigma * step, sums)) {
        add(a, sums[0]);
        add(a, sums[1]);
        return;
    }
    double rest[BLOCK];
    for (int splits = 0; splits < 4; splits++, sigma *= step, x = rest)
        add(a, GK_DISPATCH(cut_off)(x, rest, n, sigma));
    add_each(a, rest, n);
}

typedef struct {
    const gk_layout *layout;
    int64_t piece;
    accumulator *accumulators;
} plan;

static void sum_pieces(int64_t begin, int64_t end, void *data)
{
    const plan *p = data;
    const gk_layout *layout = p->layout;
    const gk_dims *dims = &layout->reduced;
    int direct = layout->type == GK_FLOAT64 && dims->n == 1 && dims->stride[0] == sizeof(double);
    gk_load *load = gk_load_as_float64(layout->type);
    double buffer[BLOCK];
    for (int64_t piece = begin; piece < end; piece++) {
        accumulator *a = &p->accumulators[piece];
        memset(a, 0, sizeof *a);
        int64_t at = piece * p->piece;
        int64_t last = layout->n_reduced - at > p->piece ? at + p->piece : layout->n_reduced;
        gk_iterator it;
        gk_iterator_start(&it, dims, layout->data, at);
        for (int64_t n; at < last && !gk_cancelled(); at += n) {
            n = last - at < BLOCK ? last - at : BLOCK;
            if (direct && n == BLOCK) {
                add_block(a, (const double *)(const void *)layout->data + at, n);
                continue;
            }
            if (direct) {
                memcpy(buffer, layout->data + at * (int64_t)sizeof(double), (size_t)n * sizeof(double));
            } else {
                for (int64_t have = 0, run; have < n; have += run) {
                    run = gk_iterator_run(&it, n - have);
                    load(buffer + have, it.at, dims->stride[dims->n - 1], run);
                    gk_iterator_advance(&it, run);
                }
            }
            int64_t padded = (n + WIDTH - 1) / WIDTH * WIDTH;
            for (int64_t i = n; i < padded; i++)
                buffer[i] = 0;
            add_block(a, buffer, padded);
        }
        propagate_carries(a);
    }
}

static int bits_of(uint64_t x)
{
    int n = 0;
    for (; x != 0; x >>= 1)
        n++;
    return n;
}

/* Returns the number rounded to nearest, ties to even. */
static double rounded(accumulator *a)
{
    propagate_carries(a);
    int negative = a->limb[LIMBS - 1] < 0;
    if (negative) {
        for (int i = 0; i < LIMBS; i++)
            a->limb[i] = -a->limb[i];
        propagate_carries(a);
    }
    int top = LIMBS - 1;
    while (top > 0 && a->limb[top] == 0)
        top--;
    /* The leading 64 bits, and whether any bit below them is set. */
    uint64_t leading = (uint64_t)a->limb[top];
    int have = bits_of(leading), next = top;
    int64_t length = 32 * (int64_t)top + have;
    int lost = 0;
    while (have < 64 && next > 0) {
        int take = 64 - have < 32 ? 64 - have : 32;
        uint64_t digit = (uint64_t)a->limb[--next];
        leading = leading << take | digit >> (32 - take);
        lost = (digit & ((UINT64_C(1) << (32 - take)) - 1)) != 0;
        have += take;
    }
    while (next > 0)
        lost |= a->limb[--next] != 0;
    if (have > 53) {
        int drop = have - 53;
        uint64_t half = UINT64_C(1) << (drop - 1), rest = leading & (2 * half - 1);
        leading >>= drop;
        if (rest > half || (rest == half && (lost || (leading & 1))))
            leading++;
        length -= 53;
    } else {
        length -= have;
    }
    double magnitude = ldexp((double)leading, (int)length - 1074);
    return negative ? -magnitude : magnitude;
}

/* Adds all elements to *single, and sets result->kind and result->seen. */
static int accumulate(const gk_layout *layout, const gk_options *options, accumulator *single,
                      gk_fsum_result *result)
{
    int64_t n = layout->n_reduced, pieces = gk_ceil_div(n, PIECE);
    plan p = {.layout = layout, .piece = PIECE, .accumulators = single};
    int64_t for_all = FOR_EACH * (int64_t)gk_participants(options), most = for_all > MAX_PIECES ? for_all : MAX_PIECES;
    if (pieces > most)
        pieces = most;
    p.piece = gk_ceil_div(gk_ceil_div(n, pieces), BLOCK) * BLOCK;
    pieces = gk_ceil_div(n, p.piece);
    if (pieces == 1) {
        sum_pieces(0, 1, &p);
    } else {
        p.accumulators = malloc((size_t)pieces * sizeof *single);
        if (p.accumulators == NULL)
            return GK_NO_MEMORY;
        gk_options how = options != NULL ? *options : (gk_options){0};
        how.grain = 1;
        how.eager = pieces > 8;
        int status = gk_parallel_for(pieces, sum_pieces, &p, &how);
        if (status != GK_OK) {
            free(p.accumulators);
            return status;
        }
        *single = p.accumulators[0];
        for (int64_t i = 1; i < pieces; i++) {
            const accumulator *a = &p.accumulators[i];
            for (int l = 0; l < LIMBS; l++)
                single->limb[l] += a->limb[l];
            single->largest = a->largest > single->largest ? a->largest : single->largest;
            single->seen |= a->seen;
        }
        free(p.accumulators);
    }
    double largest;
    memcpy(&largest, &single->largest, sizeof largest);
    result->seen = single->seen;
    if (largest >= 0x1p1022 / (double)n)
        result->kind = GK_FSUM_LARGE;
    else if (single->seen != 0)
        result->kind = GK_FSUM_NOT_FINITE;
    else
        result->kind = GK_FSUM_EXACT;
    return GK_OK;
}

static GK_NOINLINE int fsum(const gk_layout *layout, const gk_options *options, gk_fsum_result *result)
{
    accumulator sum;
    int status = accumulate(layout, options, &sum, result);
    if (status == GK_OK)
        result->sum = result->kind == GK_FSUM_EXACT ? rounded(&sum) : 0;
    return status;
}

/* The splits are exact, and the final rounding is to nearest, only with the
 * default floating-point mode. */
int gk_fsum(const gk_layout *layout, const gk_options *options, gk_fsum_result *result)
{
    gk_fp_saved saved = gk_fp_use_default();
    int status = fsum(layout, options, result);
    gk_fp_restore(saved);
    return status;
}

static GK_NOINLINE int fsum_parts(const gk_layout *layout, const gk_options *options, gk_fsum_result *result,
                                  double parts[GK_FSUM_PARTS], int *count)
{
    accumulator rest;
    int status = accumulate(layout, options, &rest, result);
    *count = 0;
    if (status != GK_OK || result->kind != GK_FSUM_EXACT)
        return status;
    propagate_carries(&rest);
    while (*count < GK_FSUM_PARTS) {
        accumulator copy = rest; /* because rounded() changes its argument */
        double part = rounded(&copy);
        if (part == 0)
            break;
        parts[(*count)++] = part;
        add(&rest, -part);
    }
    result->sum = *count > 0 ? parts[0] : 0;
    return GK_OK;
}

int gk_fsum_parts(const gk_layout *layout, const gk_options *options, gk_fsum_result *result,
                  double parts[GK_FSUM_PARTS], int *count)
{
    gk_fp_saved saved = gk_fp_use_default();
    int status = fsum_parts(layout, options, result, parts, count);
    gk_fp_restore(saved);
    return status;
}
