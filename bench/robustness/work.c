/* The work of scenarios.py: a sum that takes some time, as a loop for one
 * thread, as a body for gilkit, and as an OpenMP program. */
#include <stdatomic.h>
#include <stdint.h>

#ifdef _OPENMP
#  include <omp.h>
#endif

static int64_t item(int64_t i)
{
    return (i * i ^ i >> 3) & 255;
}

int64_t part(int64_t begin, int64_t end)
{
    int64_t sum = 0;
    for (int64_t i = begin; i < end; i++)
        sum += item(i);
    return sum;
}

void body(int64_t begin, int64_t end, void *data)
{
    atomic_fetch_add((_Atomic int64_t *)data, part(begin, end));
}

#ifdef _OPENMP
int64_t total(int64_t n)
{
    int64_t sum = 0;
#pragma omp parallel for reduction(+ : sum) schedule(static)
    for (int64_t i = 0; i < n; i++)
        sum += item(i);
    return sum;
}

int64_t nested(int64_t times, int64_t n)
{
    int64_t sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int64_t i = 0; i < times; i++)
        sum += total(n);
    return sum;
}

int threads(void)
{
    return omp_get_max_threads();
}
#endif
