#include "memory/blocks.h"

#include <stdatomic.h>
#include <string.h>

#ifndef _WIN32
#  include <pthread.h>
#endif

#include "base/memory.h"
#include "base/thread.h"
#include "memory/live.h"
#include "memory/pages.h"

typedef struct {
    void *block;
    size_t size;
    int64_t since;  /* when it was stored here */
    uint64_t order; /* counts the puts, because times may be equal */
    int lent;
} kept;

static struct {
    _Atomic int open;
    const gk_block_source *_Atomic source;
    _Atomic size_t min_size;
    _Atomic int64_t clock_offset;
    /* Below: protected by the lock. */
    _Atomic uint32_t locked;
    size_t limit;
    gk_live live; /* the real sizes of blocks in use that were allocated through here */
    kept kept[GK_BLOCKS_MAX]; /* in the order of their puts */
    int count;
    size_t bytes, hot; /* bytes in `kept`; bytes of these that are not lent */
    uint64_t hits, misses, puts;
    int64_t available; /* memory of the system that may be populated, as of `measured` */
    int64_t measured;
} cache;

/* ---- The lock, which is held for less than a microsecond, and while the process forks ---- */

static void lock(void)
{
    while (atomic_exchange_explicit(&cache.locked, 1, memory_order_acquire) != 0)
        gk_thread_yield();
}

static void unlock(void)
{
    atomic_store_explicit(&cache.locked, 0, memory_order_release);
}

#ifndef _WIN32
static pthread_once_t watch_once = PTHREAD_ONCE_INIT;

static void watch_forks(void)
{
    pthread_atfork(lock, unlock, unlock);
}
#endif

static int is_open(void)
{
    return atomic_load_explicit(&cache.open, memory_order_acquire);
}

static const gk_block_source *source(void)
{
    return atomic_load_explicit(&cache.source, memory_order_acquire);
}

static int is_worth_keeping(size_t size)
{
    return is_open() && size >= atomic_load_explicit(&cache.min_size, memory_order_relaxed);
}

static int64_t now(void)
{
    return gk_now_coarse() + atomic_load_explicit(&cache.clock_offset, memory_order_relaxed);
}

void gk_blocks_advance_clock(int64_t nanoseconds)
{
    atomic_fetch_add(&cache.clock_offset, nanoseconds);
}

/* ---- The blocks that are kept. These functions need the lock ---- */

static kept take_out(int i)
{
    kept k = cache.kept[i];
    cache.count--;
    memmove(&cache.kept[i], &cache.kept[i + 1], (size_t)(cache.count - i) * sizeof k);
    cache.bytes -= k.size;
    cache.hot -= k.lent ? 0 : k.size;
    return k;
}

/* Keeps the order by age: a block that comes back from being lent is not the newest. */
static void put_in(kept k)
{
    int i = cache.count;
    while (i > 0 && cache.kept[i - 1].order > k.order)
        i--;
    memmove(&cache.kept[i + 1], &cache.kept[i], (size_t)(cache.count - i) * sizeof k);
    cache.kept[i] = k;
    cache.count++;
    cache.bytes += k.size;
    cache.hot += k.lent ? 0 : k.size;
}

/* The smallest block that fits, and among those the one used last, whose data may still be
 * in the processor's caches; -1: none. */
static int find_fit(size_t size)
{
    int best = -1;
    for (int i = cache.count - 1; i >= 0; i--) {
        size_t has = cache.kept[i].size;
        if (has >= size && has - size <= size / 8 && (best < 0 || has < cache.kept[best].size))
            best = i;
    }
    return best;
}

/* The oldest block whose pages must be lent; -1: none. */
static int find_to_lend(void)
{
    for (int i = 0; cache.hot > GK_BLOCKS_HOT && i < cache.count; i++)
        if (!cache.kept[i].lent)
            return i;
    return -1;
}

static int is_too_much(int64_t time)
{
    return cache.count > 0 && (cache.bytes > cache.limit || cache.count == GK_BLOCKS_MAX ||
                               time - cache.kept[0].since > GK_BLOCKS_MAX_AGE);
}

/* ---- Giving back ---- */

/* The allocator below may keep freed memory for itself, so the pages go first. */
static void give_back(void *block, size_t size)
{
    gk_pages_give_back(block, size);
    source()->release(source()->context, block, size);
}

/* Gives back blocks that are old or too many, and lends the pages of those not needed soon.
 * Both take long, so they happen outside the lock, to blocks that no other thread can find. */
static void tidy(void)
{
    int64_t time = now();
    lock();
    while (is_too_much(time)) {
        kept k = take_out(0);
        unlock();
        give_back(k.block, k.size);
        lock();
    }
    for (int i; (i = find_to_lend()) >= 0;) {
        kept k = take_out(i);
        unlock();
        gk_pages_lend(k.block, k.size);
        k.lent = 1; /* or cannot be, and need not be tried again */
        lock();
        if (is_open() && cache.count < GK_BLOCKS_MAX && k.size <= cache.limit) {
            put_in(k);
            continue;
        }
        unlock();
        give_back(k.block, k.size);
        lock();
    }
    unlock();
}

size_t gk_blocks_trim(void)
{
    size_t bytes = 0;
    lock();
    while (cache.count > 0) {
        kept k = take_out(cache.count - 1);
        bytes += k.size;
        unlock();
        give_back(k.block, k.size);
        lock();
    }
    unlock();
    return bytes;
}

/* ---- Opening and closing ---- */

void gk_blocks_open(const gk_block_source *from, const gk_block_options *options)
{
#ifndef _WIN32
    pthread_once(&watch_once, watch_forks);
#endif
    lock();
    if (!is_open()) {
        atomic_store_explicit(&cache.source, from, memory_order_release);
        cache.hits = cache.misses = 0;
    }
    cache.limit = options->limit;
    atomic_store(&cache.min_size, options->min_size > 0 ? options->min_size : GK_BLOCKS_MIN_SIZE);
    atomic_store_explicit(&cache.open, 1, memory_order_release);
    unlock();
    tidy();
}

void gk_blocks_close(void)
{
    lock();
    atomic_store_explicit(&cache.open, 0, memory_order_release);
    /* From now on, blocks are freed without being seen here, and their addresses used again. */
    gk_live_clear(&cache.live);
    unlock();
    gk_blocks_trim();
}

/* ---- Allocating ---- */

/* Up by at most 1/16, so a slightly longer block can be reused. */
static size_t rounded(size_t size)
{
    size_t step = 1;
    while (step <= size / 32)
        step *= 2;
    return size > SIZE_MAX - step ? size : (size + step - 1) & ~(step - 1);
}

/* Whether to get the pages now. It pays only for small pages: with huge ones, the threads
 * that write the block get them as quickly, and a block that is never written costs nothing.
 * docs/memory.md has the measurements. */
static int is_worth_populating(size_t size)
{
    if (size > GK_BLOCKS_POPULATE_MAX || gk_pages_are_huge(size, source()->advises_huge_pages))
        return 0;
    int64_t time = now();
    lock();
    int is_old = time - cache.measured > GK_SECOND || cache.measured == 0;
    unlock();
    int64_t available = is_old ? gk_memory_available("") : 0;
    lock();
    if (is_old) {
        cache.available = available / 8;
        cache.measured = time;
    }
    int worth = (int64_t)size <= cache.available;
    if (worth)
        cache.available -= (int64_t)size;
    unlock();
    return worth;
}

/* Asks the source, and asks it again once all that is kept has been given back. */
static void *from_source(size_t size, int zeroed)
{
    const gk_block_source *s = source();
    for (;;) {
        void *block = zeroed ? s->allocate_zeroed(s->context, size) : s->allocate(s->context, size);
        if (block != NULL || gk_blocks_trim() == 0)
            return block;
    }
}

static void note_in_use(void *block, size_t size)
{
    lock();
    if (is_open())
        gk_live_add(&cache.live, block, size); /* without memory: the block will not be kept */
    unlock();
}

/* Allocates a new block and records its size. Tries the exact size if the rounded size does not
 * fit. */
static void *new_block(size_t size, int zeroed)
{
    size_t bytes = rounded(size);
    void *block = from_source(bytes, zeroed);
    if (block == NULL && bytes > size)
        block = from_source(bytes = size, zeroed);
    if (block == NULL)
        return NULL;
    note_in_use(block, bytes);
    if (!zeroed && is_worth_populating(size))
        gk_pages_populate(block, size);
    return block;
}

void *gk_blocks_allocate(size_t size, int zeroed)
{
    if (!is_worth_keeping(size)) {
        const gk_block_source *s = source();
        return zeroed ? s->allocate_zeroed(s->context, size) : s->allocate(s->context, size);
    }
    /* glibc, too, reuses and clears memory up to this size. Clearing more would be wasted if only a
     * part is used. */
    int reuse = !zeroed || size <= GK_BLOCKS_CLEAR_MAX;
    kept found = {.block = NULL};
    lock();
    int i = find_fit(size);
    if (i >= 0) {
        found = take_out(i);
        /* Without memory for the table, the block will not be kept again. */
        if (reuse)
            gk_live_add(&cache.live, found.block, found.size);
    }
    if (i >= 0 && reuse)
        cache.hits++;
    else
        cache.misses++;
    unlock();
    void *block = found.block;
    if (!reuse || block == NULL) {
        /* It goes back to the source, or repeated requests for zeros would fill the cache. */
        if (block != NULL)
            give_back(found.block, found.size);
        block = new_block(size, zeroed);
    } else if (zeroed) {
        gk_pages_clear(block, size);
    }
    tidy();
    return block;
}

void gk_blocks_release(void *block, size_t size)
{
    if (block == NULL || !is_worth_keeping(size)) {
        source()->release(source()->context, block, size);
        return;
    }
    lock();
    size_t has = gk_live_remove(&cache.live, block);
    int keep = has > 0 && has <= cache.limit && cache.count < GK_BLOCKS_MAX;
    if (keep)
        put_in((kept){block, has, now(), cache.puts++, 0});
    unlock();
    if (!keep)
        source()->release(source()->context, block, size);
    if (has > 0)
        tidy();
}

void *gk_blocks_reallocate(void *block, size_t size)
{
    const gk_block_source *s = source();
    if (!is_open())
        return s->reallocate(s->context, block, size);
    if (block == NULL)
        return gk_blocks_allocate(size, 0);
    lock();
    size_t had = gk_live_remove(&cache.live, block); /* first: another thread may get the address at once */
    unlock();
    void *moved;
    do
        moved = s->reallocate(s->context, block, size);
    while (moved == NULL && gk_blocks_trim() > 0);
    if (moved != NULL && is_worth_keeping(size))
        note_in_use(moved, size);
    else if (moved == NULL && had > 0)
        note_in_use(block, had); /* it stays as it was */
    return moved;
}

/* ---- Questions ---- */

gk_block_statistics gk_blocks_get_statistics(void)
{
    lock();
    gk_block_statistics s = {cache.bytes, (size_t)cache.count, cache.limit, cache.hits, cache.misses};
    unlock();
    return s;
}

size_t gk_blocks_default_limit(void)
{
    int64_t most = INT64_C(1) << 30, unknown = INT64_C(64) << 20, share = gk_memory_total("") / 8;
    return (size_t)(share == 0 ? unknown : share < most ? share : most);
}
