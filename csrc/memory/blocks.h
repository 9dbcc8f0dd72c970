/* Large blocks of memory, kept for reuse.
 *
 * Half the time of `a + b` on large arrays is spent in the kernel: it clears the pages of the
 * result, and takes them away when the result is freed. A block that is kept has its pages already.
 *
 * Blocks come from the allocator below, the *source*, and in the end go back to it. Any
 * block may also be passed to the source directly, at any time, which is what happens to
 * those still in use when the cache is closed. Therefore there are no headers, and the
 * alignment is the source's.
 *
 * - Only blocks of at least `min_size` bytes are kept, at most GK_BLOCKS_MAX of them and at
 *   most `limit` bytes. The one unused for longest goes first.
 * - New blocks are rounded up by at most 1/16, and a block is reused if at most 1/8 of the
 *   request is wasted.
 * - A request for zeros reuses a block of at most GK_BLOCKS_CLEAR_MAX bytes, which is cleared.
 *   A longer one is always new: the kernel clears its pages when they are used, if ever.
 * - The pages of a new block are got at once (GK_BLOCKS_POPULATE_MAX, and an eighth of the
 *   memory that is available, at most) where the kernel has no huge pages for it.
 * - The last GK_BLOCKS_HOT bytes stay as they are. The pages of all other blocks are lent to
 *   the kernel: it takes them as soon as it is short of memory, without being asked.
 * - A block unused for GK_BLOCKS_MAX_AGE is given back at the next allocation or release of
 *   a large block.
 * - If the source has no memory, the cache is given back and the source asked again.
 *
 * Thread-safe. A forked child inherits the cache.
 */
#ifndef GK_MEMORY_BLOCKS_H
#define GK_MEMORY_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

enum {
    GK_BLOCKS_MAX = 256,
    GK_BLOCKS_MIN_SIZE = 1 << 20, /* the default of min_size */
    GK_BLOCKS_HOT = 64 << 20,
    GK_BLOCKS_POPULATE_MAX = 256 << 20,
    GK_BLOCKS_CLEAR_MAX = 32 << 20,
};
#define GK_BLOCKS_MAX_AGE (10 * GK_SECOND)

/* An allocator. The functions behave as those of the C library, and may be called from any thread. */
typedef struct {
    void *(*allocate)(void *context, size_t size);
    void *(*allocate_zeroed)(void *context, size_t size);
    void *(*reallocate)(void *context, void *block, size_t size);
    void (*release)(void *context, void *block, size_t size);
    void *context;
    int advises_huge_pages; /* it asks the kernel for huge pages for large blocks */
} gk_block_source;

typedef struct {
    size_t limit;    /* bytes; 0: keeps nothing */
    size_t min_size; /* bytes; 0: GK_BLOCKS_MIN_SIZE */
} gk_block_options;

typedef struct {
    size_t bytes, blocks; /* in the cache now */
    size_t limit;
    uint64_t hits, misses; /* large blocks since the cache was opened: reused, and from the source */
} gk_block_statistics;

/* Begins to keep blocks. If it was called before, it only changes the options. The source must
 * exist for as long as the process. */
void gk_blocks_open(const gk_block_source *source, const gk_block_options *options);

/* Gives all blocks back. From now on everything is passed on to the source. */
void gk_blocks_close(void);

/* The functions of an allocator. With `zeroed`, the block is filled with zeros. */
void *gk_blocks_allocate(size_t size, int zeroed);
void *gk_blocks_reallocate(void *block, size_t size);
/* Callers may be wrong about `size`. Below min_size, the block is not kept; otherwise its real
 * size is known here. */
void gk_blocks_release(void *block, size_t size);

/* Gives all blocks in the cache back, and returns their bytes. */
size_t gk_blocks_trim(void);

gk_block_statistics gk_blocks_get_statistics(void);

/* The default limit: an eighth of the memory of this machine or control group, at most 1 GiB. */
size_t gk_blocks_default_limit(void);

/* Tests only: adds to the clock by which blocks grow old. */
void gk_blocks_advance_clock(int64_t nanoseconds);

#endif
