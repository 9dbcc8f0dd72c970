/* Decides when a region wakes a worker. README.md gives the reasons. */
#include "runtime/waking.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "runtime/pool.h"
#include "runtime/region.h"
#include "runtime/slots.h"

/* A woken worker needs about as long to start computing as its wake-up cost the caller.
 * Only a region with at least twice that time left wakes one. */
static const int64_t WORTH_WAKING = 2 * GK_WAKE_COST;
/* Before this, elapsed time says little: the first chunks touch cold memory. */
static const int64_t TELLING = 5 * GK_MICROSECOND;
/* A thread that has computed alone for longer than this, in regions that follow one
 * another closely, wakes a worker, which finds the next regions by spinning. */
static const int64_t LONELY = 10 * GK_WAKE_COST;

/* How long an item of a body took last time: a hash of the body's address (upper half)
 * and the nanoseconds as a float. A body is unknown if it has not run yet, or if another
 * one has taken its place in the table. */
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
        /* With many chunks, the first ones show early enough how long the region will take. */
        return r->chunks < 4 * (int64_t)r->threads;
    }
    uint32_t bits = (uint32_t)seen;
    float nanoseconds;
    memcpy(&nanoseconds, &bits, sizeof bits);
    return nanoseconds * (float)r->n >= (float)(2 * WORTH_WAKING);
}

/* Whether this thread computed its last regions alone, although they followed one
 * another so closely that a woken worker would have found them by spinning. */
static int ran_alone(int64_t now)
{
    if (now - gk_self.last_end > GK_DEFAULT_SPIN)
        gk_self.alone_for = 0;
    return gk_self.alone_for > LONELY;
}

void gk_wake_before(gk_region *r)
{
    r->asleep = 1;
    r->eager |= ran_alone(r->started) || expected_to_be_long(r);
    if (r->eager)
        gk_wake_meanwhile(r, r->started);
    /* If the first chunk blocks, this thread cannot ask again. */
    if (r->foreign && r->asleep)
        gk_pool_watch(r);
}

void gk_wake_meanwhile(gk_region *r, int64_t now)
{
    int64_t claimed = atomic_load_explicit(&r->next, memory_order_relaxed);
    int64_t left = r->chunks - claimed, elapsed = now - r->started;
    /* The caller takes one chunk itself, so at least two must be left. */
    if (r->eager || (elapsed >= TELLING && left >= 2 &&
                     (double)elapsed * (double)left >= (double)WORTH_WAKING * (double)claimed)) {
        /* If refused because enough threads compute, this is repeated after a claim. */
        if ((gk_offers() >> r->slot & 1) == 0 || gk_pool_wake(1, r))
            r->asleep = 0;
    }
}

void gk_wake_record_cost(const gk_region *r, int64_t now)
{
    int64_t lasted = now - r->started;
    int alone = atomic_load_explicit(&r->participants, memory_order_relaxed) == 0;
    remember_item(r->body, (float)lasted / ((float)r->own_chunks * (float)r->grain + 1));
    gk_self.last_end = now;
    /* A region too short for a spinning worker to join does not count. */
    if (!alone || !r->asleep)
        gk_self.alone_for = 0;
    else if (lasted >= 2 * GK_MICROSECOND)
        gk_self.alone_for += lasted;
}
