#include "sync/ping_pong.h"

#include <stdlib.h>

#include "base/compiler.h"
#include "base/park.h"
#include "base/thread.h"
#include "sync/event.h"

/* On the heap: while the caller waits, a signal handler may switch to another stack (greenlets). */
typedef struct {
    gk_ping_pong ring;
    gk_latch finished;
    _Atomic int32_t stop;
} shared;

typedef struct runner {
    shared *shared;
    struct runner *next;
    gk_thread *thread;
    _Atomic uint32_t token; /* 1: it is this runner's turn */
    char padding[2 * GK_CACHE_LINE];
} runner;

static void hand_to(runner *r)
{
    atomic_store_explicit(&r->token, 1, memory_order_release);
    gk_wake(&r->token, 1);
}

/* Does not spin: the path through the kernel is what is measured. */
static void await(runner *r)
{
    while (atomic_load_explicit(&r->token, memory_order_acquire) == 0)
        gk_wait(&r->token, 0, GK_FOREVER);
    atomic_store_explicit(&r->token, 0, memory_order_relaxed);
}

/* A thread that receives the token after `stop` is set passes it on and ends, so the
 * last lap ends all threads. */
static void follow(void *argument)
{
    runner *r = argument;
    int stopped = 0;
    while (!stopped) {
        await(r);
        stopped = atomic_load_explicit(&r->shared->stop, memory_order_relaxed);
        hand_to(r->next);
    }
    gk_latch_count_down(&r->shared->finished, 1);
}

static void lead(void *argument)
{
    runner *r = argument;
    shared *s = r->shared;
    gk_ping_pong *ring = &s->ring;
    await(r);
    if (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
        /* An untimed lap: at its end, all threads have started. */
        hand_to(r->next);
        await(r);
        int64_t begin = gk_now();
        while (ring->done < ring->laps && !atomic_load_explicit(&s->stop, memory_order_relaxed)) {
            hand_to(r->next);
            await(r);
            ring->done++;
        }
        ring->nanoseconds = gk_now() - begin;
        atomic_store_explicit(&s->stop, 1, memory_order_relaxed);
    }
    hand_to(r->next);
    gk_latch_count_down(&s->finished, 1);
}

int gk_ping_pong_run(gk_ping_pong *ring, const gk_wait_options *p)
{
    ring->done = ring->nanoseconds = 0;
    runner *runners = calloc((size_t)ring->threads, sizeof *runners);
    shared *s = malloc(sizeof *s);
    if (runners == NULL || s == NULL) {
        free(runners);
        free(s);
        return GK_NO_MEMORY;
    }
    *s = (shared){.ring = *ring};
    gk_latch_init(&s->finished, ring->threads);

    int status = GK_OK, started = 0;
    for (; started < ring->threads && status == GK_OK; started++) {
        runner *r = &runners[started];
        r->shared = s;
        r->next = &runners[(started + 1) % ring->threads];
        if ((r->thread = gk_thread_start(started ? follow : lead, r, "gilkit-pong")) == NULL)
            status = GK_NO_MEMORY;
    }
    if (status != GK_OK)
        atomic_store(&s->stop, 1);
    hand_to(&runners[0]);
    if (status == GK_OK && (status = gk_latch_wait(&s->finished, p)) != GK_OK)
        atomic_store(&s->stop, 1);
    for (int i = 0; i < started; i++)
        if (runners[i].thread != NULL)
            gk_thread_join(runners[i].thread);
    *ring = s->ring;
    free(runners);
    free(s);
    return status;
}
