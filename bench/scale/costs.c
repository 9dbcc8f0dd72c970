/* Measures the steps of the pool's protocol, and real regions to compare the model with. measure.py compiles this file
 * against the function table that the installed gilkit exports. Times are in nanoseconds.
 */
#define _GNU_SOURCE 1
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "exports.h"

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pause_for(int64_t nanoseconds)
{
    for (int64_t until = now() + nanoseconds; now() < until;)
        gk_cpu_relax();
}

/* ---- Threads on separate cores */

static void pin(int place)
{
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && seen++ == place) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof one, &one);
        }
}

enum { MAX_THREADS = 1024 };

typedef int64_t crowd_work(int place, int64_t count);

static struct {
    crowd_work *work;
    int threads;
    int64_t count, taken[MAX_THREADS];
    _Alignas(GK_CACHE_LINE) _Atomic int ready;
    _Alignas(GK_CACHE_LINE) _Atomic int64_t shared;
} crowd;

static void *run_one(void *argument)
{
    int place = (int)(intptr_t)argument;
    pin(place);
    atomic_fetch_add(&crowd.ready, 1);
    while (atomic_load(&crowd.ready) < crowd.threads)
        gk_cpu_relax();
    crowd.taken[place] = crowd.work(place, crowd.count);
    return NULL;
}

/* The mean time of an operation when `threads` threads perform `count` each. */
static double run_crowd(crowd_work *work, int threads, int64_t count)
{
    pthread_t handles[MAX_THREADS];
    crowd.work = work;
    crowd.threads = threads;
    crowd.count = count;
    atomic_store(&crowd.ready, 0);
    atomic_store(&crowd.shared, 0);
    for (intptr_t place = 0; place < threads; place++)
        if (pthread_create(&handles[place], NULL, run_one, (void *)place) != 0)
            abort();
    int64_t taken = 0;
    for (int place = 0; place < threads; place++) {
        pthread_join(handles[place], NULL);
        taken += crowd.taken[place];
    }
    return (double)taken / threads / (double)count;
}

static int64_t add_shared(int place, int64_t count)
{
    (void)place;
    int64_t start = now();
    for (int64_t i = 0; i < count; i++)
        atomic_fetch_add_explicit(&crowd.shared, 1, memory_order_relaxed);
    return now() - start;
}

static int64_t swap_shared(int place, int64_t count)
{
    (void)place;
    int64_t start = now();
    for (int64_t i = 0; i < count; i++) {
        int64_t seen = atomic_load_explicit(&crowd.shared, memory_order_relaxed);
        while (!atomic_compare_exchange_weak(&crowd.shared, &seen, seen + 1))
            ;
    }
    return now() - start;
}

/* Each sees the other's number and answers with the next. */
static int64_t take_turns(int place, int64_t count)
{
    int64_t start = now();
    for (int64_t i = 0; i < count; i++) {
        while (atomic_load(&crowd.shared) != 2 * i + place)
            gk_cpu_relax();
        atomic_fetch_add(&crowd.shared, 1);
    }
    return now() - start;
}

double cost_atomic(int64_t count)
{
    return (double)add_shared(0, count) / (double)count;
}

double cost_clock(const gk_exports *gilkit, int64_t count)
{
    int64_t start = now();
    for (int64_t i = 0; i < count; i++)
        gilkit->gk_now();
    return (double)(now() - start) / (double)count;
}

double cost_contended_add(int64_t count) { return run_crowd(add_shared, 2, count) / 2; }
double cost_contended_swap(int64_t count) { return run_crowd(swap_shared, 2, count) / 2; }
double cost_turn(int64_t count) { return run_crowd(take_turns, 2, count) / 2; }

/* ---- Wake-ups */

static _Atomic uint32_t word;
static _Atomic int asleep;
static _Atomic int64_t woke_at[64];
static _Atomic int awake;

static void *sleep_often(void *argument)
{
    (void)argument;
    for (;;) {
        uint32_t seen = atomic_load(&word);
        atomic_fetch_add(&asleep, 1);
        syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
        int64_t t = now();
        atomic_fetch_sub(&asleep, 1);
        if (atomic_load(&word) == UINT32_MAX)
            return NULL;
        atomic_store(&woke_at[atomic_fetch_add(&awake, 1)], t);
    }
}

/* Wakes `sleepers` threads, asleep for `pause`, `rounds` times. Records the time of the call, and the time from its
 * start until the first thread runs. With no sleepers: the time of a call that wakes no thread. */
int cost_wake(int sleepers, int64_t pause, int rounds, int64_t *call, int64_t *latency)
{
    pthread_t threads[64];
    atomic_store(&word, 0);
    atomic_store(&asleep, 0);
    for (int i = 0; i < sleepers; i++)
        if (pthread_create(&threads[i], NULL, sleep_often, NULL) != 0)
            return -1;
    for (int round = 0; round < rounds; round++) {
        while (atomic_load(&asleep) < sleepers)
            sched_yield();
        pause_for(pause);
        atomic_store(&awake, 0);
        int64_t start = now();
        atomic_fetch_add(&word, 1);
        syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, sleepers, NULL, NULL, 0);
        call[round] = now() - start;
        while (atomic_load(&awake) < sleepers) /* do not yield: a real caller computes and keeps its core */
            gk_cpu_relax();
        latency[round] = sleepers > 0 ? atomic_load(&woke_at[0]) - start : 0;
    }
    while (atomic_load(&asleep) < sleepers)
        sched_yield();
    pause_for(1000000);
    atomic_store(&word, UINT32_MAX);
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
    for (int i = 0; i < sleepers; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

static void *note_start(void *started)
{
    *(_Atomic int64_t *)started = now();
    return NULL;
}

int cost_start(int64_t pause, int rounds, int64_t *call, int64_t *latency)
{
    for (int round = 0; round < rounds; round++) {
        _Atomic int64_t started = 0;
        pthread_t thread;
        pause_for(pause);
        int64_t start = now();
        if (pthread_create(&thread, NULL, note_start, &started) != 0)
            return -1;
        call[round] = now() - start;
        pthread_join(thread, NULL);
        latency[round] = atomic_load(&started) - start;
    }
    return 0;
}

/* ---- The time slice of a thread when there are more threads than cores */

static _Atomic int running;
static int64_t gaps[MAX_THREADS];

static void *count_gaps(void *argument)
{
    int64_t *count = argument;
    while (atomic_load(&running) > 0) {
        int64_t before = now();
        if (now() - before > 500000) /* others ran meanwhile */
            ++*count;
    }
    return NULL;
}

/* The mean time slice of `threads` busy threads on fewer cores, over `duration`. */
double cost_turn_length(int threads, int cores, int64_t duration)
{
    pthread_t handles[MAX_THREADS];
    int64_t turns = 0;
    memset(gaps, 0, sizeof gaps);
    atomic_store(&running, 1);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&handles[i], NULL, count_gaps, &gaps[i]) != 0)
            abort();
    struct timespec t = {.tv_sec = duration / 1000000000, .tv_nsec = duration % 1000000000};
    nanosleep(&t, NULL);
    atomic_store(&running, 0);
    for (int i = 0; i < threads; i++) {
        pthread_join(handles[i], NULL);
        turns += gaps[i];
    }
    return (double)duration * cores / (double)(turns > 0 ? turns : 1);
}

/* ---- Regions */

/* A chain of multiplications, bound by their latency: a hyperthread on the same physical core, which another core of a
 * virtual machine may be, slows it down little. */
static void loop(int64_t loops)
{
    uint64_t x = 1;
    for (int64_t i = 0; i < loops; i++) {
        x *= UINT64_C(0x9e3779b97f4a7c15);
        GK_DO_NOT_OPTIMIZE(x);
    }
}

double cost_loop(int64_t loops)
{
    int64_t start = now();
    loop(loops);
    return (double)(now() - start) / (double)loops;
}

static int64_t loop_of_one(int place, int64_t count)
{
    (void)place;
    int64_t start = now();
    loop(count);
    return now() - start;
}

/* The same with several cores busy. */
double cost_loop_of_all(int64_t loops, int threads) { return run_crowd(loop_of_one, threads, loops); }

typedef struct {
    const int64_t *loops; /* of each chunk; NULL: it reads memory */
    const double *memory;
    int64_t size;         /* doubles of memory a chunk */
    _Atomic int64_t chunks;
    _Atomic int64_t sum;
} shape;

/* One body for each regime, since the pool remembers the cost per item of each body. */
static void chunk_of(int64_t begin, int64_t end, shape *s)
{
    for (int64_t chunk = begin; chunk < end; chunk++) {
        if (s->loops != NULL) {
            loop(s->loops[chunk]);
        } else {
            const double *x = s->memory + chunk * s->size;
            double sum[16] = {0};
            for (int64_t i = 0; i + 16 <= s->size; i += 16)
                for (int j = 0; j < 16; j++)
                    sum[j] += x[i + j];
            double total = 0;
            for (int j = 0; j < 16; j++)
                total += sum[j];
            GK_DO_NOT_OPTIMIZE(s);
            if (total != 0)
                atomic_store(&s->sum, 1);
        }
    }
}

static void body(int64_t begin, int64_t end, void *data)
{
    shape *s = data;
    chunk_of(begin, end, s);
}

static void nothing(int64_t begin, int64_t end, void *data)
{
    (void)begin;
    (void)end;
    (void)data;
}

/* Runs `regions` regions, each after a pause (0: none). The thread is busy during the pause, or sleeps if the pause is
 * negative. */
static void run_regions(const gk_exports *gilkit, int64_t chunks, shape *s, int threads, int eager, int64_t pause,
                        int regions, int64_t *taken)
{
    gk_options options = {.threads = threads, .grain = 1, .eager = eager};
    for (int region = 0; region < regions; region++) {
        if (pause < 0) {
            struct timespec t = {.tv_sec = -pause / 1000000000, .tv_nsec = -pause % 1000000000};
            nanosleep(&t, NULL);
            pause_for(100000);
        } else if (pause > 0) {
            pause_for(pause);
        }
        int64_t start = now();
        gilkit->gk_parallel_for(chunks, s->loops == NULL && s->memory == NULL ? nothing : body, s, &options);
        taken[region] = now() - start;
    }
}

typedef struct {
    const gk_exports *gilkit;
    const int64_t *loops;
    const double *memory;
    int64_t chunks, size, pause, *taken;
    int threads, eager, regions;
} calling;

static _Atomic int callers_ready;
static int callers_wanted;

static void *call(void *argument)
{
    const calling *c = argument;
    shape s = {.loops = c->loops, .memory = c->memory, .size = c->size};
    atomic_fetch_add(&callers_ready, 1);
    while (atomic_load(&callers_ready) < callers_wanted)
        gk_cpu_relax();
    run_regions(c->gilkit, c->chunks, &s, c->threads, c->eager, c->pause, c->regions, c->taken);
    return NULL;
}

/* Runs the regions of `callers` threads at the same time; `taken` has callers x regions times. */
int regions_taken(const gk_exports *gilkit, int callers, int64_t chunks, const int64_t *loops, const double *memory,
                  int64_t size, int threads, int eager, int64_t pause, int regions, int64_t *taken)
{
    pthread_t handles[64];
    calling c[64];
    atomic_store(&callers_ready, 0);
    callers_wanted = callers;
    for (int i = 0; i < callers; i++) {
        c[i] = (calling){gilkit, loops, memory, chunks, size, pause, taken + i * regions, threads, eager, regions};
        if (pthread_create(&handles[i], NULL, call, &c[i]) != 0)
            return -1;
    }
    for (int i = 0; i < callers; i++)
        pthread_join(handles[i], NULL);
    return 0;
}
