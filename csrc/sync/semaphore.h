/* A counting semaphore. Released permits go to the waiters in the order of their arrival;
 * a newcomer gets one only if there are no waiters. */
#ifndef GK_SYNC_SEMAPHORE_H
#define GK_SYNC_SEMAPHORE_H

#include <stdint.h>

#include "base/compiler.h"
#include "sync/queue.h"

typedef struct {
    _Atomic int64_t value; /* free permits */
    int64_t bound;         /* maximum of `value` */
    gk_queue queue;
} gk_semaphore;

/* 0 <= value <= bound. INT64_MAX: unbounded. */
void gk_semaphore_init(gk_semaphore *semaphore, int64_t value, int64_t bound);

GK_INLINE int64_t gk_semaphore_value(gk_semaphore *s)
{
    return atomic_load_explicit(&s->value, memory_order_relaxed);
}

/* Takes a permit if one is free and there are no waiters. */
GK_INLINE int gk_semaphore_try(gk_semaphore *s)
{
    int64_t value = atomic_load_explicit(&s->value, memory_order_relaxed);
    while (value > 0 && atomic_load_explicit(&s->queue.count, memory_order_relaxed) == 0)
        if (atomic_compare_exchange_weak_explicit(&s->value, &value, value - 1, memory_order_acquire,
                                                  memory_order_relaxed))
            return 1;
    return 0;
}

/* GK_OK, GK_TIMEOUT, GK_INTERRUPTED. */
int gk_semaphore_acquire(gk_semaphore *semaphore, const gk_wait_options *wait_options);

/* Frees n >= 0 permits. GK_OVERFLOW, with nothing changed, if more than `bound` would
 * be free. */
int gk_semaphore_release(gk_semaphore *semaphore, int64_t n);

#endif
