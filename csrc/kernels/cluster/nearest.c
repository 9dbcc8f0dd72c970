/* Nearest centres. SIMD lanes are points, and several centres are compared at a time. */
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
#include "kernels/array/memory.h"

enum { VECTORS = 2, UNIT = 64 /* points; a multiple of every WIDTH */ };

/* Bytes of a participant's scratch for each dimension: a tile of points, for vectors of any length. */
enum { TILE_BYTES = VECTORS * 64 };

/* Coordinates of centres between two reads of gk_cancelled(): 0.1 to 1 ms. */
enum { BETWEEN_CHECKS = 1 << 16 };

/* The centres as the filter reads them: floats, in groups of TOGETHER interleaved centres. */
enum { TOGETHER = 8 };

typedef struct {
    int64_t k, dims;     /* k is rounded up to whole groups with infinitely far centres */
    const double *shift; /* subtracted from points and centres: differences stay the same, and norms become small */
    float *centers, *norms;
    float largest; /* the largest norm */
} gk_filter;

#define FOREACH_ISA "kernels/cluster/nearest_isa.h"
#include "base/foreach_isa.h"

typedef void find_candidates(const double *points, int64_t n, const gk_filter *f, void *scratch, int64_t *index);

/* Without vectors, single precision is not faster. */
#define filter_scalar ((find_candidates *)NULL)

static find_candidates *filter_of(const gk_nearest_input *in)
{
    /* The filter does not pay off if the exact search is short, or if the error bound is wide. */
    if (in->type != GK_FLOAT64 || in->k < 32 || in->dims < 16 || in->dims > 4096 || in->n < 4 * in->k)
        return NULL;
    return GK_DISPATCH(filter);
}

typedef struct {
    gk_filter *filter;
    const gk_nearest_input *in;
} filling;

static void fill_filter(int64_t begin, int64_t end, void *data)
{
    const filling *fill = data;
    gk_filter *f = fill->filter;
    const int64_t dims = f->dims;
    const double *centers = fill->in->centers;
    for (int64_t c = begin; c < end; c++) {
        float *group = f->centers + c / TOGETHER * TOGETHER * dims + c % TOGETHER;
        int there = c < fill->in->k;
        double norm = there ? 0 : INFINITY;
        for (int64_t j = 0; j < dims; j++) {
            double x = there ? centers[c * dims + j] - f->shift[j] : 0;
            group[j * TOGETHER] = (float)x;
            norm += x * x;
        }
        f->norms[c] = (float)norm;
    }
}

/* Allocates f->centers, which the caller must free even if this fails. */
static GK_NOINLINE int make_filter(gk_filter *f, const gk_nearest_input *in, const gk_options *options)
{
    filling fill = {f, in};
    f->dims = in->dims;
    f->k = gk_ceil_div(in->k, TOGETHER) * TOGETHER;
    f->shift = in->centers; /* any point close to the centres will do */
    f->centers = gk_allocate(gk_times(f->k, f->dims + 1), sizeof *f->centers);
    if (f->centers == NULL)
        return GK_NO_MEMORY;
    f->norms = f->centers + f->k * f->dims;
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.grain = BETWEEN_CHECKS / f->dims + 1;
    int status = gk_parallel_for(f->k, fill_filter, &fill, &mine);
    f->largest = 0;
    for (int64_t c = 0; c < in->k && status == GK_OK; c++)
        if (!(f->norms[c] <= f->largest))
            f->largest = f->norms[c];
    return status;
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

/* Computes the squared distances of points whose centre is known. Interleaves TOGETHER
 * points, because the additions of one sum depend on each other. */
static void measure(const gk_nearest_input *in, const double *points, int64_t n, const int64_t *index, double *distance)
{
    for (int64_t i = 0; i < n; i += TOGETHER) {
        const double *x[TOGETHER], *c[TOGETHER];
        double sum[TOGETHER] = {0};
        for (int a = 0; a < TOGETHER; a++) {
            int64_t at = i + a < n && index[i + a] >= 0 ? i + a : -1;
            x[a] = points + (at >= 0 ? at : 0) * in->dims;
            c[a] = (const double *)in->centers + (at >= 0 ? index[at] : 0) * in->dims;
        }
        for (int64_t j = 0; j < in->dims; j++)
            for (int a = 0; a < TOGETHER; a++) {
                double difference = x[a][j] - c[a][j];
                sum[a] += difference * difference;
            }
        for (int a = 0; a < TOGETHER && i + a < n; a++)
            distance[i + a] = sum[a];
    }
}

/* Runs the filter on a unit of points, and the exact search on the points that the
 * filter leaves open. */
static void find_filtered(const finding *f, const double *points, int64_t n, char *scratch, int64_t *index,
                          double *distance)
{
    const gk_nearest_input *in = f->in;
    double *open = (double *)(void *)(scratch + TILE_BYTES * in->dims); /* behind the tile */
    int64_t found[UNIT] = {0}, place[UNIT], count = 0;
    double far[UNIT] = {0};
    for (int64_t i = 0; i < n; i++) /* the filter may end early, and its result is used as an index */
        index[i] = -1;
    /* The filter's error bound assumes rounding to nearest. */
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
    enum { ALIGNMENT = 128 };
    finding f = {.in = in, .index = index, .distance = distance, .find_candidates = filter_of(in)};
    gk_options mine = options != NULL ? *options : (gk_options){0};
    int64_t units = gk_ceil_div(in->n, UNIT);
    int64_t unit_cost = gk_times(gk_times(in->k + 1, in->dims + 1), UNIT / 8); /* approximate nanoseconds */
    mine.grain = 100 * GK_MICROSECOND / unit_cost + 1;
    mine.eager = gk_times(units, unit_cost) > 200 * GK_MICROSECOND;
    if (gk_times(units, unit_cost) < 10 * GK_MICROSECOND)
        mine.threads = 1;
    int64_t cell = TILE_BYTES + (f.find_candidates != NULL ? UNIT * (int64_t)sizeof(double) : 0);
    if (in->dims > PTRDIFF_MAX / cell - ALIGNMENT)
        return GK_NO_MEMORY;
    f.scratch_size = (size_t)gk_ceil_div(in->dims * cell, ALIGNMENT) * ALIGNMENT + ALIGNMENT;
    int status = GK_OK;
    if (f.find_candidates != NULL) {
        gk_fp_saved saved = gk_fp_use_default();
        status = make_filter(&f.filter, in, options);
        gk_fp_restore(saved);
    }
    if (status != GK_OK) {
        free(f.filter.centers);
        return status;
    }
    status = GK_NO_MEMORY;
    /* Aligning moves all scratch areas up by at most ALIGNMENT bytes. The last one has that much padding at its end. */
    int64_t threads = gk_participants(&mine);
    char *memory = gk_allocate(threads < units ? threads : units, (int64_t)f.scratch_size);
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
    int64_t parts, stretch; /* the number of stretches, and of points in each */
    double *sums;           /* parts x k x dims */
    int64_t *members;       /* parts x k */
    double *total;
    int64_t *total_members;
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

static void add_members(int64_t begin, int64_t end, void *data)
{
    const summing *s = data;
    for (int64_t c = begin; c < end; c++) {
        int64_t count = 0;
        for (int64_t part = 0; part < s->parts; part++)
            count += s->members[part * s->in->k + c];
        s->total_members[c] = count;
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
    enum { MAX_CELLS = 1 << 22, MAX_PARTS = 64, MIN_POINTS = 1024 };
    int64_t cells = gk_times(in->k, in->dims);
    summing s = {.in = in, .index = index, .total = sums, .total_members = members};
    /* Depends on n, k and dims only, so that the rounding does not depend on the number of threads. */
    s.parts = in->n / MIN_POINTS + 1;
    if (s.parts > MAX_PARTS)
        s.parts = MAX_PARTS;
    if (gk_times(s.parts, cells) > MAX_CELLS)
        s.parts = MAX_CELLS / cells + 1;
    s.stretch = gk_ceil_div(in->n, s.parts);
    int64_t sums_bytes = gk_times(gk_times(s.parts, cells), sizeof *s.sums);
    int64_t members_bytes = gk_times(gk_times(s.parts, in->k), sizeof *s.members);
    s.sums = gk_allocate(sums_bytes, 1);
    s.members = gk_allocate(members_bytes, 1);
    int status = GK_NO_MEMORY;
    if (s.sums != NULL && s.members != NULL) {
        gk_options mine = options != NULL ? *options : (gk_options){0};
        mine.grain = 1;
        mine.eager = gk_times(in->n, in->dims) > 1 << 19;
        status = gk_clear(s.sums, sums_bytes, options);
        if (status == GK_OK)
            status = gk_clear(s.members, members_bytes, options);
        if (status == GK_OK)
            status = gk_parallel_for(s.parts, sum_stretches, &s, &mine);
        mine.grain = 1024;
        if (status == GK_OK)
            status = gk_parallel_for(cells, add_stretches, &s, &mine);
        if (status == GK_OK)
            status = gk_parallel_for(in->k, add_members, &s, &mine);
    }
    free(s.members);
    free(s.sums);
    return status;
}
