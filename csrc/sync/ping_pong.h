/* Native threads hand a token round a ring, and are timed: what it costs to
 * wake another thread and go to sleep. */
#ifndef GK_SYNC_RELAY_H
#define GK_SYNC_RELAY_H

#include <stdint.h>

#include "sync/queue.h"

typedef struct {
    int threads; /* >= 2 */
    int64_t laps;
    /* Results. */
    int64_t done;        /* laps that were timed */
    int64_t nanoseconds; /* for them */
} gk_ping_pong;

/* GK_OK, GK_NO_MEMORY (nothing done: no thread or memory left),
 * GK_TIMEOUT or GK_INTERRUPTED: stopped early. */
int gk_ping_pong_run(gk_ping_pong *ring, const gk_wait_options *wait_options);

#endif
