/* Each participant's scratch stays inside what was allocated, whatever the address that malloc gives. Under
 * AddressSanitizer a write beyond it is an error. */
#include "kernels/cluster/nearest.h"

#include "check.h"

int main(void)
{
    enum { N = 3000, DIMS = 20, K = 40 };
    double *points = malloc(N * DIMS * sizeof *points), *distance = malloc(N * sizeof *distance);
    int64_t *index = malloc(N * sizeof *index);
    for (int i = 0; i < N * DIMS; i++)
        points[i] = (i * 7919 % 1009) / 1009.0;
    /* Each centre is there twice: the filter leaves every point to the exact search, which fills its scratch. */
    for (int i = 0; i < N; i += 2)
        for (int j = 0; j < DIMS; j++)
            points[(i + 1) * DIMS + j] = points[i * DIMS + j];
    for (int threads = 1; threads <= 8; threads++) {
        gk_nearest_input in = {.type = GK_FLOAT64, .n = N, .k = K, .dims = DIMS, .points = points, .centers = points};
        gk_options options = {.threads = threads};
        CHECK(gk_nearest(&in, index, distance, &options) == GK_OK);
        CHECK(index[0] == 0 && index[1] == 0 && distance[1] == 0);
    }
    free(points);
    free(distance);
    free(index);
    return 0;
}
