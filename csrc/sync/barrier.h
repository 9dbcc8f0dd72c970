/* A barrier for a fixed number of threads, used again and again. Every round is
 * a thing of its own: threads that have not yet left one do not hinder those
 * that meet in the next. */
#ifndef GK_SYNC_BARRIER_H
#define GK_SYNC_BARRIER_H

#include <stdint.h>

#include "base/compiler.h"
#include "sync/queue.h"

typedef struct {
    gk_queue queue;
    uint32_t parties;
    _Atomic uint32_t arrived; /* in this round. This and the rest change under the queue_lock */
    _Atomic uint32_t broken;
    uint64_t round;
    uint64_t unbroken; /* rounds before this one have met, or never will */
} gk_barrier;

/* A thread's place in a round. */
typedef struct {
    uint64_t round;
    uint32_t index; /* 0 for the first to arrive, parties - 1 for the last */
} gk_arrival;

void gk_barrier_init(gk_barrier *barrier, uint32_t parties);

/* Arrives, and waits until the round is opened. The last to arrive returns at
 * once, to do what is to be done between rounds, and then to open the round or
 * break the barrier. GK_BROKEN if it is, or is being, broken; a wait that
 * ends with GK_TIMEOUT or GK_INTERRUPTED breaks it. */
int gk_barrier_wait(gk_barrier *barrier, const gk_wait_options *wait_options, gk_arrival *arrival);

/* By the last to arrive: lets the others of the round go. GK_BROKEN if it
 * broke meanwhile. */
int gk_barrier_open(gk_barrier *barrier, const gk_arrival *arrival);

/* All that wait, and all that come, get GK_BROKEN. */
void gk_barrier_break(gk_barrier *barrier);

/* All that wait get GK_BROKEN; then it is as new. */
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
