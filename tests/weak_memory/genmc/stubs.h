/* Stubs of csrc/base for GenMC, which csrc/sync and csrc/runtime call: a clock that advances by
 * TICK at each reading, sleeps as those of a futex, no spinning, no forks, no signals. */
#ifndef STUBS_H
#define STUBS_H

#include <assert.h>
#include <genmc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#define __builtin_ia32_pause() ((void)0)
#define GK_QUEUE_LOCK_SPINS 0

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

/* ---- Sleeping ---- */

#ifndef THREADS
#  define THREADS 2 /* that run code of csrc; each ends with `return ended();` */
#endif

enum { SLEEPS = 3 }; /* executions with more of them are not explored */

static _Atomic int kernel; /* a lock; GenMC 0.9 fails with three threads at one of its own */
static _Atomic int idle; /* threads that sleep or have ended */
static int sleeps;
static struct {
    _Atomic uint32_t *word; /* NULL: woken */
    _Atomic int woken;
} sleeping[SLEEPS];

static void enter_kernel(void)
{
    int free = 0;
    __VERIFIER_assume(atomic_compare_exchange_strong_explicit(&kernel, &free, 1, memory_order_acquire,
                                                              memory_order_relaxed));
}

static void leave_kernel(void)
{
    atomic_store_explicit(&kernel, 0, memory_order_release);
}

static void *ended(void)
{
    atomic_fetch_add_explicit(&idle, 1, memory_order_release);
    return NULL;
}

/* A time limit has always passed. A sleep without one is an error if every other thread
 * sleeps too, or has ended: then a wake-up was lost. Waking is not the order of anything. */
gk_wait_result gk_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline)
{
    if (deadline != GK_FOREVER)
        return GK_TIMED_OUT;
    enter_kernel();
    if (atomic_load_explicit(word, memory_order_relaxed) != expected) {
        leave_kernel();
        return GK_WOKEN;
    }
    __VERIFIER_assume(sleeps < SLEEPS);
    int me = sleeps++;
    sleeping[me].word = word;
    atomic_fetch_add_explicit(&idle, 1, memory_order_relaxed);
    leave_kernel();
    if (!atomic_load_explicit(&sleeping[me].woken, memory_order_relaxed)) {
        __VERIFIER_assume(atomic_load_explicit(&idle, memory_order_relaxed) == THREADS);
        assert(!"a wake-up was lost");
    }
    return GK_WOKEN;
}

void gk_wake(_Atomic uint32_t *word, int count)
{
    enter_kernel();
    for (int i = 0; i < sleeps; i++) {
        if (sleeping[i].word == word && count > 0) {
            count--;
            sleeping[i].word = NULL;
            atomic_fetch_sub_explicit(&idle, 1, memory_order_relaxed);
            atomic_store_explicit(&sleeping[i].woken, 1, memory_order_relaxed);
        }
    }
    leave_kernel();
}

/* ---- Everything else ---- */

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

void gk_thread_yield(void) {}

#ifndef OWN_FORKS
uint32_t gk_fork_generation(void)
{
    return 0;
}

void gk_fork_watch(void) {}
#endif

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
