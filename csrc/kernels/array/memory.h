/* Size arithmetic that saturates, and interruptible memset and memcpy of large blocks. */
#ifndef GK_ARRAY_MEMORY_H
#define GK_ARRAY_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "runtime/parallel.h"

/* a * b for sizes >= 0; INT64_MAX if the product is larger than that. */
GK_INLINE int64_t gk_times(int64_t a, int64_t b)
{
    return b != 0 && a > INT64_MAX / b ? INT64_MAX : a * b;
}

/* n / size rounded up, for n >= 0 and size > 0. Does not overflow. */
GK_INLINE int64_t gk_ceil_div(int64_t n, int64_t size)
{
    return n / size + (n % size != 0);
}

/* Uninitialised memory for count items of `size` bytes. NULL if there is not enough, or if the size overflows. */
void *gk_allocate(int64_t count, int64_t size);

/* The same for scratch memory. Of what is released, one block of up to GK_SCRATCH_KEPT bytes, as much as glibc keeps of its
 * own, serves the next call: the operating system needs as long to clear the pages of new memory as a short sort takes. */
enum { GK_SCRATCH_KEPT = 32 << 20 };
void *gk_scratch_allocate(int64_t count, int64_t size);
void gk_scratch_release(void *scratch);

/* Tables that different threads write must not share a cache line. gk_whole_lines() returns the least number of items, at
 * least n, that fills whole lines; the size of an item is a power of 2. gk_next_line() returns the start of the first line
 * in a block, which must have GK_CACHE_LINE bytes to spare. */
GK_INLINE int64_t gk_whole_lines(int64_t n, int64_t size)
{
    int64_t items = size < GK_CACHE_LINE ? GK_CACHE_LINE / size : 1;
    return gk_ceil_div(n, items) * items;
}

GK_INLINE void *gk_next_line(void *block)
{
    return (char *)block + (GK_CACHE_LINE - (uintptr_t)block % GK_CACHE_LINE) % GK_CACHE_LINE;
}

/* memset(to, 0, bytes) and memcpy(to, from, bytes) on all threads. Clearing a gigabyte of new pages takes a second, so
 * the options' deadline, token and poll apply. Return the status of the region. */
int gk_clear(void *to, int64_t bytes, const gk_options *options);
int gk_copy(void *to, const void *from, int64_t bytes, const gk_options *options);

#endif
