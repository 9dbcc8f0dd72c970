/* gk_iterator against nested loops, for random shapes and strides, from any start and in
 * runs of any length. */
#include <stdint.h>

#include "check.h"
#include "kernels/array/iterator.h"

enum { DIMS = 4 };

static uint64_t state = 1;

static int64_t below(int64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (int64_t)(state % (uint64_t)n);
}

/* Lists the addresses of the elements with nested loops. Returns how many there are. */
static int64_t list(const gk_dims *dims, int d, int64_t at, int64_t *places, int64_t count)
{
    if (d == dims->n) {
        places[count] = at;
        return count + 1;
    }
    for (int64_t i = 0; i < dims->shape[d]; i++)
        count = list(dims, d + 1, at + i * dims->stride[d], places, count);
    return count;
}

static void check(int n)
{
    static int64_t places[6 * 6 * 6 * 6];
    static const char memory[1 << 14];
    const char *middle = memory + sizeof memory / 2;
    gk_dims dims = {.n = 0};
    for (int d = 0; d < n; d++)
        gk_dims_append(&dims, 1 + below(6), 8 * (below(41) - 20));
    int64_t count = list(&dims, 0, 0, places, 0);
    CHECK(dims.n == n && gk_dims_count(&dims) == count);

    for (int64_t begin = 0; begin < count; begin++) {
        gk_iterator it;
        gk_iterator_start(&it, &dims, middle, begin);
        for (int64_t at = begin, run; at < count; at += run, gk_iterator_advance(&it, run)) {
            int64_t max = 1 + below(8);
            run = n > 0 ? gk_iterator_run(&it, max) : 1;
            CHECK(run >= 1 && run <= max && at + run <= count);
            for (int64_t i = 0; i < run; i++)
                CHECK(it.at + (n > 0 ? i * dims.stride[n - 1] : 0) == middle + places[at + i]);
            /* A run is shorter than wanted only at the end of the innermost dimension. */
            CHECK(n == 0 || run == max || (at + run) % dims.shape[n - 1] == 0);
        }
    }
}

int main(void)
{
    for (int repeat = 0; repeat < 100; repeat++)
        for (int n = 0; n <= DIMS; n++)
            check(n);
    CHECK(gk_stride_magnitude(-8) == 8 && gk_stride_magnitude(INT64_MIN) == UINT64_C(1) << 63);
    return 0;
}
