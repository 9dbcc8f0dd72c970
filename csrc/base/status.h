/* How operations end and how long they may wait: the status codes and the deadlines of all of
 * gilkit's C code. */
#ifndef GK_STATUS_H
#define GK_STATUS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

/* Codes that also exist in gilkit.h have the same values there. The body of a region
 * may end it with any positive code of its own. */
enum {
    GK_OK = 0,
    GK_CANCELLED = -1,   /* by a cancel token, or because an outer region was cancelled */
    GK_TIMEOUT = -2,     /* the deadline has passed */
    GK_NO_MEMORY = -3,   /* or no thread could be started */
    GK_INTERRUPTED = -4, /* poll() returned nonzero: a signal handler raised */
    GK_FORKED = -5,      /* this is a child forked inside the region, which needed threads
                            that exist only in the parent */
    GK_NOT_HELD = -20,   /* released by a thread that does not hold the lock */
    GK_OVERFLOW = -21,   /* of a counter, or of a lock's recursion count */
    GK_OWNED = -22,      /* this thread already holds the lock and would deadlock with itself */
    GK_BROKEN = -23,     /* the barrier is broken */
};

/* A deadline is a gk_now() time. A time in the past means "try, but do not wait". Zero means no
 * deadline, so zeroed options wait without limit. Calculations use GK_FOREVER in its place. */
#define GK_NO_DEADLINE INT64_C(0)
#define GK_DO_NOT_WAIT INT64_C(-1)

/* As gk_wait() (park.h), but runs other greenlets of the thread meanwhile. */
typedef int (*gk_sleep_function)(_Atomic uint32_t *word, uint32_t expected, int64_t deadline);

/* How long a thread waits, and what it does meanwhile. A NULL pointer means all zero. */
typedef struct {
    int64_t deadline;
    int (*poll)(void *context); /* called about every GK_WAIT_POLL_INTERVAL and after each signal; a
                                   nonzero result ends the wait with GK_INTERRUPTED */
    void *context;
    gk_sleep_function sleep; /* NULL: gk_wait(). Otherwise the caller is a greenlet: its stack moves
                                while it sleeps, and it does not spin, since another greenlet of
                                this thread may have to wake it. `poll` is not called */
} gk_wait_options;

#define GK_WAIT_POLL_INTERVAL (50 * GK_MILLISECOND)

/* The deadline as a number to calculate with. `options` may be NULL. */
static inline int64_t gk_wait_until(const gk_wait_options *options)
{
    return options == NULL || options->deadline == GK_NO_DEADLINE ? GK_FOREVER : options->deadline;
}

static inline int gk_wait_switches(const gk_wait_options *options)
{
    return options != NULL && options->sleep != NULL;
}

static inline int gk_must_not_wait(const gk_wait_options *options)
{
    return options != NULL && options->deadline == GK_DO_NOT_WAIT;
}

#endif
