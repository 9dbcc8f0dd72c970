/* A reusable barrier for a fixed number of threads. Rounds are independent: threads that
 * have not left one round yet do not hold up those that meet in the next. */
#ifndef GK_SYNC_BARRIER_H
#define GK_SYNC_BARRIER_H

#include <stdint.h>

#include "base/compiler.h"
#include "sync/queue.h"

typedef struct {
    gk_queue queue;
    uint32_t parties;
    _Atomic uint32_t arrived; /* in this round; this and the fields below change under the queue_lock */
    _Atomic uint32_t broken;
    uint64_t round;
    uint64_t unbroken; /* rounds before this one have met or were broken */
} gk_barrier;

/* A thread's place in a round. */
typedef struct {
    uint64_t round;
    uint32_t index; /* 0 for the first to arrive, parties - 1 for the last */
} gk_arrival;

void gk_barrier_init(gk_barrier *barrier, uint32_t parties);

/* Arrives, and waits until the round is opened. The last thread to arrive returns at
 * once; it runs the action between rounds, and then opens the round or breaks the
 * barrier. GK_BROKEN if the barrier is broken, before or during the wait. A wait that
 * ends with GK_TIMEOUT or GK_INTERRUPTED breaks the barrier. */
int gk_barrier_wait(gk_barrier *barrier, const gk_wait_options *wait_options, gk_arrival *arrival);

/* Called by the last thread to arrive: releases the others of the round. GK_BROKEN if
 * the barrier was broken meanwhile. */
int gk_barrier_open(gk_barrier *barrier, const gk_arrival *arrival);

/* Waiting threads, and all that arrive later, get GK_BROKEN. */
void gk_barrier_break(gk_barrier *barrier);

/* Waiting threads get GK_BROKEN, and the barrier returns to its initial state. */
void gk_barrier_reset(gk_barrier *barrier);

GK_INLINE uint32_t gk_barrier_waiting(gk_barrier *barrier)
{
    return atomic_load_explicit(&barrier->arrived, memory_order_relaxed);
}

GK_INLINE int gk_barrier_broken(gk_barrier *barrier)
{
    return atomic_load_explicit(&barrier->broken, memory_order_relaxed) != 0;
}

#endif
