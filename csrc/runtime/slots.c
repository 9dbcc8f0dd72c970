/* Publishes, joins, leaves and retires regions. README.md describes the protocol; a
 * name in brackets, such as [offer-park], is one of its races. */
#include "runtime/slots.h"

#include <stddef.h>

#include "base/clock.h"
#include "base/park.h"
#include "runtime/cancel.h"

/* How often a caller that waits for its helpers attends to its duties. */
static const int64_t LOOK_UP_EVERY = 5 * GK_MILLISECOND;

/* A slot's word says whether its region accepts helpers, how many more, and how many
 * are inside. It is one word, so joining and retiring cannot both win [join-retire]. */
enum {
    HELPERS = 0x0fff, /* helpers inside */
    ROOM_ONE = 0x1000,
    ROOM = 0xfff000, /* places left for helpers */
    OPEN = 1 << 24,
    RESERVED = 1 << 25, /* a caller owns the slot */
    WAITED = 1 << 26,   /* the caller sleeps until the last helper has left */
    FOREIGN = 1 << 27,  /* a foreign region */
};

static struct slot {
    _Alignas(GK_CACHE_LINE) _Atomic uint32_t word;
    gk_region *region;
    _Atomic uint32_t progress; /* changes with every foreign region and every claim of its caller */
} slots[GK_SLOTS];

/* Bits 0..47: slots whose region wants helpers. Above: the number of callers in
 * regions. It is one word because publishing changes both. */
#define CALLER (UINT64_C(1) << GK_SLOTS)
static _Alignas(GK_CACHE_LINE) _Atomic uint64_t work_mask;

uint64_t gk_offers(void)
{
    return atomic_load(&work_mask) & (CALLER - 1);
}

int gk_callers(void)
{
    return (int)(atomic_load(&work_mask) / CALLER);
}

int gk_helpers_inside(void)
{
    for (int i = 0; i < GK_SLOTS; i++)
        if ((atomic_load(&slots[i].word) & HELPERS) != 0)
            return 1;
    return 0;
}

int gk_foreign_offer(void)
{
    uint64_t offered = gk_offers();
    for (int i = 0; offered >> i != 0; i++) {
        uint32_t word = atomic_load(&slots[i].word);
        if ((offered >> i & 1) != 0 && (word & FOREIGN) != 0 && (word & ROOM) != 0)
            return (int)((word & ROOM) / ROOM_ONE + (word & HELPERS));
    }
    return 0;
}

int gk_stuck_offer(uint32_t progress[GK_SLOTS])
{
    uint64_t offered = gk_offers();
    int stuck = -1;
    for (int i = 0; i < GK_SLOTS; i++) {
        uint32_t word = atomic_load(&slots[i].word), now = atomic_load_explicit(&slots[i].progress, memory_order_relaxed);
        if ((offered >> i & 1) != 0 && (word & FOREIGN) != 0 && (word & ROOM) != 0 && now == progress[i])
            stuck = i;
        progress[i] = now;
    }
    return stuck;
}

/* ---- Caller's side ---- */

/* Only the caller that owns the slot writes this. */
void gk_show_progress(int slot)
{
    _Atomic uint32_t *progress = &slots[slot].progress;
    atomic_store_explicit(progress, atomic_load_explicit(progress, memory_order_relaxed) + 1, memory_order_relaxed);
}

void gk_publish(gk_region *r)
{
    if (gk_self.preferred_slot == 0) {
        static _Atomic uint32_t threads;
        gk_self.preferred_slot = 1 + (int)(atomic_fetch_add(&threads, 1) % GK_SLOTS);
    }
    int first = gk_self.preferred_slot - 1;
    /* Everything but OPEN is written before the bit is set: a worker that stops looking for work must see
     * from the bit and the word that the region is foreign [look-away]. */
    uint32_t unopened = RESERVED | (r->foreign ? FOREIGN : 0) | (uint32_t)(r->threads - 1) * ROOM_ONE;
    for (int i = 0; i < GK_SLOTS; i++) {
        int index = first + i < GK_SLOTS ? first + i : first + i - GK_SLOTS;
        struct slot *s = &slots[index];
        uint32_t empty = 0;
        if (atomic_load_explicit(&s->word, memory_order_relaxed) != 0 ||
            !atomic_compare_exchange_strong_explicit(&s->word, &empty, unopened,
                                                     memory_order_acquire, memory_order_relaxed))
            continue;
        s->region = r;
        r->slot = index;
        if (r->foreign)
            gk_show_progress(index);
        GK_STEP();
        /* The bit of a free slot is 0, so the addition sets it. seq_cst: [offer-park].
         * This comes before the slot opens: the helper that takes the last place
         * withdraws the offer, and a bit set after that would remain without room,
         * so workers could neither join nor sleep [offer-open]. */
        atomic_fetch_add(&work_mask, (UINT64_C(1) << index) + (r->counted ? CALLER : 0));
        GK_STEP();
        /* Release: a helper that joins sees the region's fields [publish-join]. */
        atomic_store_explicit(&s->word, unopened | OPEN, memory_order_release);
        return;
    }
    /* Every slot is taken, and thus every core. The caller computes alone. */
}

void gk_withdraw_offer(int slot)
{
    uint64_t bit = UINT64_C(1) << slot;
    /* seq_cst: a caller that has cleared OPEN must not miss the bit of a helper that still
     * saw OPEN [give-back]. */
    if (atomic_load(&work_mask) & bit)
        atomic_fetch_and(&work_mask, ~bit);
}

/* Waits until no helper is inside. Attends to the caller's duties meanwhile if `has_duties`. */
static void wait_for_helpers(gk_region *r, _Atomic uint32_t *word, int has_duties)
{
    /* Helpers are in their last chunk, which usually ends in a moment. */
    int64_t spin_until = gk_now() + GK_WAKE_COST;
    for (int i = 1;; i++) {
        if ((atomic_load_explicit(word, memory_order_acquire) & HELPERS) == 0)
            return;
        if (i % 64 == 0 && gk_now() >= spin_until)
            break;
        gk_cpu_relax();
    }
    for (;;) {
        uint32_t seen = atomic_fetch_or(word, WAITED) | WAITED;
        if ((seen & HELPERS) == 0)
            return;
        GK_STEP();
        gk_wait(word, seen, has_duties ? gk_now() + LOOK_UP_EVERY : GK_FOREVER);
        if (has_duties)
            gk_region_poll_duties(r, gk_now());
        gk_region_ended(r); /* passes an end from outside on to the helpers */
    }
}

void gk_retire(gk_region *r)
{
    uint64_t bit = UINT64_C(1) << r->slot, seen = atomic_load_explicit(&work_mask, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&work_mask, &seen, (seen & ~bit) - (r->counted ? CALLER : 0)))
        ;
    r->counted = 0; /* if a poll below sets the region aside */
    _Atomic uint32_t *word = &slots[r->slot].word;
    GK_STEP();
    /* Clearing OPEN makes the count of helpers final: none can join after this
     * [join-retire]. Acquire: the caller sees the helpers' results. */
    uint32_t left = atomic_fetch_and(word, ~(uint32_t)OPEN);
    gk_withdraw_offer(r->slot); /* again: a place may have been given back [give-back] */
    if ((left & HELPERS) != 0)
        wait_for_helpers(r, word, gk_region_has_duties(r));
    GK_STEP();
    atomic_store_explicit(word, 0, memory_order_release);
}

/* ---- Regions of a caller whose stack may be moved ---- */

/* How often gk_slots_reset() was called: in a forked child, no slot belongs to a region. */
static _Atomic uint32_t resets;

/* Like gk_retire(), but the slot is kept, and the chunks that nobody has claimed are left
 * to the caller. */
static void end_sharing(gk_region *r)
{
    /* The helpers find no chunk, and leave. */
    int64_t next = atomic_exchange(&r->next, r->chunks);
    GK_STEP();
    _Atomic uint32_t *word = &slots[r->slot].word;
    atomic_fetch_and(word, ~(uint32_t)OPEN);
    gk_withdraw_offer(r->slot);
    wait_for_helpers(r, word, 0);
    if (r->counted)
        atomic_fetch_sub(&work_mask, CALLER);
    r->asleep = 0; /* no helper is wanted */
    atomic_store(&r->next, next);
}

void gk_set_regions_aside(gk_regions_aside *aside)
{
    *aside = (gk_regions_aside){gk_self.region, gk_self.participant, atomic_load(&resets)};
    for (gk_region *r = aside->innermost; r != NULL; r = r->parent)
        if (r->slot >= 0)
            end_sharing(r);
    gk_self.region = NULL;
    gk_self.participant = 0;
}

void gk_resume_regions(const gk_regions_aside *aside)
{
    int forked = atomic_load(&resets) != aside->resets;
    for (gk_region *r = aside->innermost; r != NULL; r = r->parent) {
        if (r->slot >= 0 && forked)
            r->slot = -1;
        else if (r->slot >= 0 && r->counted)
            atomic_fetch_add(&work_mask, CALLER);
    }
    gk_self.region = aside->innermost;
    gk_self.participant = aside->participant;
}

/* ---- Worker's side ---- */

/* Sets or clears the bit after a helper, which is still inside, has taken the last place or
 * given one back. If several do so at once, the one that writes the bit last sees the
 * word as it is then [give-back]. */
static void settle_offer(int slot)
{
    uint32_t seen = atomic_load(&slots[slot].word), settled;
    do {
        settled = seen;
        GK_STEP();
        if ((settled & OPEN) != 0 && (settled & ROOM) != 0)
            atomic_fetch_or(&work_mask, UINT64_C(1) << slot);
        else
            atomic_fetch_and(&work_mask, ~(UINT64_C(1) << slot));
        GK_STEP();
        seen = atomic_load(&slots[slot].word);
    } while (((seen ^ settled) & OPEN) != 0 || ((seen & ROOM) != 0) != ((settled & ROOM) != 0));
}

gk_region *gk_join(int slot)
{
    _Atomic uint32_t *word = &slots[slot].word;
    GK_STEP();
    uint32_t seen = atomic_load_explicit(word, memory_order_relaxed);
    do {
        if ((seen & OPEN) == 0 || (seen & ROOM) == 0)
            return NULL;
        /* seq_cst, not just acquire: the worker reads pool.closed next [close-join]. */
    } while (!atomic_compare_exchange_weak_explicit(word, &seen, seen + 1 - ROOM_ONE,
                                                    memory_order_seq_cst, memory_order_relaxed));
    GK_STEP();
    if ((seen & ROOM) == ROOM_ONE)
        settle_offer(slot); /* that was the last place */
    return slots[slot].region;
}

void gk_leave(int slot)
{
    _Atomic uint32_t *word = &slots[slot].word;
    GK_STEP();
    /* Release: the caller sees this helper's results [leave-return]. From here on the
     * region may no longer exist. The word itself is static, and waking a later user
     * of it is harmless. */
    uint32_t seen = atomic_fetch_sub(word, 1);
    if ((seen & HELPERS) == 1 && (seen & WAITED) != 0)
        gk_wake(word, GK_WAKE_ALL);
}

void gk_give_back(int slot)
{
    GK_STEP();
    atomic_fetch_add(&slots[slot].word, ROOM_ONE);
    settle_offer(slot);
    gk_leave(slot);
}

void gk_slots_reset(void)
{
    for (int i = 0; i < GK_SLOTS; i++)
        atomic_store(&slots[i].word, 0);
    atomic_store(&work_mask, 0);
    atomic_fetch_add(&resets, 1);
}
