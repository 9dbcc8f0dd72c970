/* What regions know of the workers. */
#ifndef GK_POOL_H
#define GK_POOL_H

#include "base/clock.h"
#include "runtime/region.h"

/* What waking a parked thread costs the caller: 14 to 24 us in a virtual machine. */
enum { GK_WAKE_COST = 20 * GK_MICROSECOND };

/* About the cost of one wake-up: spinning for longer would waste more than a
 * sleep costs, whatever comes next (the ski-rental bound). */
enum { GK_DEFAULT_SPIN = 50 * GK_MICROSECOND };

/* Wakes `count` sleeping workers for a region; starts some in their place if
 * fewer exist than the region may use. Returns 0 if it is to be
 * asked again: as many threads compute already as there are cores, or as the
 * region asks for; or another thread is starting workers. */
int gk_pool_wake(int count, const gk_region *region);

#endif
