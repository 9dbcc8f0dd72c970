/* Variables are read once, at the first use, which in Python is the import of gilkit. */
#include "runtime/limits.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "runtime/parallel.h"

static struct {
    _Atomic int32_t is_read;
    _Atomic int32_t threads; /* GILKIT_NUM_THREADS; 0: none, as for those below */
    _Atomic int32_t python, loky, openmp, xdist;
} environment;

/* Returns the number from 1 that `text` begins with, and what follows it and white space; or 0. */
static int leading_number(const char *text, const char **rest)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end == text || errno != 0 || number < 1 || number > INT_MAX)
        return 0;
    while (isspace((unsigned char)*end))
        end++;
    *rest = end;
    return (int)number;
}

/* The value of a variable that is a number from 1, or, if `list`, the first of several
 * between commas. 0: not set, or anything else. */
static int number_in(const char *name, int list)
{
    const char *text = getenv(name);
    if (text == NULL)
        return 0;
    int first = leading_number(text, &text), number = first;
    while (number > 0 && list && *text == ',')
        number = leading_number(text + 1, &text);
    return number > 0 && *text == '\0' ? first : 0;
}

static void read_environment(void)
{
    if (GK_LIKELY(atomic_load_explicit(&environment.is_read, memory_order_acquire)))
        return;
    /* Several threads may do this at once; they read the same. */
    int threads = number_in("GILKIT_NUM_THREADS", 0);
    atomic_store(&environment.threads, threads < GK_MAX_THREADS ? threads : GK_MAX_THREADS);
    atomic_store(&environment.loky, number_in("LOKY_MAX_CPU_COUNT", 0));
    atomic_store(&environment.openmp, number_in("OMP_NUM_THREADS", 1)); /* a number for each level of nesting */
    atomic_store(&environment.xdist, number_in("PYTEST_XDIST_WORKER_COUNT", 0));
    atomic_store_explicit(&environment.is_read, 1, memory_order_release);
}

int gk_environment_threads(void)
{
    read_environment();
    return atomic_load_explicit(&environment.threads, memory_order_relaxed);
}

static void lower(int *threads, int limit, const char *name, const char **source)
{
    if (limit > 0 && limit < *threads) {
        *threads = limit;
        *source = name;
    }
}

int gk_environment_limit(int cores, const char **source)
{
    read_environment();
    int threads = cores;
    lower(&threads, atomic_load_explicit(&environment.python, memory_order_relaxed), "PYTHON_CPU_COUNT", source);
    lower(&threads, atomic_load_explicit(&environment.loky, memory_order_relaxed), "LOKY_MAX_CPU_COUNT", source);
    /* The workers of pytest-xdist share these cores. */
    int workers = atomic_load_explicit(&environment.xdist, memory_order_relaxed);
    if (workers > 1)
        lower(&threads, threads > workers ? threads / workers : 1, "PYTEST_XDIST_WORKER_COUNT", source);
    lower(&threads, atomic_load_explicit(&environment.openmp, memory_order_relaxed), "OMP_NUM_THREADS", source);
    return threads;
}

void gk_set_python_cpu_count(int cores)
{
    atomic_store(&environment.python, cores);
}
