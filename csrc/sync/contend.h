/* Times native threads that all add to one counter. */
#ifndef GK_SYNC_CONTEND_H
#define GK_SYNC_CONTEND_H

#include <stdint.h>

#include "sync/counter.h"

typedef enum {
    GK_CONTEND_RACY,
    GK_CONTEND_LOCKED,
    GK_CONTEND_ATOMIC,
    GK_CONTEND_OPTIMISTIC, /* the atomic counter, with a compare-and-set loop */
    GK_CONTEND_SHARDED,
} gk_contend_kind;

typedef struct {
    gk_contend_kind kind;
    gk_counter *counter;
    gk_sharded *sharded; /* GK_CONTEND_SHARDED */
    int64_t increments;  /* of 1, by each thread */
    int threads;
    int64_t inside;  /* rounds of a busy loop within each update, between its read and
                        its write and under its lock, if it has these */
    int64_t outside; /* rounds after each update */
    /* Results. */
    int64_t done;        /* increments by all threads together */
    int64_t retries;     /* compare-and-sets that failed */
    int64_t nanoseconds; /* from the first increment to the last */
} gk_contend;

/* GK_OK; GK_NO_MEMORY if no thread or memory was left, and nothing was done;
 * GK_OVERFLOW, GK_TIMEOUT or GK_INTERRUPTED if stopped early. */
int gk_contend_run(gk_contend *contend, const gk_wait_options *wait_options);

#endif
