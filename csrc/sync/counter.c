#include "sync/counter.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(gk_counter) == 2 * GK_CACHE_LINE, "a counter is two cache lines");

gk_counter *gk_counter_new(int64_t value)
{
    /* Not every system has aligned_alloc(). */
    void *memory = calloc(1, sizeof(gk_counter) + GK_CACHE_LINE);
    if (memory == NULL)
        return NULL;
    uintptr_t address = ((uintptr_t)memory + GK_CACHE_LINE - 1) / GK_CACHE_LINE * GK_CACHE_LINE;
    gk_counter *c = (gk_counter *)address;
    c->memory = memory;
    atomic_init(&c->references, 1);
    atomic_init(&c->value, value);
    atomic_init(&c->careful, (uint32_t)gk_is_beyond(value, GK_COUNTER_FAR));
    return c;
}

void gk_counter_retain(gk_counter *c)
{
    atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
}

void gk_counter_release(gk_counter *c)
{
    if (atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) == 1)
        free(c->memory);
}

/* Atomic. */

int gk_atomic_compare_and_set(gk_counter *c, int64_t expected, int64_t wanted)
{
    if (gk_is_beyond(wanted, GK_COUNTER_FAR))
        atomic_store(&c->careful, 1);
    return atomic_compare_exchange_strong(&c->value, &expected, wanted);
}

int64_t gk_atomic_exchange(gk_counter *c, int64_t value)
{
    if (gk_is_beyond(value, GK_COUNTER_FAR))
        atomic_store(&c->careful, 1);
    return atomic_exchange(&c->value, value);
}

/* Locked. */

int gk_locked_add(gk_counter *c, int64_t n, int64_t *sum, const gk_wait_options *p)
{
    int status = gk_lock_acquire(&c->lock, p);
    if (status != GK_OK)
        return status;
    status = gk_racy_add(c, n);
    *sum = atomic_load_explicit(&c->value, memory_order_relaxed);
    gk_lock_release(&c->lock);
    return status;
}

int gk_locked_compare_and_set(gk_counter *c, int64_t expected, int64_t wanted)
{
    gk_lock_acquire(&c->lock, NULL);
    int equal = atomic_load_explicit(&c->value, memory_order_relaxed) == expected;
    if (equal)
        atomic_store_explicit(&c->value, wanted, memory_order_relaxed);
    gk_lock_release(&c->lock);
    return equal;
}

int64_t gk_locked_exchange(gk_counter *c, int64_t value)
{
    gk_lock_acquire(&c->lock, NULL);
    int64_t before = atomic_load_explicit(&c->value, memory_order_relaxed);
    atomic_store_explicit(&c->value, value, memory_order_relaxed);
    gk_lock_release(&c->lock);
    return before;
}

int64_t gk_locked_value(gk_counter *c)
{
    gk_lock_acquire(&c->lock, NULL);
    int64_t value = atomic_load_explicit(&c->value, memory_order_relaxed);
    gk_lock_release(&c->lock);
    return value;
}
