/* Monotonic time in nanoseconds. */
#ifndef GK_CLOCK_H
#define GK_CLOCK_H

#include <stdint.h>

#define GK_MICROSECOND INT64_C(1000)
#define GK_MILLISECOND INT64_C(1000000)
#define GK_SECOND INT64_C(1000000000)
/* A time that never comes. */
#define GK_FOREVER INT64_MAX

/* The clock of CPython's time.monotonic(), so a deadline computed in Python and one
 * computed in C mean the same instant. */
int64_t gk_now(void);

/* The same clock, as of its last tick: up to a few milliseconds old, and cheaper to
 * read where the system has such a clock. */
int64_t gk_now_coarse(void);

#endif
