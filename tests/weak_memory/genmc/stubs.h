/* Stubs of csrc/base for GenMC, which csrc/sync and csrc/runtime call: a clock that advances by
 * TICK at each reading, sleeps that end when the word has changed, no spinning, no forks, no
 * signals. */
#ifndef STUBS_H
#define STUBS_H

#include <assert.h>
#include <genmc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#define __builtin_ia32_pause() ((void)0)

#include "base/clock.h"
#include "base/cores.h"
#include "base/park.h"
#include "base/signals.h"
#include "base/thread.h"
#include "sync/fork.h"
#include "sync/spin.h"

#ifndef TICK
#  define TICK 1 /* nanoseconds between two readings of the clock */
#endif

int64_t gk_now(void)
{
    static _Thread_local int64_t now;
    return now += TICK;
}

/* A thread whose word never changes is blocked. GenMC counts blocked executions but does not report
 * them as errors; the Python races check for lost wake-ups. */
gk_wait_result gk_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline)
{
    (void)deadline;
    __VERIFIER_assume(atomic_load_explicit(word, memory_order_relaxed) != expected);
    return GK_WOKEN;
}

void gk_wake(_Atomic uint32_t *word, int count)
{
    (void)word, (void)count;
}

int gk_current_cpu(void)
{
    return -1;
}

int gk_cores_online(void)
{
    return 1;
}

uint64_t gk_thread_id(void)
{
    return 1;
}

uint32_t gk_fork_generation(void)
{
    return 0;
}

void gk_fork_watch(void) {}

int gk_spin_begin(void)
{
    return 0;
}

void gk_spin_end(int rounds)
{
    (void)rounds;
}

/* GenMC does not support structures as results. */
#define gk_spin_for_signal() {0, 0, 0}

void gk_spin_record_cost(int64_t slept, int core)
{
    (void)slept, (void)core;
}

_Atomic int gk_sync_watchers;

#endif
