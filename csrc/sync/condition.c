#include "sync/condition.h"

#include <stddef.h>

void gk_condition_enter(gk_condition *c, gk_waiter *w)
{
    gk_waiter_place(w, NULL);
    gk_queue_lock(&c->queue);
    gk_queue_push(&c->queue, w);
    gk_queue_unlock(&c->queue);
}

void gk_condition_leave(gk_condition *c, gk_waiter *w)
{
    gk_queue_lock(&c->queue);
    gk_queue_remove(&c->queue, w);
    gk_queue_unlock(&c->queue);
}

int gk_condition_sleep(gk_condition *c, gk_waiter *w, const gk_wait_options *p)
{
    int result = gk_waiter_wait(&c->queue, w, p);
    /* Notified at the moment of the exception: pass the notification to the next waiter. */
    if (result == GK_INTERRUPTED && atomic_load_explicit(&w->state, memory_order_relaxed) == GK_WAITER_GRANTED)
        gk_condition_notify(c, 1);
    return result < 0 ? result : GK_OK;
}

/* Options for acquiring the lock again. If a signal handler raises meanwhile, the wait
 * reports it afterwards. No handler runs after that, because the first exception is
 * still to be raised. */
static gk_wait_options until_taken(int status, const gk_wait_options *p)
{
    gk_wait_options q = {.deadline = GK_NO_DEADLINE};
    if (p && status != GK_INTERRUPTED) {
        q.poll = p->poll;
        q.context = p->context;
    }
    return q;
}

int gk_condition_retake(gk_lock *lock, int status, const gk_wait_options *p)
{
    gk_wait_options q = until_taken(status, p);
    if (gk_lock_acquire(lock, &q) == GK_OK)
        return status;
    gk_lock_acquire(lock, NULL);
    return GK_INTERRUPTED;
}

int gk_condition_retake_rlock(gk_rlock *lock, uintptr_t self, uintptr_t count, int status,
                              const gk_wait_options *p)
{
    gk_wait_options q = until_taken(status, p);
    if (gk_rlock_acquire_again_as(lock, self, count, &q) == GK_OK)
        return status;
    gk_rlock_acquire_again_as(lock, self, count, NULL);
    return GK_INTERRUPTED;
}

int gk_condition_wait(gk_condition *c, gk_lock *lock, const gk_wait_options *p)
{
    gk_waiter w;
    gk_condition_enter(c, &w);
    gk_lock_release(lock);
    return gk_condition_retake(lock, gk_condition_sleep(c, &w, p), p);
}

int gk_condition_wait_rlock(gk_condition *c, gk_rlock *lock, const gk_wait_options *p)
{
    gk_waiter w;
    gk_condition_enter(c, &w);
    uintptr_t self = gk_thread_ident(), count = gk_rlock_release_all_as(lock, self);
    return gk_condition_retake_rlock(lock, self, count, gk_condition_sleep(c, &w, p), p);
}

void gk_condition_notify(gk_condition *c, int64_t n)
{
    /* No thread can begin to wait meanwhile, since the caller holds the lock. */
    if (atomic_load_explicit(&c->queue.count, memory_order_acquire) == 0)
        return;
    gk_queue_lock(&c->queue);
    _Atomic uint32_t *asleep = NULL;
    uint32_t signal = n < 0 ? GK_WAITER_BROADCAST : GK_WAITER_GRANTED;
    for (; n != 0 && c->queue.first != NULL; n--)
        gk_queue_signal(&c->queue, c->queue.first, signal, &asleep);
    gk_queue_unlock_and_wake(&c->queue, asleep);
}
