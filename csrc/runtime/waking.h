/* Whether a region is worth a wake-up. README.md gives the reasons. */
#ifndef GK_WAKING_H
#define GK_WAKING_H

#include "runtime/region.h"

/* Before the first chunk: wakes a worker if the region is expected to be long. */
void gk_wake_before(gk_region *region);

/* After a claim, until a worker has been woken: wakes one once the remaining work is worth it. */
void gk_wake_meanwhile(gk_region *region, int64_t now);

/* After the last chunk: records how long the region took, for later ones. */
void gk_wake_record_cost(const gk_region *region, int64_t now);

#endif
