/* Sleeping until a 32-bit word changes: the blocking primitive below the pool and every
 * lock of gilkit.
 *
 * It is a futex on Linux, WaitOnAddress on Windows, and elsewhere a table of mutexes
 * and condition variables (GK_PARK_TABLE forces the table, for tests).
 */
#ifndef GK_PARK_H
#define GK_PARK_H

#include <stdatomic.h>
#include <stdint.h>

/* GK_RAISED: only from the sleep of a greenlet (status.h), if an exception was thrown into it. */
typedef enum { GK_RAISED = -1, GK_WOKEN = 0, GK_TIMED_OUT = 1 } gk_wait_result;

/* Sleeps while *word == expected, until gk_wake() on the word or until `deadline`
 * (base/status.h). May return early without cause (a signal, a wake-up meant for
 * an earlier user of the address), so callers loop. Comparing and falling asleep
 * are one step as seen by gk_wake(): a change of the word followed by gk_wake()
 * is never missed. */
gk_wait_result gk_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline);

/* Wakes at most `count` threads that sleep on the word, and all greenlets (hub.h). */
void gk_wake(_Atomic uint32_t *word, int count);

#define GK_WAKE_ALL 0x7fffffff

/* In a forked child: forgets all sleepers, threads and greenlets (hub.h). */
void gk_park_after_fork_in_child(void);

#endif
