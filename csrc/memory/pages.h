/* The pages under a block of memory: populated, cleared, lent to the kernel, given back.
 *
 * A block need not begin or end at a page. Pages that it shares with its neighbours are
 * never lent or given back.
 */
#ifndef GK_MEMORY_PAGES_H
#define GK_MEMORY_PAGES_H

#include <stddef.h>

/* Whether the kernel backs fresh blocks of this size with huge pages. `advised`: the block's
 * allocator asks it to (MADV_HUGEPAGE). */
int gk_pages_are_huge(size_t size, int advised);

/* Gets the pages of a fresh block from the kernel, with several threads if it is long. Its content
 * may be lost. */
void gk_pages_populate(void *block, size_t size);

/* Fills the block with zeros, with several threads if it is long. */
void gk_pages_clear(void *block, size_t size);

/* Allows the kernel to take the pages whenever it needs some. Those that are written before
 * it does are kept; the others may read as zeros from then on. Returns whether this system
 * can do that. */
int gk_pages_lend(void *block, size_t size);

/* Gives the pages back at once. The next access gets new ones. */
void gk_pages_give_back(void *block, size_t size);

#endif
