/* An allocator for the tests of csrc/memory: it counts, it can fail, and what it gives is not zero by chance. */
#ifndef MEMORY_SOURCE_H
#define MEMORY_SOURCE_H

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "memory/blocks.h"

static _Atomic int64_t source_blocks, source_calls; /* in use now; allocations so far */
static _Atomic int64_t source_room = INT64_MAX;     /* how many blocks it has left */

static int source_get(void)
{
    atomic_fetch_add(&source_calls, 1);
    if (atomic_fetch_sub(&source_room, 1) > 0) {
        atomic_fetch_add(&source_blocks, 1);
        return 1;
    }
    atomic_fetch_add(&source_room, 1);
    return 0;
}

static void *source_allocate(void *context, size_t size)
{
    CHECK(context == &source_blocks);
    if (!source_get())
        return NULL;
    char *block = malloc(size);
    CHECK(block != NULL);
    memset(block, 0x77, size < 4096 ? size : 4096);
    return block;
}

static void *source_allocate_zeroed(void *context, size_t size)
{
    CHECK(context == &source_blocks);
    return source_get() ? calloc(1, size) : NULL;
}

static void *source_reallocate(void *context, void *block, size_t size)
{
    CHECK(context == &source_blocks);
    atomic_fetch_add(&source_calls, 1);
    if (atomic_load(&source_room) <= 0)
        return NULL;
    if (block == NULL)
        atomic_fetch_add(&source_blocks, 1);
    return realloc(block, size);
}

static void source_release(void *context, void *block, size_t size)
{
    (void)size;
    CHECK(context == &source_blocks);
    if (block != NULL) {
        atomic_fetch_sub(&source_blocks, 1);
        if (atomic_load(&source_room) < INT64_MAX / 2)
            atomic_fetch_add(&source_room, 1);
    }
    free(block);
}

static const gk_block_source SOURCE = {source_allocate, source_allocate_zeroed, source_reallocate,
                                       source_release,  &source_blocks,         0};

#endif
