#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include "stress.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/thread.h"

#ifndef _WIN32
#  include <time.h>
#  include <unistd.h>
#endif

int rounds(int count)
{
    const char *percent = getenv("GK_TEST_PERCENT");
    int64_t scaled = percent != NULL ? (int64_t)count * atoi(percent) / 100 : count;
    return scaled < 1 ? 1 : (int)scaled;
}

uint32_t random_below(uint32_t n)
{
    static GK_THREAD_LOCAL uint64_t state;
    if (state == 0)
        state = (gk_thread_id() * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)gk_now()) | 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) * n >> 32);
}

void burn(int64_t nanoseconds)
{
    int64_t until = gk_now() + nanoseconds;
    while (gk_now() < until)
        gk_cpu_relax();
}

void time_limit(unsigned seconds)
{
#ifndef _WIN32
    alarm(seconds);
#else
    (void)seconds;
#endif
}

#ifdef GK_STRESS
void gk_stress(void);

/* Most steps pass at once. Some threads stop in the middle of one, as if the system had
 * taken the core away from them. */
void gk_stress(void)
{
    uint32_t chance = random_below(64);
    if (chance < 8) {
        burn(random_below(2000));
    } else if (chance < 16) {
        gk_thread_yield();
#ifndef _WIN32
    } else if (chance == 16) {
        nanosleep(&(struct timespec){.tv_nsec = (long)random_below(100000)}, NULL);
#endif
    }
}
#endif
