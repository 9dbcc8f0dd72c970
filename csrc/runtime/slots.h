/* Slots: where callers publish regions and workers find them. */
#ifndef GK_SLOTS_H
#define GK_SLOTS_H

#include <stdint.h>

#include "runtime/region.h"

enum { GK_SLOTS = 48 };

/* Caller's side. */

/* Offers the region to the workers, unless every slot is taken. */
void gk_publish(gk_region *region);

/* Clears the slot's bit: no more helpers are wanted. Called only by the caller or a
 * helper inside the region; until they have left, the slot and its bit belong to no
 * other region. */
void gk_withdraw_offer(int slot);

/* The caller of a foreign region has finished a chunk. */
void gk_show_progress(int slot);

/* Ends the offer and waits for the helpers inside. */
void gk_retire(gk_region *region);

/* The regions that a thread was inside; see gk_set_regions_aside(). */
typedef struct {
    gk_region *innermost;
    int participant;
    uint32_t resets;
} gk_regions_aside;

/* For a poll whose handlers may switch to another stack (greenlets), which would move this
 * thread's regions while helpers use them. Until gk_resume_regions(), no helper is inside them, and
 * new calls of this thread see no region around them. Afterwards it completes its regions alone.
 * The thread must not be a helper, nor hold anything that a helper may wait for. */
void gk_set_regions_aside(gk_regions_aside *aside);
void gk_resume_regions(const gk_regions_aside *aside);

/* Worker's side. gk_join() returns NULL if the region wants no more helpers. The
 * region it returns stays alive until gk_leave(). */
gk_region *gk_join(int slot);
void gk_leave(int slot);

/* Instead of gk_leave(), if this helper has run nothing: offers its place to others. */
void gk_give_back(int slot);

/* Bit i: the region in slot i wants helpers. */
uint64_t gk_offers(void);

/* If a foreign region wants helpers, how many threads besides its caller it may use; else 0. */
int gk_foreign_offer(void);

/* Returns the slot of a foreign region that wants helpers and whose caller has finished no
 * chunk since the previous call with the same `progress`, or -1. */
int gk_stuck_offer(uint32_t progress[GK_SLOTS]);

/* The number of calling threads inside regions. Each of them occupies a core. */
int gk_callers(void);

/* Whether any worker is between gk_join() and gk_leave(). */
int gk_helpers_inside(void);

/* In a forked child: forgets all published regions. */
void gk_slots_reset(void);

#endif
