#include "sync/barrier.h"

#include <stddef.h>

void gk_barrier_init(gk_barrier *b, uint32_t parties)
{
    *b = (gk_barrier){.parties = parties};
}

static void next_round(gk_barrier *b)
{
    b->round++;
    atomic_store_explicit(&b->arrived, 0, memory_order_relaxed);
}

static int arrive_and_wait(gk_barrier *b, gk_waiter *w, const gk_wait_options *p, gk_arrival *a)
{
    gk_queue_lock(&b->queue);
    if (atomic_load_explicit(&b->broken, memory_order_relaxed)) {
        gk_queue_unlock(&b->queue);
        return GK_BROKEN;
    }
    a->round = b->round;
    a->index = atomic_load_explicit(&b->arrived, memory_order_relaxed);
    if (a->index == b->parties - 1) {
        next_round(b);
        gk_queue_unlock(&b->queue);
        return GK_OK;
    }
    atomic_store_explicit(&b->arrived, a->index + 1, memory_order_relaxed);
    w->tag = a->round;
    gk_queue_push(&b->queue, w);
    gk_queue_unlock(&b->queue);

    int result = gk_waiter_wait(&b->queue, w, p);
    /* If it opened at the moment of the exception, it is not broken. */
    if (result < 0 && !gk_waiter_signalled(w))
        gk_barrier_break(b);
    return result < 0 ? result : result == GK_WAITER_GRANTED ? GK_OK : GK_BROKEN;
}

int gk_barrier_wait(gk_barrier *b, const gk_wait_options *p, gk_arrival *a)
{
    gk_waiter here, *w = gk_waiter_place(&here, p);
    if (w == NULL)
        return GK_NO_MEMORY;
    int status = arrive_and_wait(b, w, p, a);
    gk_waiter_drop(w, &here);
    return status;
}

int gk_barrier_open(gk_barrier *b, const gk_arrival *a)
{
    gk_queue_lock(&b->queue);
    int status = a->round < b->unbroken ? GK_BROKEN : GK_OK;
    _Atomic uint32_t *asleep = NULL;
    for (gk_waiter *w = b->queue.first, *next; w != NULL; w = next) {
        next = w->next;
        if (w->tag == a->round)
            gk_queue_signal(&b->queue, w, GK_WAITER_GRANTED, &asleep);
    }
    gk_queue_unlock_and_wake(&b->queue, asleep);
    return status;
}

static void send_all_away(gk_barrier *b, uint32_t broken)
{
    gk_queue_lock(&b->queue);
    atomic_store_explicit(&b->broken, broken, memory_order_relaxed);
    next_round(b);
    b->unbroken = b->round;
    _Atomic uint32_t *asleep = NULL;
    while (b->queue.first != NULL)
        gk_queue_signal(&b->queue, b->queue.first, GK_WAITER_BROKEN, &asleep);
    gk_queue_unlock_and_wake(&b->queue, asleep);
}

void gk_barrier_break(gk_barrier *b)
{
    send_all_away(b, 1);
}

void gk_barrier_reset(gk_barrier *b)
{
    send_all_away(b, 0);
}
