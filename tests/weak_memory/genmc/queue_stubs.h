/* For the programs with queues. */
#ifndef QUEUE_STUBS_H
#define QUEUE_STUBS_H

#include "stubs.h"

#include "sync/queue.h"

/* GenMC does not zero a structure through a pointer. */
gk_waiter *gk_waiter_place(gk_waiter *here, const gk_wait_options *options)
{
    assert(!gk_wait_switches(options));
    atomic_store_explicit(&here->state, GK_WAITER_AWAKE, memory_order_relaxed);
    here->queued = 0;
    here->since = 0;
    return here;
}

#define gk_waiter_place unused_waiter_place
#define HELD QUEUE_HELD
#include "sync/queue.c"
#undef HELD
#undef gk_waiter_place

#endif
