/* Many native threads add to one counter at once, and are timed. */
#ifndef GK_SYNC_HAMMER_H
#define GK_SYNC_HAMMER_H

#include <stdint.h>

#include "sync/counter.h"

typedef enum {
    GK_CONTEND_RACY,
    GK_CONTEND_LOCKED,
    GK_CONTEND_ATOMIC,
    GK_CONTEND_OPTIMISTIC, /* the atomic counter, by compare-and-set, again until it succeeds */
    GK_CONTEND_SHARDED,
} gk_contend_kind;

typedef struct {
    gk_contend_kind kind;
    gk_counter *counter;
    gk_sharded *sharded; /* GK_CONTEND_SHARDED */
    int64_t increments;  /* of 1, by each thread */
    int threads;
    int64_t inside;  /* rounds of a busy loop within each update: between the read and
                        the write, and where there is a lock, under it; */
    int64_t outside; /* and after it */
    /* Results. */
    int64_t done;        /* increments by all threads together */
    int64_t retries;     /* compare-and-sets that failed */
    int64_t nanoseconds; /* from the first increment to the last */
} gk_contend;

/* GK_OK, GK_NO_MEMORY (nothing done: no thread or memory left),
 * GK_OVERFLOW, GK_TIMEOUT or GK_INTERRUPTED: stopped early. */
int gk_contend_run(gk_contend *contend, const gk_wait_options *wait_options);

#endif
