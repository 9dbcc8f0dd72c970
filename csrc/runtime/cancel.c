/* How a region ends before its last chunk: by its status, a token, its deadline, the poll or a fork. */
#include "runtime/cancel.h"

#include <stddef.h>

#include "base/clock.h"

/* The pause before a poll is 100 times as long as the last poll, within these bounds.
 * So polls that have to wait (for the GIL, which another thread keeps) are rare. */
static const int64_t POLL_PAUSE_LEAST = 2 * GK_MILLISECOND;
static const int64_t POLL_PAUSE_MOST = 50 * GK_MILLISECOND;

void gk_region_cancel(gk_region *r, int code)
{
    int32_t running = GK_OK;
    atomic_compare_exchange_strong(&r->status, &running, code);
}

void gk_cancel_token_set(gk_cancel_token *token, int reason)
{
    int32_t running = GK_OK;
    atomic_compare_exchange_strong(&token->reason, &running, reason);
}

void gk_cancel(int code)
{
    if (gk_self.region != NULL && code != GK_OK)
        gk_region_cancel(gk_self.region, code);
}

int gk_region_ended_outside(gk_region *r)
{
    if (r->token != NULL) {
        int reason = atomic_load_explicit(&r->token->reason, memory_order_relaxed);
        for (const gk_token_list *more = r->outer_tokens; reason == GK_OK && more != NULL; more = more->outer)
            reason = atomic_load_explicit(&more->token->reason, memory_order_relaxed);
        if (reason != GK_OK) {
            gk_region_cancel(r, reason);
            return 1;
        }
    }
    if (r->parent != NULL && !r->independent && gk_region_ended(r->parent)) {
        gk_region_cancel(r, GK_CANCELLED);
        return 1;
    }
    return 0;
}

/* Runs the poll, which handles signals. Code that runs inside may call gk_parallel_for;
 * the end of this region does not end those regions. */
static void poll(gk_region *r, int64_t now)
{
    gk_region *owner = r->poll_owner;
    r->in_poll++;
    int end = owner->poll(owner->poll_context);
    r->in_poll--;
    if (end != 0)
        gk_region_cancel(owner, GK_INTERRUPTED);
    int64_t after = gk_now(), pause = 100 * (after - now);
    owner->next_poll = after + (pause < POLL_PAUSE_LEAST  ? POLL_PAUSE_LEAST
                                : pause < POLL_PAUSE_MOST ? pause
                                                          : POLL_PAUSE_MOST);
}

void gk_region_poll_duties(gk_region *r, int64_t now)
{
    if (r->deadline != GK_NO_DEADLINE && now >= r->deadline)
        gk_region_cancel(r, GK_TIMEOUT);
    /* Not after the region has ended: an exception may be waiting to be raised. */
    if (r->poll_owner != NULL && now >= r->poll_owner->next_poll && r->in_poll == 0 && !r->orphaned &&
        !gk_region_ended(r))
        poll(r, now);
}

/* In a forked child, replaces the region that the forking thread was a helper of. */
static gk_region orphaned = {.status = GK_FORKED, .slot = -1, .orphaned = 1};

void gk_regions_after_fork_in_child(void)
{
    /* The thread that forked may be inside regions. One without helpers continues
     * without a slot. One with helpers has chunks that were claimed by threads that
     * do not exist here, so it can never complete. */
    gk_region *shared = NULL;
    if (gk_self.helped != NULL) {
        /* The region is on the stack of a thread that no longer exists, and a new
         * thread may get that memory. */
        gk_region **link = &gk_self.region;
        while (*link != gk_self.helped)
            link = &(*link)->parent;
        *link = shared = &orphaned;
        gk_self.helped = NULL;
    }
    for (gk_region *r = gk_self.region; r != NULL; r = r->parent) {
        r->slot = -1;
        if (r == &orphaned || atomic_load(&r->participants) > 0) {
            gk_region_cancel(r, GK_FORKED);
            shared = r;
        }
    }
    /* The body that forked may still compute in the child. */
    for (gk_region *r = gk_self.region; shared != NULL; r = r->parent) {
        r->orphaned = 1;
        if (r == shared)
            break;
    }
}
