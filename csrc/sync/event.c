#include "sync/event.h"

#include <stddef.h>

#include "base/cores.h"
#include "base/park.h"
#include "sync/spin.h"

enum { SET = 1, SLEEPERS = 2, ONCE = 4 };

int gk_event_is_set(gk_event *e)
{
    return atomic_load_explicit(&e->state, memory_order_acquire) & SET;
}

void gk_event_set(gk_event *e)
{
    uint32_t seen = atomic_load_explicit(&e->state, memory_order_relaxed);
    if (!(seen & SET))
        atomic_store_explicit(&e->setter_core, gk_current_cpu(), memory_order_relaxed);
    for (;;) {
        /* Done even if the event is already set: a thread that finds it set must see
         * what was written before this call. */
        uint32_t next = seen & SET ? seen : ((seen + ONCE) & ~(uint32_t)SLEEPERS) | SET;
        if (atomic_compare_exchange_weak_explicit(&e->state, &seen, next, memory_order_acq_rel,
                                                  memory_order_relaxed))
            break;
    }
    if (seen & SLEEPERS)
        gk_wake(&e->state, GK_WAKE_ALL);
}

void gk_event_clear(gk_event *e)
{
    atomic_fetch_and_explicit(&e->state, ~(uint32_t)SET, memory_order_acq_rel);
}

void gk_event_reinit(gk_event *e)
{
    atomic_fetch_and_explicit(&e->state, ~(uint32_t)SLEEPERS, memory_order_relaxed);
}

/* Whether the event was set after `before`, a state in which it was not set. */
static int has_been_set(gk_event *e, uint32_t before)
{
    uint32_t seen = atomic_load_explicit(&e->state, memory_order_acquire);
    return ((seen ^ before) & ~(uint32_t)(SET | SLEEPERS)) != 0;
}

int gk_event_wait(gk_event *e, const gk_wait_options *p)
{
    uint32_t before = atomic_load_explicit(&e->state, memory_order_acquire);
    if (before & SET)
        return GK_OK;
    int64_t deadline = gk_wait_until(p);
    if (gk_must_not_wait(p))
        return GK_TIMEOUT;
    int switches = gk_wait_switches(p);
    int (*poll)(void *) = p != NULL && !switches ? p->poll : NULL;
    if (!switches) {
        gk_spin spin = gk_spin_for_signal();
        while (!has_been_set(e, before) && gk_spin_again(&spin))
            ;
        gk_spin_stop(&spin);
    }
    int64_t begin = 0;
    while (!has_been_set(e, before)) {
        uint32_t seen = before & ~(uint32_t)SLEEPERS;
        atomic_compare_exchange_strong_explicit(&e->state, &seen, seen | SLEEPERS, memory_order_relaxed,
                                                memory_order_relaxed);
        int64_t until = deadline, now = gk_now();
        begin = begin ? begin : now;
        if (poll != NULL && now + GK_WAIT_POLL_INTERVAL < until)
            until = now + GK_WAIT_POLL_INTERVAL;
        int result = switches ? p->sleep(&e->state, before | SLEEPERS, until)
                              : (int)gk_wait(&e->state, before | SLEEPERS, until);
        if (result == GK_RAISED)
            return GK_INTERRUPTED;
        if (has_been_set(e, before))
            break;
        if (result == GK_TIMED_OUT && until == deadline)
            return GK_TIMEOUT;
        if (poll != NULL && poll(p->context) != 0)
            return GK_INTERRUPTED;
    }
    if (!switches)
        gk_spin_record_cost(begin ? gk_now() - begin : 0,
                            atomic_load_explicit(&e->setter_core, memory_order_relaxed));
    return GK_OK;
}

void gk_latch_init(gk_latch *l, int64_t count)
{
    *l = (gk_latch){0};
    atomic_store_explicit(&l->left, count, memory_order_relaxed);
    if (count == 0)
        gk_event_set(&l->open);
}

int gk_latch_count_down(gk_latch *l, int64_t n)
{
    int64_t left = atomic_load_explicit(&l->left, memory_order_relaxed);
    do {
        if (n > left)
            return GK_OVERFLOW;
    } while (!atomic_compare_exchange_weak_explicit(&l->left, &left, left - n, memory_order_acq_rel,
                                                    memory_order_relaxed));
    if (n == left && n > 0)
        gk_event_set(&l->open);
    return GK_OK;
}

int gk_latch_wait(gk_latch *l, const gk_wait_options *p)
{
    return gk_event_wait(&l->open, p);
}
