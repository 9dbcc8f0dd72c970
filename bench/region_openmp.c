/* The same as region.c, in OpenMP, for bench_region.py. */
#include <stdint.h>
#include <time.h>

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t region_items(int threads)
{
    int64_t items = 0;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(+ : items)
    for (int i = 0; i < threads; i++)
        items++;
    return items;
}

int64_t region_run(int threads, int64_t regions, int64_t pause)
{
    int64_t taken = 0;
    for (int64_t region = 0; region < regions; region++) {
        int64_t start = now();
        if (pause > 0) {
            while (now() < start + pause)
                ;
            start = now();
        }
#pragma omp parallel num_threads(threads)
        {
            __asm__ volatile("" ::: "memory"); /* keeps GCC from removing the empty region */
        }
        taken += now() - start;
    }
    return taken;
}
