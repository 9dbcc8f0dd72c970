/* Open addressing with linear probing. At most half of the slots are taken. A removal moves
 * later blocks back, so no tombstones pile up in a program that runs for months. */
#include "memory/live.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 256 };

/* Large blocks differ in the bits above those of a page, so multiply and take the top. */
static size_t home(const gk_live *live, uintptr_t address)
{
    uint64_t hash = (uint64_t)address * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(hash >> 32) & (live->capacity - 1);
}

/* The slot of the address, or the free slot where it belongs. */
static size_t find(const gk_live *live, uintptr_t address)
{
    size_t i = home(live, address);
    while (live->places[i].address != 0 && live->places[i].address != address)
        i = (i + 1) & (live->capacity - 1);
    return i;
}

static int grow(gk_live *live)
{
    gk_live larger = {NULL, live->capacity == 0 ? FIRST_CAPACITY : 2 * live->capacity, live->count};
    larger.places = calloc(larger.capacity, sizeof *larger.places);
    if (larger.places == NULL)
        return 0;
    for (size_t i = 0; i < live->capacity; i++)
        if (live->places[i].address != 0)
            larger.places[find(&larger, live->places[i].address)] = live->places[i];
    free(live->places);
    *live = larger;
    return 1;
}

int gk_live_add(gk_live *live, void *block, size_t size)
{
    if (2 * live->count >= live->capacity && !grow(live))
        return 0;
    gk_live_block *place = &live->places[find(live, (uintptr_t)block)];
    live->count += place->address == 0;
    *place = (gk_live_block){(uintptr_t)block, size};
    return 1;
}

size_t gk_live_size(const gk_live *live, const void *block)
{
    return live->capacity == 0 ? 0 : live->places[find(live, (uintptr_t)block)].size;
}

size_t gk_live_remove(gk_live *live, const void *block)
{
    size_t size = gk_live_size(live, block);
    if (size == 0)
        return 0;
    size_t mask = live->capacity - 1, hole = find(live, (uintptr_t)block);
    for (size_t i = (hole + 1) & mask; live->places[i].address != 0; i = (i + 1) & mask) {
        /* A block may move back to the hole unless that is before its home. */
        size_t from_home = (i - home(live, live->places[i].address)) & mask;
        if (from_home >= ((i - hole) & mask)) {
            live->places[hole] = live->places[i];
            hole = i;
        }
    }
    live->places[hole] = (gk_live_block){0, 0};
    live->count--;
    return size;
}

void gk_live_clear(gk_live *live)
{
    free(live->places);
    *live = (gk_live){NULL, 0, 0};
}
