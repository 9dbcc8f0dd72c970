/* For the programs with counters: memory that is not allocated. What frees it writes to `plain`,
 * which GenMC reports as a race if another thread may still use the memory. */
#ifndef COUNTER_STUBS_H
#define COUNTER_STUBS_H

#include "stubs.h"

#ifndef WORDS
#  define WORDS 256
#endif

static uint64_t memory[WORDS];
static size_t used;
static int plain;

/* One thread at a time: before the others begin, or under a lock. */
static void *zeroed(size_t size)
{
    void *address = memory + used;
    used += (size + 7) / 8;
    assert(used <= WORDS);
    return address;
}

#define calloc(count, size) zeroed((count) * (size))
#define free(pointer) (plain = 0)

#include "queue_stubs.h"
#include "sync/lock.c"
#include "sync/counter.c"
#include "sync/sharded.c"

#endif
