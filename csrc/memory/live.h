/* A table of the blocks in use: their addresses and sizes. Not thread-safe. */
#ifndef GK_MEMORY_LIVE_H
#define GK_MEMORY_LIVE_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uintptr_t address; /* 0: the slot is free */
    size_t size;
} gk_live_block;

/* All zero is an empty table. */
typedef struct {
    gk_live_block *places;
    size_t capacity; /* power of two */
    size_t count;
} gk_live;

/* Adds a block, or replaces the one of the same address. Returns 0 if there is no memory. */
int gk_live_add(gk_live *live, void *block, size_t size);

/* The size of a block; 0: not in the table. */
size_t gk_live_size(const gk_live *live, const void *block);

/* Removes a block and returns its size; 0: not in the table. */
size_t gk_live_remove(gk_live *live, const void *block);

/* Empties the table and frees its memory. */
void gk_live_clear(gk_live *live);

#endif
