/* Regions: publish, claim, run, close. The protocol is told in README.md; the
 * names in brackets, as [offer-park], are its races. */
#include "runtime/parallel.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/park.h"
#include "runtime/pool.h"

GK_THREAD_LOCAL gk_thread_state gk_self;

/* A wake-up costs the caller 14 to 24 us in a virtual machine, and as much
 * again passes until the woken worker computes: sleepers are woken for regions
 * that have at least that much left. */
static const int64_t WAKE_COST = 20 * GK_MICROSECOND;
static const int64_t WORTH_WAKING = 2 * 20 * GK_MICROSECOND;
/* The first chunks touch cold memory: what they say of the rest is wrong. */
static const int64_t TELLING = 5 * GK_MICROSECOND;
/* A thread that has computed alone for so long in regions that follow each
 * other closely wakes a worker for the next: it will find them by spinning. */
static const int64_t LONELY = 10 * 20 * GK_MICROSECOND;
static const int64_t FIRST_POLL_AFTER = 30 * GK_MILLISECOND;
/* Then a poll comes after 100 times of what the last one took, between these:
 * one that waits (for the GIL that another thread holds on to) comes seldom. */
static const int64_t POLL_PAUSE_LEAST = 2 * GK_MILLISECOND;
static const int64_t POLL_PAUSE_MOST = 50 * GK_MILLISECOND;
/* How often a caller looks up that waits for its helpers. */
static const int64_t LOOK_UP_EVERY = 5 * GK_MILLISECOND;
/* What one claim takes: long against the claim, short against the polls; and
 * what it may always take, since less would not be worth a claim. */
static const int64_t BATCH = 50 * GK_MICROSECOND;
static const int64_t LEAST_BATCH = GK_MICROSECOND;

/* A slot's word: whether its region takes helpers, how many more it takes, and
 * how many are inside. One word, so that joining and retiring cannot both win
 * [join-retire]. */
enum {
    HELPERS = 0x0fff, /* helpers inside */
    ROOM_ONE = 0x1000,
    ROOM = 0xfff000, /* helpers that may still join */
    OPEN = 1 << 24,
    RESERVED = 1 << 25, /* a caller owns the slot */
    WAITED = 1 << 26,   /* the caller sleeps until the last helper has left */
};

static struct slot {
    _Alignas(GK_CACHE_LINE) _Atomic uint32_t word;
    gk_region *region;
} slots[GK_SLOTS];

/* Bits 0..47: slots whose region wants helpers; above: callers in regions. One
 * word, because publishing changes both and workers spin on the first. */
#define CALLER (UINT64_C(1) << GK_SLOTS)
static _Alignas(GK_CACHE_LINE) _Atomic uint64_t offers;

uint64_t gk_offers(void)
{
    return atomic_load(&offers) & (CALLER - 1);
}

int gk_callers(void)
{
    return (int)(atomic_load(&offers) / CALLER);
}

int gk_helpers_inside(void)
{
    for (int i = 0; i < GK_SLOTS; i++)
        if ((atomic_load(&slots[i].word) & HELPERS) != 0)
            return 1;
    return 0;
}

int gk_inside_published(const gk_region *r)
{
    for (; r != NULL; r = r->parent)
        if (r->slot >= 0)
            return 1;
    return 0;
}

/* ---- The slot: caller's side ---- */

static void publish(gk_region *r)
{
    if (gk_self.preferred_slot == 0) {
        static _Atomic uint32_t threads;
        gk_self.preferred_slot = 1 + (int)(atomic_fetch_add(&threads, 1) % GK_SLOTS);
    }
    int first = gk_self.preferred_slot - 1;
    for (int i = 0; i < GK_SLOTS; i++) {
        int index = first + i < GK_SLOTS ? first + i : first + i - GK_SLOTS;
        struct slot *s = &slots[index];
        uint32_t empty = 0;
        if (atomic_load_explicit(&s->word, memory_order_relaxed) != 0 ||
            !atomic_compare_exchange_strong_explicit(&s->word, &empty, RESERVED,
                                                     memory_order_acquire, memory_order_relaxed))
            continue;
        s->region = r;
        r->slot = index;
        GK_STEP();
        /* The bit of a free slot is 0, so the sum sets it. seq_cst: [offer-park].
         * Before the slot opens: who takes its last place also withdraws the
         * offer, and a bit set after that would stand without room, so that
         * workers could neither join nor sleep [offer-open]. */
        atomic_fetch_add(&offers, (UINT64_C(1) << index) + (r->counted ? CALLER : 0));
        GK_STEP();
        /* Release: who joins sees the region's fields [publish-join]. */
        atomic_store_explicit(&s->word, RESERVED | OPEN | (uint32_t)(r->threads - 1) * ROOM_ONE,
                              memory_order_release);
        return;
    }
    /* Every slot is taken: so are the cores. The caller computes alone. */
}

/* No more helpers are wanted. Only by the caller or a helper inside the region:
 * until they are gone, the slot and its bit belong to no other region. */
static void withdraw_offer(int slot)
{
    uint64_t bit = UINT64_C(1) << slot;
    if (atomic_load_explicit(&offers, memory_order_relaxed) & bit)
        atomic_fetch_and(&offers, ~bit);
}

/* Waits until no helper is inside; runs the poll while it waits. */
static void wait_for_helpers(gk_region *r, _Atomic uint32_t *word)
{
    /* A helper is in its last chunk: most often it is done in a moment. */
    int64_t spin_until = gk_now() + WAKE_COST;
    for (int i = 1;; i++) {
        if ((atomic_load_explicit(word, memory_order_acquire) & HELPERS) == 0)
            return;
        if (i % 64 == 0 && gk_now() >= spin_until)
            break;
        gk_cpu_relax();
    }
    int watched = r->poll_owner != NULL || r->deadline != 0;
    for (;;) {
        uint32_t seen = atomic_fetch_or(word, WAITED) | WAITED;
        if ((seen & HELPERS) == 0)
            return;
        GK_STEP();
        gk_wait(word, seen, watched ? gk_now() + LOOK_UP_EVERY : GK_FOREVER);
        gk_cancelled(); /* for its poll and its look at the deadline */
    }
}

/* Ends the offer and waits for the helpers inside. */
static void retire(gk_region *r)
{
    uint64_t bit = UINT64_C(1) << r->slot, seen = atomic_load_explicit(&offers, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&offers, &seen, (seen & ~bit) - (r->counted ? CALLER : 0)))
        ;
    _Atomic uint32_t *word = &slots[r->slot].word;
    GK_STEP();
    /* Taking OPEN away is what makes the count final: who has not joined by
     * now never will [join-retire]. Acquire: the helpers' results are seen. */
    uint32_t left = atomic_fetch_and(word, ~(uint32_t)OPEN);
    if ((left & HELPERS) != 0)
        wait_for_helpers(r, word);
    GK_STEP();
    atomic_store_explicit(word, 0, memory_order_release);
}

/* ---- The slot: worker's side ---- */

gk_region *gk_join(int slot)
{
    _Atomic uint32_t *word = &slots[slot].word;
    GK_STEP();
    uint32_t seen = atomic_load_explicit(word, memory_order_relaxed);
    do {
        if ((seen & OPEN) == 0 || (seen & ROOM) == 0)
            return NULL;
        /* seq_cst, not acquire alone: the worker then looks at pool.closed [close-join]. */
    } while (!atomic_compare_exchange_weak_explicit(word, &seen, seen + 1 - ROOM_ONE,
                                                    memory_order_seq_cst, memory_order_relaxed));
    GK_STEP();
    if ((seen & ROOM) == ROOM_ONE)
        withdraw_offer(slot); /* that was the last place */
    return slots[slot].region;
}

void gk_leave(int slot)
{
    _Atomic uint32_t *word = &slots[slot].word;
    GK_STEP();
    /* Release: the caller sees this helper's results [leave-return]. From here
     * on the region may be gone; the word itself is static, and waking a later
     * user of it is harmless. */
    uint32_t seen = atomic_fetch_sub(word, 1);
    if ((seen & HELPERS) == 1 && (seen & WAITED) != 0)
        gk_wake(word, GK_WAKE_ALL);
}

/* ---- Cancellation ---- */

static void cancel(gk_region *r, int code)
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
        cancel(gk_self.region, code);
}

/* Whether the region is to end. Whatever ends it is noted in its status, so
 * that all participants see one reason. */
static int ended(gk_region *r)
{
    if (atomic_load_explicit(&r->status, memory_order_relaxed) != GK_OK)
        return 1;
    if (r->token != NULL) {
        int reason = atomic_load_explicit(&r->token->reason, memory_order_relaxed);
        if (reason != GK_OK) {
            cancel(r, reason);
            return 1;
        }
    }
    if (r->parent != NULL && !r->independent && ended(r->parent)) {
        cancel(r, GK_CANCELLED);
        return 1;
    }
    return 0;
}

/* Wakes sleepers once what is left of the region is worth it. */
static void consider_waking(gk_region *r, int64_t now)
{
    int64_t claimed = atomic_load_explicit(&r->next, memory_order_relaxed);
    int64_t left = r->chunks - claimed, elapsed = now - r->started;
    /* The caller will take one chunk itself: of two, one is left to share. */
    if (r->eager || (elapsed >= TELLING && left >= 2 &&
                     (double)elapsed * (double)left >= (double)WORTH_WAKING * (double)claimed)) {
        /* Refused while enough threads compute: asked again after a claim. */
        if ((gk_offers() >> r->slot & 1) == 0 || gk_pool_wake(1, r->threads))
            r->asleep = 0;
    }
}

/* Lets the owner of the calling thread see its signals. What runs in there may
 * call gk_parallel_for: regions of its own, which this one's end does not end. */
static void poll(gk_region *r, int64_t now)
{
    gk_region *owner = r->poll_owner;
    r->detached++;
    int end = owner->poll(owner->poll_context);
    r->detached--;
    if (end != 0)
        cancel(owner, GK_INTERRUPTED);
    int64_t after = gk_now(), pause = 100 * (after - now);
    owner->next_poll = after + (pause < POLL_PAUSE_LEAST  ? POLL_PAUSE_LEAST
                                : pause < POLL_PAUSE_MOST ? pause
                                                          : POLL_PAUSE_MOST);
}

/* The calling thread's duties between its claims: sleepers, deadline, signals. */
static void attend(gk_region *r, int64_t now)
{
    if (r->asleep)
        consider_waking(r, now);
    if (r->deadline != 0 && now >= r->deadline)
        cancel(r, GK_TIMEOUT);
    /* Not again once it said "end": an exception is waiting to be raised. */
    if (r->poll_owner != NULL && now >= r->poll_owner->next_poll && r->detached == 0 && !ended(r))
        poll(r, now);
}

int gk_cancelled(void)
{
    gk_region *r = gk_self.region;
    if (r == NULL)
        return 0;
    if (gk_self.participant == 0 && (r->poll_owner != NULL || r->deadline != 0))
        attend(r, gk_now());
    return ended(r);
}

/* Stands, in a child, for the region that the forking thread was a helper of. */
static gk_region torn = {.status = GK_FORKED, .slot = -1, .detached = 1};

void gk_slots_reset(void)
{
    for (int i = 0; i < GK_SLOTS; i++)
        atomic_store(&slots[i].word, 0);
    atomic_store(&offers, 0);
    /* The thread that forked may be inside regions. One that it had to itself
     * goes on without a slot; one that it shared has chunks that were claimed
     * by threads that do not exist here, and can never be whole. */
    gk_region *shared = NULL;
    if (gk_self.helped != NULL) {
        /* That one lives on the stack of a thread that is not there any more:
         * the next thread may be given it. */
        gk_region **link = &gk_self.region;
        while (*link != gk_self.helped)
            link = &(*link)->parent;
        *link = shared = &torn;
        gk_self.helped = NULL;
    }
    for (gk_region *r = gk_self.region; r != NULL; r = r->parent) {
        r->slot = -1;
        if (r == &torn || atomic_load(&r->participants) > 0) {
            cancel(r, GK_FORKED);
            shared = r;
        }
    }
    /* The body that forked may compute in the child all the same. */
    for (gk_region *r = gk_self.region; shared != NULL; r = r->parent) {
        r->detached++;
        if (r == shared)
            break;
    }
}

/* ---- Chunks ---- */

int64_t gk_default_grain(int64_t n)
{
    /* 256 chunks are enough to balance some dozens of cores. Long ranges have
     * more of them, since a chunk of many items hides what its claim costs. */
    int64_t chunks = n <= 1 << 16 ? 256 : 1024;
    return (n + chunks - 1) / chunks;
}

static void work_on_chunks(gk_region *r)
{
    /* One claim takes a batch of chunks that lasts about BATCH, so that neither
     * the claim nor the clock shows, and no more than a share of what is left,
     * so that the last batches balance: but not less than LEAST_BATCH, or where
     * many threads are allowed every claim would be of one chunk. */
    int64_t batch = 1, least = 1, next = 0, before = gk_now();
    while (!ended(r)) {
        int64_t part = (r->chunks - next) / (4 * (int64_t)r->threads) + 1;
        if (part < least)
            part = least;
        int64_t count = batch < part ? batch : part;
        GK_STEP();
        /* Relaxed is enough: the counter says who runs a chunk; what a chunk
         * reads and writes is ordered by join and leave. */
        int64_t first = atomic_fetch_add_explicit(&r->next, count, memory_order_relaxed);
        if (first >= r->chunks)
            break;
        next = first + count < r->chunks ? first + count : r->chunks;
        if (next == r->chunks && r->slot >= 0)
            withdraw_offer(r->slot); /* nothing is left for another helper */
        for (int64_t chunk = first; chunk < next; chunk++) {
            int64_t begin = chunk * r->grain;
            r->body(begin, r->n - begin > r->grain ? begin + r->grain : r->n, r->data);
            if (GK_UNLIKELY(gk_self.region != r))
                return; /* a helper, in a child: the region is not here */
            if (ended(r))
                break;
        }
        if (gk_self.participant == 0)
            r->own_chunks += next - first;
        if (next == r->chunks)
            break;
        int64_t now = gk_now(), taken = now - before;
        batch = taken < BATCH / 2 ? 2 * count : taken > BATCH ? (count + 1) / 2 : count;
        least = count * LEAST_BATCH / (taken + 1);
        before = now;
        if (gk_self.participant == 0)
            attend(r, now);
    }
}

void gk_region_work(gk_region *r)
{
    if (r->enter == NULL) {
        work_on_chunks(r);
    } else if (atomic_load_explicit(&r->next, memory_order_relaxed) < r->chunks) {
        void *entered = r->enter(r->data);
        if (entered != NULL) {
            work_on_chunks(r);
            if (gk_self.region != r)
                return;
            r->leave(r->data, entered);
        } else if (gk_self.participant == 0) {
            cancel(r, GK_NO_MEMORY);
        }
    }
    if (gk_self.region == r && r->slot >= 0)
        withdraw_offer(r->slot);
}

int gk_participant(void)
{
    return gk_self.participant;
}

int gk_participants(const gk_options *options)
{
    int threads = options != NULL && options->threads > 0 ? options->threads : gk_num_threads();
    return threads < GK_MAX_THREADS ? threads : GK_MAX_THREADS;
}

/* ---- Expectations: is it worth waking somebody before the first chunk? ---- */

/* What an item of a body took the last time: the body's address (upper half)
 * and the nanoseconds as a float. A body that was not met, or whose place
 * another one took, is unknown. */
static _Atomic uint64_t memories[64];

static _Atomic uint64_t *memory_of(gk_body *body, uint64_t *tag)
{
    uint64_t hash = (uint64_t)(uintptr_t)body * UINT64_C(0x9e3779b97f4a7c15);
    *tag = hash << 32;
    return &memories[hash >> 58];
}

static void remember_item(gk_body *body, float nanoseconds)
{
    uint64_t tag;
    uint32_t bits;
    _Atomic uint64_t *memory = memory_of(body, &tag);
    memcpy(&bits, &nanoseconds, sizeof bits);
    atomic_store_explicit(memory, tag | bits, memory_order_relaxed);
}

static int expected_to_be_long(const gk_region *r)
{
    uint64_t tag, seen = atomic_load_explicit(memory_of(r->body, &tag), memory_order_relaxed);
    if (seen >> 32 != tag >> 32) {
        /* With many chunks, the first ones will tell in time. */
        return r->chunks < 4 * (int64_t)r->threads;
    }
    uint32_t bits = (uint32_t)seen;
    float nanoseconds;
    memcpy(&nanoseconds, &bits, sizeof bits);
    return nanoseconds * (float)r->n >= (float)(2 * WORTH_WAKING);
}

/* Whether this thread's last regions were alone although one followed another
 * so closely that a woken worker would have found them by spinning. */
static int lonely(int64_t now)
{
    if (now - gk_self.last_end > GK_DEFAULT_SPIN)
        gk_self.alone_for = 0;
    return gk_self.alone_for > LONELY;
}

static void remember(const gk_region *r, int64_t now)
{
    int64_t lasted = now - r->started;
    int alone = atomic_load_explicit(&r->participants, memory_order_relaxed) == 0;
    remember_item(r->body, (float)lasted / (float)(r->own_chunks * r->grain + 1));
    gk_self.last_end = now;
    /* Regions too short for a spinning worker to join do not count. */
    if (!alone || !r->asleep)
        gk_self.alone_for = 0;
    else if (lasted >= 2 * GK_MICROSECOND)
        gk_self.alone_for += lasted;
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
        .enter = options->enter,
        .leave = options->leave,
        .n = n,
        .grain = options->grain > 0 ? options->grain : gk_default_grain(n),
        .threads = gk_participants(options),
        .slot = -1,
        .token = options->token,
        .parent = parent,
        .independent = parent != NULL && parent->detached > 0,
        .poll = options->poll,
        .poll_context = options->poll_context,
        .deadline = options->deadline,
        .eager = options->eager,
    };
    r.chunks = (n - 1) / r.grain + 1;
    if (r.chunks < r.threads)
        r.threads = (int)r.chunks;
    if (r.poll != NULL)
        r.poll_owner = &r;
    if (parent != NULL && parent_participant == 0 && !r.independent) {
        /* This thread owes the outer region's caller the same attention. */
        if (r.poll == NULL)
            r.poll_owner = parent->poll_owner;
        if (parent->deadline != 0 && (r.deadline == 0 || parent->deadline < r.deadline))
            r.deadline = parent->deadline;
    }
    gk_self.region = &r;
    gk_self.participant = 0;
    /* Once for each running caller, or gk_pool_stop() would take the pool for idle. */
    r.counted = !gk_inside_published(parent);
    if (r.threads > 1)
        publish(&r);
    if (r.slot >= 0 || r.poll != NULL || r.deadline != 0) {
        r.started = gk_now();
        r.next_poll = r.started + FIRST_POLL_AFTER;
        if (r.deadline != 0 && r.started >= r.deadline)
            cancel(&r, GK_TIMEOUT);
    }
    if (r.slot >= 0) {
        r.asleep = 1;
        r.eager |= lonely(r.started) || expected_to_be_long(&r);
        if (r.eager)
            consider_waking(&r, r.started);
    }
    gk_region_work(&r);
    if (r.slot >= 0) {
        remember(&r, gk_now());
        retire(&r);
    }
    gk_self.region = r.parent; /* which a fork may have changed */
    gk_self.participant = parent_participant;
    return atomic_load_explicit(&r.status, memory_order_relaxed);
}
