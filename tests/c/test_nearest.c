/* gk_nearest and gk_cluster_sums for float32 and float64 against their definitions: all
 * numbers of centres and points around the vector widths, distant and non-finite points,
 * many clusters, and cancelled calls. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/isa.h"
#include "check.h"
#include "kernels/cluster/nearest.h"

static double uniform(void)
{
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(state >> 11) * 0x1p-53;
}

/* Computed in the points' type and in the order of the coordinates, for the same bits. */
#define NEAREST(T)                                                                     \
    static void nearest_##T(const gk_nearest_input *in, int64_t i, int64_t *which, T *distance) \
    {                                                                                  \
        const T *point = (const T *)in->points + i * in->dims;                         \
        for (int64_t c = 0; c < in->k; c++) {                                          \
            T sum = 0;                                                                 \
            for (int64_t j = 0; j < in->dims; j++) {                                   \
                T difference = point[j] - ((const T *)in->centers)[c * in->dims + j];  \
                sum += difference * difference;                                        \
            }                                                                          \
            if (c == 0 || sum < *distance) {                                           \
                *which = c;                                                            \
                *distance = sum;                                                       \
            }                                                                          \
        }                                                                              \
    }                                                                                  \
                                                                                       \
    static void check_##T(gk_type type, int64_t n, int64_t k, int64_t dims, int threads) \
    {                                                                                  \
        T *points = malloc((size_t)(n * dims + 1) * sizeof(T)), *centers = malloc((size_t)(k * dims + 1) * sizeof(T)); \
        T *distance = malloc((size_t)n * sizeof(T));                                   \
        int64_t *index = malloc((size_t)n * 8), *members = malloc((size_t)k * 8);      \
        double *sums = malloc((size_t)(k * dims + 1) * 8), *expected = calloc((size_t)(k * dims + 1), 8); \
        CHECK(points && centers && distance && index && members && sums && expected);  \
        for (int64_t i = 0; i < n * dims; i++)                                         \
            points[i] = (T)uniform();                                                  \
        for (int64_t i = 0; i < k * dims; i++)                                         \
            centers[i] = (T)uniform();                                                 \
        gk_nearest_input in = {type, n, k, dims, points, centers};                     \
        gk_options options = {.threads = threads};                                     \
        CHECK(gk_nearest(&in, index, distance, &options) == GK_OK);                    \
        CHECK(gk_cluster_sums(&in, index, sums, members, &options) == GK_OK);          \
        for (int64_t i = 0; i < n; i++) {                                              \
            int64_t which = 0;                                                         \
            T least = 0;                                                               \
            nearest_##T(&in, i, &which, &least);                                       \
            CHECK(index[i] == which && distance[i] == least);                          \
            members[which]--;                                                          \
            for (int64_t j = 0; j < dims; j++)                                         \
                expected[which * dims + j] += (double)points[i * dims + j];            \
        }                                                                              \
        for (int64_t c = 0; c < k; c++)                                                \
            CHECK(members[c] == 0);                                                    \
        for (int64_t i = 0; i < k * dims; i++)                                         \
            CHECK(fabs(sums[i] - expected[i]) <= 1e-12 * (double)n);                   \
        free(expected);                                                                \
        free(sums);                                                                    \
        free(members);                                                                 \
        free(index);                                                                   \
        free(distance);                                                                \
        free(centers);                                                                 \
        free(points);                                                                  \
    }

NEAREST(float)
NEAREST(double)

/* Infinite or NaN distances: centre 0, and the distance that the arithmetic gives. */
static void check_not_finite(void)
{
    float points[] = {NAN, 1, INFINITY, 1, FLT_MAX, -FLT_MAX, 1, 1}, centers[] = {1, 2, 3, 4}, distance[4];
    int64_t index[4];
    gk_nearest_input in = {GK_FLOAT32, 4, 2, 2, points, centers};
    CHECK(gk_nearest(&in, index, distance, NULL) == GK_OK);
    CHECK(index[0] == 0 && isnan(distance[0]));
    CHECK(index[1] == 0 && isinf(distance[1]));
    CHECK(index[2] == 0 && isinf(distance[2]));
    CHECK(index[3] == 0 && distance[3] == 1);
}

static void check_cancelled(void)
{
    static double points[20000], centers[20000], distance[20000], sums[20000];
    static int64_t index[20000], members[20000];
    gk_cancel_token token = {0};
    gk_cancel_token_set(&token, GK_CANCELLED);
    gk_options options = {.threads = 2, .token = &token};
    gk_nearest_input in = {GK_FLOAT64, 20000, 20000, 1, points, centers};
    CHECK(gk_nearest(&in, index, distance, &options) == GK_CANCELLED);
    CHECK(gk_cluster_sums(&in, index, sums, members, &options) == GK_CANCELLED);
}

int main(void)
{
    for (int level = 0; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        for (int64_t n = 1; n <= 70; n += n < 20 ? 1 : 10)
            for (int64_t k = 1; k <= 9; k += 2) {
                check_float(GK_FLOAT32, n, k, 3, 1);
                check_double(GK_FLOAT64, n, k, 3, 1);
            }
        for (int threads = 1; threads <= 3; threads++) {
            check_float(GK_FLOAT32, 5000, 10, 17, threads);
            check_double(GK_FLOAT64, 5000, 10, 17, threads);
            check_float(GK_FLOAT32, 100, 3, 0, threads);
        }
        check_double(GK_FLOAT64, 70000, 2, 3, 2);
        check_not_finite();
    }
    check_float(GK_FLOAT32, 3000, 3000, 2000 / 8, 2); /* too many cells for a private table per stretch */
    check_cancelled();
    return 0;
}
