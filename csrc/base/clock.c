#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include "base/clock.h"

#ifdef _WIN32
#  define WIN32_LEAN_AND_MEAN
#  include <windows.h>

int64_t gk_now(void)
{
    LARGE_INTEGER frequency, count;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&count);
    /* Whole seconds separately, since count * 1e9 overflows after 15 minutes at 10 MHz. */
    int64_t seconds = count.QuadPart / frequency.QuadPart;
    int64_t rest = count.QuadPart % frequency.QuadPart;
    return seconds * GK_SECOND + rest * GK_SECOND / frequency.QuadPart;
}

int64_t gk_now_coarse(void)
{
    return gk_now();
}
#else
#  include <time.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * GK_SECOND + t.tv_nsec;
}

int64_t gk_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t gk_now_coarse(void)
{
#  ifdef CLOCK_MONOTONIC_COARSE
    return read_clock(CLOCK_MONOTONIC_COARSE);
#  else
    return gk_now();
#  endif
}
#endif
