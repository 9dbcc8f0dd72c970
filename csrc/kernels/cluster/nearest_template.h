/* Finds the nearest centres of a block of points, for one type and instruction
 * set. nearest_isa.h defines
 *   T, INT, LANES     the element, the integer of its size, the number in a vector
 *   VEC, MASK         vectors of them
 *   TYPED(name)       name with the suffixes of type and instruction set
 *
 * Each lane is a point, so every lane has its own best centre, and no sum runs
 * across lanes. Every sum therefore has the same order on all instruction sets.
 * VECTORS x TOGETHER sums are in registers at once.
 */
enum { TYPED(WIDTH) = VECTORS * LANES };

/* Compares the distances from the tile's points to TOGETHER centres with the best so far. */
#define AGAINST(TOGETHER)                                                               \
    do {                                                                               \
        const T *center = centers + c * dims;                                          \
        VEC sum[TOGETHER][VECTORS];                                                     \
        for (int a = 0; a < TOGETHER; a++)                                              \
            for (int v = 0; v < VECTORS; v++)                                          \
                sum[a][v] = (VEC){0};                                                  \
        for (int64_t j = 0; j < dims; j++)                                             \
            for (int a = 0; a < TOGETHER; a++)                                          \
                for (int v = 0; v < VECTORS; v++) {                                    \
                    VEC difference = tile[j * VECTORS + v] - center[a * dims + j];     \
                    sum[a][v] += difference * difference;                              \
                }                                                                      \
        for (int a = 0; a < TOGETHER; a++)                                              \
            for (int v = 0; v < VECTORS; v++) {                                        \
                MASK nearer = LESS(sum[a][v], best[v]);                                \
                best[v] = SELECT(nearer, sum[a][v], best[v]);                          \
                which[v] = (nearer & ((MASK){0} + (INT)(c + a))) | (~nearer & which[v]); \
            }                                                                          \
    } while (0)

static TARGET void TYPED(nearest)(const T *points, int64_t n, const T *centers, int64_t k, int64_t dims,
                                     void *scratch, int64_t *index, T *distance)
{
    enum { WIDTH = TYPED(WIDTH) };
    VEC *tile = scratch; /* dims x WIDTH: the coordinates of WIDTH points, interleaved */
    T *cells = scratch;
    const int64_t step = BETWEEN_CHECKS / (dims + 1) / 4 * 4 + 4; /* centres */
    for (int64_t i = 0; i < n; i += WIDTH) {
        for (int p = 0; p < WIDTH; p++) {
            const T *point = points + (i + p < n ? i + p : n - 1) * dims;
            for (int64_t j = 0; j < dims; j++)
                cells[j * WIDTH + p] = point[j];
        }
        VEC best[VECTORS];
        MASK which[VECTORS];
        for (int v = 0; v < VECTORS; v++) {
            best[v] = (VEC){0} + (T)INFINITY;
            which[v] = (MASK){0};
        }
        for (int64_t c = 0; c < k;) { /* if the loop ends early, its results are not used */
            int64_t stop = k - c > step ? c + step : k;
            for (; c + 4 <= stop; c += 4)
                AGAINST(4);
            for (; c < stop; c++)
                AGAINST(1);
            if (c < k && gk_cancelled())
                return;
        }
        INT indices[WIDTH];
        T distances[WIDTH];
        memcpy(indices, which, sizeof indices);
        memcpy(distances, best, sizeof distances);
        for (int p = 0; p < WIDTH && i + p < n; p++) {
            index[i + p] = (int64_t)indices[p];
            distance[i + p] = distances[p];
            if (!(distance[i + p] < (T)INFINITY)) { /* infinitely far or NaN: centre 0, as numpy.argmin returns */
                T sum = 0;
                for (int64_t j = 0; j < dims; j++) {
                    T difference = points[(i + p) * dims + j] - centers[j];
                    sum += difference * difference;
                }
                distance[i + p] = sum;
            }
        }
    }
}

#undef AGAINST
