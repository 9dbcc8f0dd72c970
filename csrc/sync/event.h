/* An event, which many threads wait for and one sets, and which can be cleared again;
 * and a latch, which opens when it has been counted down to zero. */
#ifndef GK_SYNC_EVENT_H
#define GK_SYNC_EVENT_H

#include <stdint.h>

#include "base/compiler.h"
#include "sync/queue.h"

/* All zero is an event that is not set. */
typedef struct {
    _Atomic uint32_t state; /* times it was set << 2 | has sleepers << 1 | is set */
    _Atomic int setter_core; /* gk_current_cpu() of the thread that set it last */
} gk_event;

int gk_event_is_set(gk_event *event);
void gk_event_set(gk_event *event);
void gk_event_clear(gk_event *event);

/* Returns GK_OK once the event has been set, even if it was cleared again before this
 * thread continued; GK_TIMEOUT or GK_INTERRUPTED. */
int gk_event_wait(gk_event *event, const gk_wait_options *wait_options);

/* In a forked child: forgets the parent's sleepers. */
void gk_event_reinit(gk_event *event);

typedef struct {
    _Atomic int64_t left;
    gk_event open;
} gk_latch;

void gk_latch_init(gk_latch *latch, int64_t count);

/* GK_OK; or GK_OVERFLOW, with nothing changed, if fewer than n are left. */
int gk_latch_count_down(gk_latch *latch, int64_t n);
int gk_latch_wait(gk_latch *latch, const gk_wait_options *wait_options);

GK_INLINE int64_t gk_latch_left(gk_latch *latch)
{
    return atomic_load_explicit(&latch->left, memory_order_acquire);
}

#endif
