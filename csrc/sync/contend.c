#include "sync/contend.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/thread.h"
#include "sync/barrier.h"
#include "sync/event.h"

/* Updates, and rounds of work inside or outside of them, between two checks of `stop`. */
enum { BURST = 1024, ROUNDS = 1 << 20 };

/* On the heap: while the caller waits, a signal handler may switch to another stack (greenlets). */
typedef struct {
    gk_contend contend;
    gk_barrier gate;
    gk_latch finished;
    _Atomic int32_t awake, stop;
} shared;

typedef struct {
    shared *shared;
    gk_thread *thread;
    gk_cell *cell;
    int64_t begin, end, done, retries;
    int status;
    char padding[2 * GK_CACHE_LINE];
} worker;

static void work_for(int64_t rounds)
{
#if defined(GK_DO_NOT_OPTIMIZE) && !(defined(_MSC_VER) && !defined(__clang__))
    for (int64_t i = 0; i < rounds; i++)
        GK_DO_NOT_OPTIMIZE(i);
#else
    for (volatile int64_t i = 0; i < rounds; i++)
        ;
#endif
}

static void busy(int64_t rounds, const _Atomic int32_t *stop)
{
    for (; rounds > ROUNDS && !atomic_load_explicit(stop, memory_order_relaxed); rounds -= ROUNDS)
        work_for(ROUNDS);
    work_for(rounds < ROUNDS ? rounds : ROUNDS);
}

static int racy_with_work(gk_counter *c, int64_t inside, const _Atomic int32_t *stop)
{
    int64_t value = atomic_load_explicit(&c->value, memory_order_relaxed);
    busy(inside, stop);
    if (gk_add_overflows(value, 1))
        return GK_OVERFLOW;
    atomic_store_explicit(&c->value, value + 1, memory_order_relaxed);
    return GK_OK;
}

static int locked_with_work(gk_counter *c, int64_t inside, const _Atomic int32_t *stop)
{
    if (!gk_lock_try(&c->lock))
        gk_lock_acquire(&c->lock, NULL);
    int status = racy_with_work(c, inside, stop);
    if (!gk_lock_try_release(&c->lock))
        gk_lock_release(&c->lock);
    return status;
}

static int optimistic_with_work(gk_counter *c, int64_t inside, const _Atomic int32_t *stop, int64_t *retries)
{
    for (;; ++*retries) {
        int64_t value = atomic_load(&c->value);
        busy(inside, stop);
        if (gk_add_overflows(value, 1))
            return GK_OVERFLOW;
        if (atomic_compare_exchange_strong(&c->value, &value, value + 1))
            return GK_OK;
    }
}

static int atomic_with_work(gk_counter *c, int64_t inside, const _Atomic int32_t *stop)
{
    int64_t sum;
    busy(inside, stop);
    return gk_atomic_add(c, 1, &sum);
}

static int sharded_with_work(worker *w, int64_t inside)
{
    busy(inside, &w->shared->stop);
    return gk_sharded_add_to_cell(w->shared->contend.sharded, w->cell, 1);
}

/* One loop per kind, so none pays for the dispatch. */
#define REPEAT(update)                                   \
    for (; i < n && (status = (update)) == GK_OK; i++) \
        busy(h->outside, stop);                          \
    break

static int64_t burst(worker *w, int64_t n)
{
    gk_contend *h = &w->shared->contend;
    gk_counter *c = h->counter;
    int64_t i = 0, inside = h->inside;
    const _Atomic int32_t *stop = &w->shared->stop;
    int status = GK_OK;
    switch (h->kind) {
    case GK_CONTEND_RACY:
        REPEAT(racy_with_work(c, inside, stop));
    case GK_CONTEND_LOCKED:
        REPEAT(locked_with_work(c, inside, stop));
    case GK_CONTEND_ATOMIC:
        REPEAT(atomic_with_work(c, inside, stop));
    case GK_CONTEND_OPTIMISTIC:
        REPEAT(optimistic_with_work(c, inside, stop, &w->retries));
    case GK_CONTEND_SHARDED:
        REPEAT(sharded_with_work(w, inside));
    }
    w->status = status;
    return i;
}

/* Threads wake one after another, and the first could finish before the last begins. So
 * they spin until all are awake, but only briefly, in case there are more threads than
 * cores. */
static void start_together(shared *s)
{
    int64_t until = gk_now() + 10 * GK_MILLISECOND;
    int32_t all = s->contend.threads;
    atomic_fetch_add(&s->awake, 1);
    while (atomic_load(&s->awake) < all && gk_now() < until)
        gk_thread_yield();
}

static void work(void *argument)
{
    worker *w = argument;
    shared *s = w->shared;
    gk_arrival arrival;
    if (gk_barrier_wait(&s->gate, NULL, &arrival) == GK_OK) {
        if (arrival.index == s->gate.parties - 1)
            gk_barrier_open(&s->gate, &arrival);
        start_together(s);
        w->begin = gk_now();
        int64_t left = s->contend.increments;
        /* Limited to ROUNDS each, the sum cannot overflow. */
        int64_t inside = s->contend.inside, outside = s->contend.outside;
        int64_t rounds = (inside < ROUNDS ? inside : ROUNDS) + (outside < ROUNDS ? outside : ROUNDS);
        int64_t most = rounds > ROUNDS / BURST ? ROUNDS / rounds + 1 : BURST;
        while (left > 0 && w->status == GK_OK &&
               !atomic_load_explicit(&s->stop, memory_order_relaxed)) {
            int64_t n = burst(w, left < most ? left : most);
            left -= n;
            w->done += n;
        }
        w->end = gk_now();
    }
    gk_latch_count_down(&s->finished, 1);
}

static void collect(gk_contend *h, const worker *workers, int *status)
{
    int64_t begin = INT64_MAX, end = 0;
    for (int i = 0; i < h->threads; i++) {
        const worker *w = &workers[i];
        h->done += w->done;
        h->retries += w->retries;
        begin = w->begin < begin ? w->begin : begin;
        end = w->end > end ? w->end : end;
        if (*status == GK_OK)
            *status = w->status;
    }
    h->nanoseconds = end - begin;
}

int gk_contend_run(gk_contend *h, const gk_wait_options *p)
{
    h->done = h->retries = h->nanoseconds = 0;
    worker *workers = calloc((size_t)h->threads, sizeof *workers);
    shared *s = malloc(sizeof *s);
    if (workers == NULL || s == NULL) {
        free(workers);
        free(s);
        return GK_NO_MEMORY;
    }
    *s = (shared){.contend = *h};
    gk_barrier_init(&s->gate, (uint32_t)h->threads);
    gk_latch_init(&s->finished, h->threads);

    int status = GK_OK, started = 0;
    for (; started < h->threads && status == GK_OK; started++) {
        worker *w = &workers[started];
        w->shared = s;
        if (h->kind == GK_CONTEND_SHARDED && (w->cell = gk_sharded_take_cell(h->sharded)) == NULL)
            status = GK_NO_MEMORY;
        else if ((w->thread = gk_thread_start(work, w, "gilkit-contend")) == NULL)
            status = GK_NO_MEMORY;
    }
    if (status == GK_OK) {
        status = gk_latch_wait(&s->finished, p);
        if (status != GK_OK)
            atomic_store(&s->stop, 1);
    } else {
        gk_barrier_break(&s->gate);
    }
    for (int i = 0; i < started; i++) {
        if (workers[i].thread != NULL)
            gk_thread_join(workers[i].thread);
        if (workers[i].cell != NULL)
            gk_sharded_give_cell(h->sharded, workers[i].cell);
    }
    if (status != GK_NO_MEMORY)
        collect(h, workers, &status);
    free(workers);
    free(s);
    return status;
}
