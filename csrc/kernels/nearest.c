/* Nearest centres: points in lanes, a few centres abreast. */
#include "kernels/nearest.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/isa.h"

enum { VECTORS = 2, UNIT = 64 /* points; a multiple of every WIDTH */ };

#define LESS_SCALAR(x, y) (-((x) < (y)))
#define SELECT_SCALAR(m, x, y) ((m) ? (x) : (y))
#define T float
#define INT int32_t
#define LANES 1
#define VEC float
#define MASK int32_t
#define LESS LESS_SCALAR
#define SELECT SELECT_SCALAR
#define TEMPLATE(name) name##32_scalar
#define TARGET
#include "kernels/nearest_template.h"
#define T double
#define INT int64_t
#define LANES 1
#define VEC double
#define MASK int64_t
#define LESS LESS_SCALAR
#define SELECT SELECT_SCALAR
#define TEMPLATE(name) name##64_scalar
#define TARGET
#include "kernels/nearest_template.h"

#if GK_X86
#  define LESS_VECTOR(x, y) ((MASK)((x) < (y)))
#  define SELECT_VECTOR(m, x, y) ((VEC)(((m) & (MASK)(x)) | (~(m) & (MASK)(y))))
typedef float v32_avx2 __attribute__((vector_size(32), may_alias));
typedef int32_t m32_avx2 __attribute__((vector_size(32), may_alias));
#  define T float
#  define INT int32_t
#  define LANES 8
#  define VEC v32_avx2
#  define MASK m32_avx2
#  define LESS LESS_VECTOR
#  define SELECT SELECT_VECTOR
#  define TEMPLATE(name) name##32_avx2
#  define TARGET GK_TARGET(GK_AVX2_FEATURES)
#  include "kernels/nearest_template.h"
typedef double v64_avx2 __attribute__((vector_size(32), may_alias));
typedef int64_t m64_avx2 __attribute__((vector_size(32), may_alias));
#  define T double
#  define INT int64_t
#  define LANES 4
#  define VEC v64_avx2
#  define MASK m64_avx2
#  define LESS LESS_VECTOR
#  define SELECT SELECT_VECTOR
#  define TEMPLATE(name) name##64_avx2
#  define TARGET GK_TARGET(GK_AVX2_FEATURES)
#  include "kernels/nearest_template.h"
typedef float v32_avx512 __attribute__((vector_size(64), may_alias));
typedef int32_t m32_avx512 __attribute__((vector_size(64), may_alias));
#  define T float
#  define INT int32_t
#  define LANES 16
#  define VEC v32_avx512
#  define MASK m32_avx512
#  define LESS LESS_VECTOR
#  define SELECT SELECT_VECTOR
#  define TEMPLATE(name) name##32_avx512
#  define TARGET GK_TARGET(GK_AVX512_FEATURES)
#  include "kernels/nearest_template.h"
typedef double v64_avx512 __attribute__((vector_size(64), may_alias));
typedef int64_t m64_avx512 __attribute__((vector_size(64), may_alias));
#  define T double
#  define INT int64_t
#  define LANES 8
#  define VEC v64_avx512
#  define MASK m64_avx512
#  define LESS LESS_VECTOR
#  define SELECT SELECT_VECTOR
#  define TEMPLATE(name) name##64_avx512
#  define TARGET GK_TARGET(GK_AVX512_FEATURES)
#  include "kernels/nearest_template.h"
#endif

typedef struct {
    const gk_nearest_input *in;
    int64_t *index;
    char *distance;
    char *scratch; /* for each participant */
    size_t scratch_size;
} finding;

static void find_units(int64_t begin, int64_t end, void *data)
{
    const finding *f = data;
    const gk_nearest_input *in = f->in;
    char *scratch = f->scratch + (size_t)gk_participant() * f->scratch_size;
    for (int64_t u = begin; u < end && !gk_cancelled(); u++) {
        int64_t i = u * UNIT, n = in->n - i < UNIT ? in->n - i : UNIT;
        if (in->type == GK_FLOAT64)
            GK_DISPATCH(nearest64)((const double *)in->points + i * in->dims, n, in->centers, in->k, in->dims,
                                   scratch, f->index + i, (double *)f->distance + i);
        else
            GK_DISPATCH(nearest32)((const float *)in->points + i * in->dims, n, in->centers, in->k, in->dims,
                                   scratch, f->index + i, (float *)f->distance + i);
    }
}

int gk_nearest(const gk_nearest_input *in, int64_t *index, void *distance, const gk_options *options)
{
    enum { WIDEST = VECTORS * 64, ALIGNMENT = 128 };
    finding f = {.in = in, .index = index, .distance = distance};
    gk_options mine = options != NULL ? *options : (gk_options){0};
    int64_t units = (in->n + UNIT - 1) / UNIT;
    int64_t unit_cost = (in->k + 1) * (in->dims + 1) * UNIT / 8; /* nanoseconds, about */
    mine.grain = 100 * GK_MICROSECOND / unit_cost + 1;
    mine.eager = units * unit_cost > 200 * GK_MICROSECOND;
    if (units * unit_cost < 10 * GK_MICROSECOND)
        mine.threads = 1;
    f.scratch_size = (size_t)(in->dims * WIDEST + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + ALIGNMENT;
    char *memory = malloc((size_t)gk_participants(&mine) * f.scratch_size + ALIGNMENT);
    if (memory == NULL)
        return GK_NO_MEMORY;
    f.scratch = memory + (ALIGNMENT - (uintptr_t)memory % ALIGNMENT);
    int status = gk_parallel_for(units, find_units, &f, &mine);
    free(memory);
    return status;
}

typedef struct {
    const gk_nearest_input *in;
    const int64_t *index;
    int64_t parts, stretch; /* stretches, and points in each */
    double *sums;           /* parts x k x dims */
    int64_t *members;       /* parts x k */
    double *total;
} summing;

static void sum_stretches(int64_t begin, int64_t end, void *data)
{
    const summing *s = data;
    const gk_nearest_input *in = s->in;
    int64_t dims = in->dims;
    for (int64_t part = begin; part < end; part++) {
        double *sums = s->sums + part * in->k * dims;
        int64_t *members = s->members + part * in->k;
        int64_t stop = (part + 1) * s->stretch < in->n ? (part + 1) * s->stretch : in->n;
        for (int64_t i = part * s->stretch; i < stop; i++) {
            double *sum = sums + s->index[i] * dims;
            members[s->index[i]]++;
            if (in->type == GK_FLOAT64)
                for (int64_t j = 0; j < dims; j++)
                    sum[j] += ((const double *)in->points)[i * dims + j];
            else
                for (int64_t j = 0; j < dims; j++)
                    sum[j] += (double)((const float *)in->points)[i * dims + j];
            if (i % 4096 == 0 && gk_cancelled())
                return;
        }
    }
}

static void add_stretches(int64_t begin, int64_t end, void *data)
{
    const summing *s = data;
    int64_t cells = s->in->k * s->in->dims;
    for (int64_t i = begin; i < end; i++) {
        double sum = 0;
        for (int64_t part = 0; part < s->parts; part++)
            sum += s->sums[part * cells + i];
        s->total[i] = sum;
    }
}

int gk_cluster_sums(const gk_nearest_input *in, const int64_t *index, double *sums, int64_t *members,
                    const gk_options *options)
{
    enum { MOST_CELLS = 1 << 22, MOST_PARTS = 64, LEAST_POINTS = 1024 };
    int64_t cells = in->k * in->dims;
    summing s = {.in = in, .index = index, .total = sums};
    /* By n, k and dims alone, so that the rounding does not depend on the threads. */
    s.parts = in->n / LEAST_POINTS + 1;
    if (s.parts > MOST_PARTS)
        s.parts = MOST_PARTS;
    if (s.parts * cells > MOST_CELLS)
        s.parts = MOST_CELLS / cells + 1;
    s.stretch = (in->n + s.parts - 1) / s.parts;
    s.sums = calloc((size_t)(s.parts * cells + 1), sizeof *s.sums);
    s.members = calloc((size_t)(s.parts * in->k), sizeof *s.members);
    int status = GK_NO_MEMORY;
    if (s.sums != NULL && s.members != NULL) {
        gk_options mine = options != NULL ? *options : (gk_options){0};
        mine.grain = 1;
        mine.eager = in->n * in->dims > 1 << 19;
        status = gk_parallel_for(s.parts, sum_stretches, &s, &mine);
        mine.grain = 1024;
        if (status == GK_OK)
            status = gk_parallel_for(cells, add_stretches, &s, &mine);
        for (int64_t c = 0; c < in->k; c++) {
            members[c] = 0;
            for (int64_t part = 0; part < s.parts; part++)
                members[c] += s.members[part * in->k + c];
        }
    }
    free(s.members);
    free(s.sums);
    return status;
}
