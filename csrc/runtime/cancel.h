/* How a region ends before its last chunk. gk_cancel() and tokens are in parallel.h. */
#ifndef GK_CANCEL_H
#define GK_CANCEL_H

#include "runtime/region.h"

/* Ends the region. The first reason stays. */
void gk_region_cancel(gk_region *region, int code);

/* Whether something outside the region ends it: one of its tokens, or an outer region. */
int gk_region_ended_outside(gk_region *region);

/* Whether the region has been ended. The reason is recorded in its status, so all
 * participants see the same one. */
GK_INLINE int gk_region_ended(gk_region *region)
{
    if (atomic_load_explicit(&region->status, memory_order_relaxed) != GK_OK)
        return 1;
    return (region->token != NULL || region->parent != NULL) && gk_region_ended_outside(region);
}

/* Whether the calling thread has a deadline or a poll to attend to. */
GK_INLINE int gk_region_has_duties(const gk_region *region)
{
    return region->poll_owner != NULL || region->deadline != GK_NO_DEADLINE;
}

/* The calling thread's duties: checks the deadline, and polls if a poll is due. */
void gk_region_poll_duties(gk_region *region, int64_t now);

/* In a forked child: ends those of this thread's regions that it shared with helpers. */
void gk_regions_after_fork_in_child(void);

#endif
