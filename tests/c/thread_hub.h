/* A greenlet that is a thread with a hub of its own, which does nothing but wait until it is notified.
 * Now and then sleep_in_hub() returns without cause, or raises. */
#ifndef THREAD_HUB_H
#define THREAD_HUB_H

#include <stdlib.h>

#include "base/hub.h"
#include "base/park.h"
#include "base/status.h"
#include "base/thread.h"
#include "check.h"

typedef struct {
    gk_hub hub;
    _Atomic int rung;
    uint32_t random;
    int raises; /* one sleep in so many raises; 0: none */
} thread_hub;

static _Thread_local thread_hub mine;

static void ring(gk_hub *hub)
{
    atomic_store(&((thread_hub *)hub)->rung, 1);
}

static uint32_t next_random(void)
{
    mine.random = mine.random * 1664525u + 1013904223u;
    return mine.random >> 8;
}

static inline int sleep_in_hub(_Atomic uint32_t *word, uint32_t expected, int64_t deadline)
{
    uint32_t chance = next_random();
    int raises = mine.raises > 0 && chance % (uint32_t)mine.raises == 0, gives_up = chance % 5 == 1;
    int limited = deadline != GK_NO_DEADLINE && deadline != GK_FOREVER;
    int64_t until = gk_now() + chance % 20 * GK_MICROSECOND;
    gk_sleeper *s = malloc(sizeof *s);
    CHECK(s != NULL);
    if (!gk_hub_sleep(&mine.hub, s, word, expected)) {
        free(s);
        return GK_WOKEN;
    }
    int woken = 0;
    while (!woken && !((raises || gives_up) && gk_now() >= until) &&
           !(limited && gk_now() >= deadline)) {
        if (atomic_exchange(&mine.rung, 0))
            for (gk_sleeper *found; (found = gk_hub_next(&mine.hub)) != NULL;)
                woken |= found == s;
        gk_thread_yield();
    }
    gk_hub_leave(s);
    free(s);
    if (raises)
        return GK_RAISED;
    return limited && gk_now() >= deadline ? GK_TIMED_OUT : GK_WOKEN;
}

static inline void begin(int i, int raises)
{
    mine = (thread_hub){.hub = {.notify = ring}, .random = (uint32_t)i * 7919u + 1, .raises = raises};
}

#endif
