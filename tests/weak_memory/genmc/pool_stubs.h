/* For the programs with the pool: one worker, which the programs run, and no second one. */
#ifndef POOL_STUBS_H
#define POOL_STUBS_H

#include "slots_stubs.h"
#include "once_stubs.h"

#define pthread_atfork(before, in_parent, in_child) ((void)(before), (void)(in_parent), (void)(in_child))
#define atexit(function) ((void)(function))

#include "base/fp_control.h"
#define gk_fp_control_get() ((gk_fp_control){0})
#define gk_fp_control_set(control) ((void)(control))

#include "runtime/limits.h"
#include "runtime/pool.c"

void gk_signal_mask_set(const gk_signal_mask *mask)
{
    (void)mask;
}

void gk_signal_mask_set_internal(gk_signal_mask *before)
{
    (void)before;
}

int64_t gk_now_coarse(void)
{
    return 0;
}

int gk_cores_usable(void)
{
    return 2;
}

void gk_thread_use_long_slices(void) {}

size_t gk_thread_stack_size(size_t stack_size)
{
    return stack_size;
}

gk_thread *gk_thread_start_with_stack(void (*main)(void *), void *argument, const char *name, size_t stack_size)
{
    (void)main, (void)argument, (void)name, (void)stack_size;
    return NULL;
}

static _Atomic int worker_ended;

static void *end_worker(void)
{
    atomic_store_explicit(&worker_ended, 1, memory_order_release);
    return ended();
}

/* What runs while the pool is stopped. */
static int stopped;

void gk_thread_join(gk_thread *thread)
{
    (void)thread;
    stopped = 1;
    atomic_fetch_add_explicit(&idle, 1, memory_order_relaxed);
    __VERIFIER_assume(atomic_load_explicit(&worker_ended, memory_order_acquire));
    atomic_fetch_sub_explicit(&idle, 1, memory_order_relaxed);
}

#ifndef REGION_THREADS
#  define REGION_THREADS 4
#endif

static gk_region region;

static void one_worker_exists(void)
{
    gk_self.preferred_slot = 1;
    region.threads = REGION_THREADS;
    region.counted = 1;
    pool.cores = 2;
    pool.look_again_at = 1;
    pool.workers = 1;
    pool.looking = 1;
    pool.retry_start_at = GK_SECOND; /* so that none is started */
}

#endif
