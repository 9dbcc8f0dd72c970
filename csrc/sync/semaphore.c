#include "sync/semaphore.h"

#include <stddef.h>

/* A releasing thread adds to the value and then checks for waiters; a waiter adds
 * itself to the count and then checks the value. These operations are sequentially
 * consistent, so one of the two sees the other. */

void gk_semaphore_init(gk_semaphore *s, int64_t value, int64_t bound)
{
    *s = (gk_semaphore){.bound = bound};
    atomic_store_explicit(&s->value, value, memory_order_relaxed);
}

static int take(gk_semaphore *s)
{
    int64_t value = atomic_load(&s->value);
    while (value > 0)
        if (atomic_compare_exchange_weak(&s->value, &value, value - 1))
            return 1;
    return 0;
}

/* Gives free permits to the waiters in order. Called with the queue_lock, which it
 * releases. */
static void grant_and_unlock(gk_semaphore *s)
{
    _Atomic uint32_t *asleep = NULL;
    while (s->queue.first != NULL && take(s))
        gk_queue_signal(&s->queue, s->queue.first, GK_WAITER_GRANTED, &asleep);
    gk_queue_unlock_and_wake(&s->queue, asleep);
}

static void queue_up(gk_semaphore *s, gk_waiter *w)
{
    gk_queue_lock(&s->queue);
    if (w->since == 0) {
        w->since = gk_now();
        gk_queue_push(&s->queue, w);
    } else {
        gk_queue_push_front(&s->queue, w);
    }
    grant_and_unlock(s); /* permits that were released meanwhile, perhaps one to this thread */
}

static int wait_for_permit(gk_semaphore *s, gk_waiter *w, const gk_wait_options *p)
{
    for (;;) {
        queue_up(s, w);
        int why = gk_waiter_spin_and_sleep(w, p);
        if (why == GK_SLEEP_SIGNALLED)
            return GK_OK;
        gk_queue_lock(&s->queue);
        int granted = !gk_queue_remove(&s->queue, w) && gk_waiter_signalled(w);
        gk_queue_unlock(&s->queue);
        if (why == GK_SLEEP_RAISED) {
            if (granted)
                gk_semaphore_release(s, 1); /* to the next waiter */
            return GK_INTERRUPTED;
        }
        if (granted)
            return GK_OK; /* at the last moment */
        if (why == GK_SLEEP_EXPIRED)
            return GK_TIMEOUT;
        if (why == GK_SLEEP_FORKED)
            w->since = 0; /* in the child, the waiters queue up again in their order */
        /* Not in the queue while the handler runs, see lock.c. */
        if (why == GK_SLEEP_POLL && p->poll(p->context) != 0)
            return GK_INTERRUPTED;
    }
}

int gk_semaphore_acquire(gk_semaphore *s, const gk_wait_options *p)
{
    if (gk_semaphore_try(s))
        return GK_OK;
    if (gk_must_not_wait(p))
        return GK_TIMEOUT;
    gk_waiter here, *w = gk_waiter_place(&here, p);
    if (w == NULL)
        return GK_NO_MEMORY;
    int status = wait_for_permit(s, w, p);
    gk_waiter_drop(w, &here);
    return status;
}

int gk_semaphore_release(gk_semaphore *s, int64_t n)
{
    int64_t value = atomic_load_explicit(&s->value, memory_order_relaxed);
    do {
        if (value > s->bound - n)
            return GK_OVERFLOW;
    } while (!atomic_compare_exchange_weak(&s->value, &value, value + n));
    if (atomic_load(&s->queue.count) > 0) {
        gk_queue_lock(&s->queue);
        grant_and_unlock(s);
    }
    return GK_OK;
}
