/* Nearest centres: points in lanes, a few centres abreast. */
#include "kernels/cluster/nearest.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/fp_control.h"
#include "base/isa.h"

enum { VECTORS = 2, UNIT = 64 /* points; a multiple of every WIDTH */ };

/* Centres as the filter reads them: floats, ABREAST centres interleaved. */
enum { ABREAST = 8 };

typedef struct {
    int64_t k, dims;     /* k rounded up to whole groups, with centres that are infinitely far */
    const double *shift; /* subtracted from points and centres: their differences stay, the numbers get small */
    float *centers, *norms;
    float largest; /* norm */
} gk_filter;

#define FOREACH_ISA "kernels/cluster/nearest_isa.h"
#include "base/foreach_isa.h"

typedef void find_candidates(const double *points, int64_t n, const gk_filter *f, void *scratch, int64_t *index);

static find_candidates *filter_of(const gk_nearest_input *in)
{
#if GK_X86
    /* Where the search itself is short, or the bound wide, it is not worth it. */
    if (in->type != GK_FLOAT64 || in->k < 32 || in->dims < 16 || in->dims > 4096 || in->n < 4 * in->k)
        return NULL;
    return gk_isa() == GK_ISA_AVX512 ? filter_avx512 : gk_isa() == GK_ISA_AVX2 ? filter_avx2 : NULL;
#else
    (void)in;
    return NULL;
#endif
}

/* Allocates; the caller frees f->centers. */
static GK_NOINLINE int make_filter(gk_filter *f, const gk_nearest_input *in)
{
    const int64_t dims = f->dims = in->dims;
    const double *centers = in->centers;
    f->k = (in->k + ABREAST - 1) / ABREAST * ABREAST;
    f->shift = centers; /* any point among the centres will do */
    f->centers = calloc((size_t)(f->k * (dims + 1)), sizeof *f->centers);
    if (f->centers == NULL)
        return GK_NO_MEMORY;
    f->norms = f->centers + f->k * dims;
    f->largest = 0;
    for (int64_t c = 0; c < f->k; c++) {
        float *group = f->centers + c / ABREAST * ABREAST * dims + c % ABREAST;
        double norm = c < in->k ? 0 : INFINITY;
        for (int64_t j = 0; j < dims && c < in->k; j++) {
            double x = centers[c * dims + j] - f->shift[j];
            group[j * ABREAST] = (float)x;
            norm += x * x;
        }
        f->norms[c] = (float)norm;
        if (c < in->k && !(f->norms[c] <= f->largest))
            f->largest = f->norms[c];
    }
    return GK_OK;
}

typedef struct {
    const gk_nearest_input *in;
    int64_t *index;
    char *distance;
    char *scratch; /* for each participant */
    size_t scratch_size;
    find_candidates *find_candidates; /* or NULL */
    gk_filter filter;
} finding;

/* Squared distances of the points to the centres that are known; several abreast, since each sum has an order. */
static void measure(const gk_nearest_input *in, const double *points, int64_t n, const int64_t *index, double *distance)
{
    for (int64_t i = 0; i < n; i += ABREAST) {
        const double *x[ABREAST], *c[ABREAST];
        double sum[ABREAST] = {0};
        for (int a = 0; a < ABREAST; a++) {
            int64_t at = i + a < n && index[i + a] >= 0 ? i + a : -1;
            x[a] = points + (at >= 0 ? at : 0) * in->dims;
            c[a] = (const double *)in->centers + (at >= 0 ? index[at] : 0) * in->dims;
        }
        for (int64_t j = 0; j < in->dims; j++)
            for (int a = 0; a < ABREAST; a++) {
                double difference = x[a][j] - c[a][j];
                sum[a] += difference * difference;
            }
        for (int a = 0; a < ABREAST && i + a < n; a++)
            distance[i + a] = sum[a];
    }
}

/* A unit of points by way of the filter: those that it leaves open are searched for exactly. */
static void find_filtered(const finding *f, const double *points, int64_t n, char *scratch, int64_t *index,
                          double *distance)
{
    const gk_nearest_input *in = f->in;
    double *open = (double *)(void *)(scratch + f->scratch_size) - UNIT * in->dims;
    int64_t found[UNIT], place[UNIT], count = 0;
    double far[UNIT];
    /* Its bound on rounding errors is that of rounding to nearest. */
    gk_fp_saved saved = gk_fp_use_default();
    f->find_candidates(points, n, &f->filter, scratch, index);
    gk_fp_restore(saved);
    measure(in, points, n, index, distance);
    for (int64_t i = 0; i < n; i++)
        if (index[i] < 0) {
            memcpy(open + count * in->dims, points + i * in->dims, (size_t)in->dims * sizeof *open);
            place[count++] = i;
        }
    if (count == 0)
        return;
    GK_DISPATCH(nearest64)(open, count, in->centers, in->k, in->dims, scratch, found, far);
    for (int64_t i = 0; i < count; i++) {
        index[place[i]] = found[i];
        distance[place[i]] = far[i];
    }
}

static void find_units(int64_t begin, int64_t end, void *data)
{
    const finding *f = data;
    const gk_nearest_input *in = f->in;
    char *scratch = f->scratch + (size_t)gk_participant() * f->scratch_size;
    for (int64_t u = begin; u < end && !gk_cancelled(); u++) {
        int64_t i = u * UNIT, n = in->n - i < UNIT ? in->n - i : UNIT;
        if (in->type == GK_FLOAT32)
            GK_DISPATCH(nearest32)((const float *)in->points + i * in->dims, n, in->centers, in->k, in->dims,
                                   scratch, f->index + i, (float *)f->distance + i);
        else if (f->find_candidates != NULL)
            find_filtered(f, (const double *)in->points + i * in->dims, n, scratch, f->index + i,
                          (double *)f->distance + i);
        else
            GK_DISPATCH(nearest64)((const double *)in->points + i * in->dims, n, in->centers, in->k, in->dims,
                                   scratch, f->index + i, (double *)f->distance + i);
    }
}

int gk_nearest(const gk_nearest_input *in, int64_t *index, void *distance, const gk_options *options)
{
    enum { WIDEST = VECTORS * 64, ALIGNMENT = 128 };
    finding f = {.in = in, .index = index, .distance = distance, .find_candidates = filter_of(in)};
    gk_options mine = options != NULL ? *options : (gk_options){0};
    int64_t units = (in->n + UNIT - 1) / UNIT;
    int64_t unit_cost = (in->k + 1) * (in->dims + 1) * UNIT / 8; /* nanoseconds, about */
    mine.grain = 100 * GK_MICROSECOND / unit_cost + 1;
    mine.eager = units * unit_cost > 200 * GK_MICROSECOND;
    if (units * unit_cost < 10 * GK_MICROSECOND)
        mine.threads = 1;
    int64_t cell = WIDEST + (f.find_candidates != NULL ? UNIT * (int64_t)sizeof(double) : 0);
    f.scratch_size = (size_t)(in->dims * cell + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + ALIGNMENT;
    int status = GK_NO_MEMORY;
    if (f.find_candidates != NULL) {
        gk_fp_saved saved = gk_fp_use_default();
        int made = make_filter(&f.filter, in);
        gk_fp_restore(saved);
        if (made != GK_OK)
            return made;
    }
    char *memory = malloc((size_t)gk_participants(&mine) * f.scratch_size + ALIGNMENT);
    if (memory != NULL) {
        f.scratch = memory + (ALIGNMENT - (uintptr_t)memory % ALIGNMENT);
        status = gk_parallel_for(units, find_units, &f, &mine);
    }
    free(memory);
    free(f.filter.centers);
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
