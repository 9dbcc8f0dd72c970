/* 64-bit counters that many threads add to, in four kinds:
 *
 *   racy     reads, adds, writes; loses updates, to demonstrate the race
 *   locked   the same under a gk_lock
 *   atomic   one fetch-and-add
 *   sharded  several cells, summed up when read
 *
 * An addition that would leave the range of int64_t fails and changes nothing. A plain
 * fetch-and-add cannot do this, since it detects an overflow only after it has happened.
 * So a counter that has moved further than GK_COUNTER_FAR from zero is permanently marked
 * careful. From then on, additions check the sum first and use compare-and-set (or a
 * lock). Between the mark and the end of the range there is room for one fast addition,
 * of at most GK_COUNTER_STEP, by each of four million threads.
 */
#ifndef GK_SYNC_COUNTER_H
#define GK_SYNC_COUNTER_H

#include <stdint.h>

#include "base/compiler.h"
#include "sync/lock.h"

#define GK_COUNTER_FAR (INT64_C(1) << 62)
#define GK_COUNTER_STEP (INT64_C(1) << 40)

/* Racy, locked and atomic. The fields that every addition writes are on other cache lines
 * than those it only reads. */
typedef struct {
    gk_lock lock;
    _Atomic int64_t value;
    char padding[GK_CACHE_LINE - sizeof(gk_lock) - sizeof(int64_t)];
    _Atomic uint32_t careful;
    _Atomic uint32_t references;
    void *memory;
    char more_padding[GK_CACHE_LINE - 2 * sizeof(uint32_t) - sizeof(void *)];
} gk_counter;

/* Returns a counter with one reference, or NULL if there is no memory. Releasing the last
 * reference frees it. */
gk_counter *gk_counter_new(int64_t value);
void gk_counter_retain(gk_counter *counter);
void gk_counter_release(gk_counter *counter);

GK_INLINE int gk_add_overflows(int64_t value, int64_t n)
{
    return n > 0 ? value > INT64_MAX - n : value < INT64_MIN - n;
}

GK_INLINE int gk_is_beyond(int64_t value, int64_t limit)
{
    return value > limit || value < -limit;
}

GK_INLINE int64_t gk_counter_value(gk_counter *c)
{
    return atomic_load(&c->value);
}

/* All return GK_OK or GK_OVERFLOW. */

GK_INLINE int gk_racy_add(gk_counter *c, int64_t n)
{
    int64_t value = atomic_load_explicit(&c->value, memory_order_relaxed);
    if (GK_UNLIKELY(gk_add_overflows(value, n)))
        return GK_OVERFLOW;
    atomic_store_explicit(&c->value, value + n, memory_order_relaxed);
    return GK_OK;
}

/* *sum: the value after this addition. */
GK_INLINE int gk_atomic_add(gk_counter *c, int64_t n, int64_t *sum)
{
    if (GK_LIKELY(!gk_is_beyond(n, GK_COUNTER_STEP) &&
                  !atomic_load_explicit(&c->careful, memory_order_relaxed))) {
        *sum = (int64_t)((uint64_t)atomic_fetch_add(&c->value, n) + (uint64_t)n);
        if (GK_UNLIKELY(gk_is_beyond(*sum, GK_COUNTER_FAR)))
            atomic_store(&c->careful, 1);
        return GK_OK;
    }
    int64_t value = atomic_load(&c->value);
    do {
        if (gk_add_overflows(value, n))
            return GK_OVERFLOW;
        *sum = value + n;
    } while (!atomic_compare_exchange_weak(&c->value, &value, *sum));
    if (gk_is_beyond(*sum, GK_COUNTER_FAR))
        atomic_store(&c->careful, 1);
    return GK_OK;
}

/* Sets the value to `wanted` if it is `expected`; otherwise returns 0 and changes nothing. */
int gk_atomic_compare_and_set(gk_counter *counter, int64_t expected, int64_t wanted);

/* Sets the value and returns the previous one. */
int64_t gk_atomic_exchange(gk_counter *counter, int64_t value);

/* Addition to the locked counter. Can also return the status of a failed wait. */
int gk_locked_add(gk_counter *counter, int64_t n, int64_t *sum, const gk_wait_options *wait_options);
int gk_locked_compare_and_set(gk_counter *counter, int64_t expected, int64_t wanted);
int64_t gk_locked_exchange(gk_counter *counter, int64_t value);
int64_t gk_locked_value(gk_counter *counter);

/* Sharded. Threads share a fixed number of cells, to which they add atomically and with
 * little contention. A thread that adds very often takes a cell of its own, to which it
 * adds with a plain load and store. */

typedef struct gk_sharded gk_sharded;
typedef struct gk_cell gk_cell;

/* Without padding, cells share cache lines, to show what that costs. */
gk_sharded *gk_sharded_new(int padded);
void gk_sharded_retain(gk_sharded *counter);
void gk_sharded_release(gk_sharded *counter);

int gk_sharded_add(gk_sharded *counter, int64_t n);

/* A cell for one thread at a time; NULL: no memory. Its additions stay counted after it is
 * given back. */
gk_cell *gk_sharded_take_cell(gk_sharded *counter);
void gk_sharded_give_cell(gk_sharded *counter, gk_cell *cell);
int gk_sharded_add_to_cell(gk_sharded *counter, gk_cell *cell, int64_t n);

/* Includes every addition that ended before this call, and none that begins after it.
 * Additions during the call may or may not be included. */
int64_t gk_sharded_value(gk_sharded *counter);

/* Resets the counter to zero and returns the previous value. */
int64_t gk_sharded_reset(gk_sharded *counter);

#endif
