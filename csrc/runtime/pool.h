/* What regions know of the workers. */
#ifndef GK_POOL_H
#define GK_POOL_H

#include "runtime/region.h"

/* Wakes `count` sleeping workers for a region; starts some in their place if
 * fewer exist than the region may use. Returns 0 if it is to be
 * asked again: as many threads compute already as there are cores, or as the
 * region asks for; or another thread is starting workers. */
int gk_pool_wake(int count, const gk_region *region);

#endif
