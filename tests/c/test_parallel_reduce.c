/* Deterministic reduction: in order, and with the same bits for any number of threads. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "runtime/reduce.h"

static void add(int64_t begin, int64_t end, void *data, void *partial)
{
    (void)data;
    double sum = *(double *)partial;
    for (int64_t i = begin; i < end; i++)
        sum += 1.0 / (double)(i + 1);
    *(double *)partial = sum;
}

static void combine(void *into, const void *from, void *data)
{
    (void)data;
    *(double *)into += *(const double *)from;
}

/* A large, non-commutative partial: ranges that must follow one another. */
struct range {
    int64_t begin, end;
    char padding[1000];
};

static void extend(int64_t begin, int64_t end, void *data, void *partial)
{
    struct range *range = partial;
    CHECK(data == NULL && range->begin == range->end);
    range->begin = begin;
    range->end = end;
}

static void append(void *into, const void *from, void *data)
{
    struct range *first = into;
    const struct range *second = from;
    CHECK(data == NULL && first->end == second->begin);
    first->end = second->end;
}

static void cancelling(int64_t begin, int64_t end, void *data, void *partial)
{
    (void)end, (void)data;
    *(double *)partial = 7;
    if (begin > 100)
        gk_cancel(3);
}

int main(void)
{
    double once = 0;
    for (int threads = 1; threads <= 64; threads = threads * 2 + 1) {
        gk_options options = {.threads = threads, .eager = 1};
        double sum = 0;
        CHECK(gk_parallel_reduce(1000000, sizeof sum, add, combine, NULL, &sum, &options) == GK_OK);
        if (threads == 1)
            once = sum;
        CHECK(memcmp(&sum, &once, sizeof sum) == 0);
        CHECK(sum > 14.392726 && sum < 14.392727);

        for (int64_t n = 1; n < 100000; n = n * 5 + 3) {
            struct range range = {0};
            options.grain = n % 7;
            CHECK(gk_parallel_reduce(n, sizeof range, extend, append, NULL, &range, &options) == GK_OK);
            CHECK(range.begin == 0 && range.end == n);
        }
    }
    double sum = 5;
    CHECK(gk_parallel_reduce(0, sizeof sum, add, combine, NULL, &sum, NULL) == GK_OK && sum == 5);
    CHECK(gk_parallel_reduce(100000, sizeof sum, cancelling, combine, NULL, &sum, NULL) == 3 && sum == 5);
    CHECK(gk_parallel_reduce(1000, SIZE_MAX - 5, add, combine, NULL, &sum, NULL) == GK_NO_MEMORY && sum == 5);
    CHECK(gk_parallel_reduce(INT64_MAX, 1 << 20, add, combine, NULL, &sum, &(gk_options){.grain = 1}) == GK_NO_MEMORY);
    CHECK(gk_pool_stop());
    puts("test_parallel_reduce: 1 passed");
    return 0;
}
