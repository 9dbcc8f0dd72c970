/* Times native threads that pass a token around a ring, to measure the cost of waking
 * another thread and going to sleep. */
#ifndef GK_SYNC_PING_PONG_H
#define GK_SYNC_PING_PONG_H

#include <stdint.h>

#include "sync/queue.h"

typedef struct {
    int threads; /* >= 2 */
    int64_t laps;
    /* Results. */
    int64_t done;        /* timed laps */
    int64_t nanoseconds; /* for all timed laps */
} gk_ping_pong;

/* GK_OK; GK_NO_MEMORY if no thread or memory was left, and nothing was done; GK_TIMEOUT
 * or GK_INTERRUPTED if stopped early. */
int gk_ping_pong_run(gk_ping_pong *ring, const gk_wait_options *wait_options);

#endif
