/* parallel_for: begins a region, claims and runs its chunks, and ends it. README.md
 * describes the protocol. */
#include "runtime/parallel.h"

#include <stddef.h>

#include "base/clock.h"
#include "base/thread.h"
#include "runtime/cancel.h"
#include "runtime/region.h"
#include "runtime/slots.h"
#include "runtime/waking.h"

static const int64_t FIRST_POLL_AFTER = 30 * GK_MILLISECOND;
/* How long the chunks of one claim take: much longer than the claim, much shorter
 * than the time between polls. A claim of MIN_BATCH is always allowed, since a
 * smaller one would cost more than it gets. */
static const int64_t BATCH = 50 * GK_MICROSECOND;
static const int64_t MIN_BATCH = GK_MICROSECOND;

int64_t gk_default_grain(int64_t n)
{
    /* 256 chunks balance a few dozen cores. Long ranges get up to 1024, since the cost
     * of a call of the body does not show in a chunk of 64 items. */
    int64_t chunks = n <= 256 * 64 ? 256 : n <= 1024 * 64 ? n / 64 : 1024;
    return n / chunks + (n % chunks != 0); /* n + chunks may overflow */
}

/* The calling thread's duties between its claims. */
static void caller_duties(gk_region *r, int64_t now)
{
    if (r->asleep)
        gk_wake_meanwhile(r, now);
    if (r->foreign && r->slot >= 0)
        gk_show_progress(r->slot);
    gk_region_poll_duties(r, now);
}

static void work_on_chunks(gk_region *r)
{
    /* One claim takes a batch of chunks that lasts about BATCH, so neither the claim
     * nor the clock shows, but at most a share of the chunks left, so the last
     * batches balance. Without the minimum of MIN_BATCH, a region that allows many
     * threads would claim single chunks. */
    int64_t batch = 1, least = 1, next = 0, before = gk_now();
    while (!gk_region_ended(r)) {
        int64_t part = (r->chunks - next) / (4 * (int64_t)r->threads) + 1;
        if (part < least)
            part = least;
        int64_t count = batch < part ? batch : part;
        GK_STEP();
        /* Relaxed is enough: the counter only assigns chunks to threads. Join and leave
         * order the memory that chunks read and write. */
        int64_t first = atomic_fetch_add_explicit(&r->next, count, memory_order_relaxed);
        if (first >= r->chunks)
            break;
        next = first + count < r->chunks ? first + count : r->chunks;
        if (next == r->chunks && r->slot >= 0)
            gk_withdraw_offer(r->slot); /* nothing is left for another helper */
        for (int64_t chunk = first; chunk < next; chunk++) {
            int64_t begin = chunk * r->grain;
            r->body(begin, r->n - begin > r->grain ? begin + r->grain : r->n, r->data);
            if (GK_UNLIKELY(gk_self.region != r))
                return; /* a helper in a forked child, which does not have the region */
            if (gk_region_ended(r))
                break;
        }
        if (gk_self.participant == 0)
            r->own_chunks += next - first;
        if (next == r->chunks)
            break;
        int64_t now = gk_now(), taken = now - before;
        batch = taken < BATCH / 2 ? 2 * count : taken > BATCH ? (count + 1) / 2 : count;
        least = count * MIN_BATCH / (taken + 1);
        before = now;
        if (gk_self.participant == 0)
            caller_duties(r, now);
    }
}

static void work(gk_region *r)
{
    if (r->on_enter == NULL) {
        work_on_chunks(r);
    } else if (atomic_load_explicit(&r->next, memory_order_relaxed) < r->chunks) {
        void *entered = r->on_enter(r->data);
        if (entered != NULL) {
            work_on_chunks(r);
            if (gk_self.region != r)
                return;
            r->on_exit(r->data, entered);
        } else if (gk_self.participant == 0) {
            gk_region_cancel(r, GK_NO_MEMORY);
        }
    }
    if (gk_self.region == r && r->slot >= 0)
        gk_withdraw_offer(r->slot);
}

int gk_cancelled(void)
{
    gk_region *r = gk_self.region;
    if (r == NULL)
        return 0;
    if (gk_self.participant == 0 && gk_region_has_duties(r))
        caller_duties(r, gk_now());
    return gk_region_ended(r);
}

int gk_participants(const gk_options *options)
{
    int threads = options != NULL && options->threads > 0 ? options->threads : gk_num_threads();
    return threads < GK_MAX_THREADS ? threads : GK_MAX_THREADS;
}

/* Whether this region or one around it is published: then this thread is a counted
 * caller, or the helper of one. */
static int inside_published(const gk_region *r)
{
    for (; r != NULL; r = r->parent)
        if (r->slot >= 0)
            return 1;
    return 0;
}

int gk_parallel_for(int64_t n, gk_body *body, void *data, const gk_options *options)
{
    static const gk_options defaults;
    if (options == NULL)
        options = &defaults;
    if (n <= 0)
        return GK_OK;
    gk_region *parent = gk_self.region;
    int parent_participant = gk_self.participant;
    gk_region r = {
        .body = body,
        .data = data,
        .on_enter = options->on_enter,
        .on_exit = options->on_exit,
        .work = work,
        .n = n,
        .grain = options->grain > 0 ? options->grain : gk_default_grain(n),
        .threads = gk_participants(options),
        .slot = -1,
        .token = options->token,
        .outer_tokens = options->outer_tokens,
        .parent = parent,
        /* `in_poll` belongs to the caller, which may be polling while a helper is here. */
        .independent = parent != NULL && (options->uninterruptible || parent->orphaned ||
                                           (parent_participant == 0 && parent->in_poll > 0)),
        .poll = options->poll,
        .poll_context = options->poll_context,
        .deadline = options->deadline,
        .eager = options->eager,
        .foreign = options->foreign,
    };
    r.chunks = (n - 1) / r.grain + 1;
    if (r.chunks < r.threads)
        r.threads = (int)r.chunks;
    if (r.poll != NULL)
        r.poll_owner = &r;
    if (parent != NULL && parent_participant == 0 && !r.independent) {
        /* This thread is also the outer region's caller, and takes its duties along. */
        if (r.poll == NULL)
            r.poll_owner = parent->poll_owner;
        if (parent->deadline != GK_NO_DEADLINE && (r.deadline == GK_NO_DEADLINE || parent->deadline < r.deadline))
            r.deadline = parent->deadline;
    }
    gk_self.region = &r;
    gk_self.participant = 0;
    /* Each running caller counts once, or gk_pool_stop() would consider the pool idle. */
    r.counted = !inside_published(parent);
    gk_signal_mask signals;
    if (r.threads > 1) {
        r.fp_control = gk_fp_control_get();
        if (options->foreign) {
            gk_signal_mask_get(&signals);
            r.signals = &signals;
            r.stack_size = gk_thread_stack_size(options->stack_size);
        }
        gk_publish(&r);
    }
    if (r.slot >= 0 || r.poll != NULL || r.deadline != GK_NO_DEADLINE) {
        r.started = gk_now();
        r.next_poll = r.started + FIRST_POLL_AFTER;
        if (r.deadline != GK_NO_DEADLINE && r.started >= r.deadline)
            gk_region_cancel(&r, GK_TIMEOUT);
    }
    if (r.slot >= 0)
        gk_wake_before(&r);
    work(&r);
    if (r.slot >= 0) {
        gk_wake_record_cost(&r, gk_now());
        gk_retire(&r);
    }
    gk_self.region = r.parent; /* a fork may have changed it */
    gk_self.participant = parent_participant;
    return atomic_load_explicit(&r.status, memory_order_relaxed);
}

int gk_run_here(int64_t n, gk_body *body, void *data, const gk_options *options)
{
    if (options != NULL && options->uninterruptible && gk_self.region != NULL) {
        /* Else gk_cancelled() would tell the body about the end of the region around it. */
        gk_options alone = *options;
        alone.threads = 1;
        alone.grain = n;
        return gk_parallel_for(n, body, data, &alone);
    }
    body(0, n, data);
    return gk_self.region != NULL && gk_region_ended(gk_self.region) ? GK_CANCELLED : GK_OK;
}
