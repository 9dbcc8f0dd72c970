/* The workers, as seen by regions. */
#ifndef GK_POOL_H
#define GK_POOL_H

#include "runtime/region.h"

/* Wakes up to `count` sleeping workers for a region, and starts workers if fewer
 * exist than the region may use. Returns 0 if the caller should ask again later: as
 * many threads already compute as there are cores, or as the region asks for; or
 * another thread is starting workers; or no thread could be started a moment ago. */
int gk_pool_wake(int count, const gk_region *region);

/* Makes sure that a worker will look at a foreign region even if its caller never asks
 * for one again, because it is blocked in a chunk. */
void gk_pool_watch(const gk_region *region);

#endif
