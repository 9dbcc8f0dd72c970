/* Handing over the GIL along with the event that a thread waited for.
 *
 * A Python thread that sets an event holds the GIL, and usually starts a wait of its
 * own within a microsecond, which releases the GIL. A spinning waiter sees the event at
 * once. Requesting the GIL right away would block, and the time saved by spinning would
 * be lost. So the waiter first gives the other thread time to release the GIL.
 *
 * Only timing depends on this. If a record here is late, lost or mixed up between
 * interpreters, a thread waits at most GK_GIL_GRACE longer. This file uses nothing of
 * Python, and free-threaded builds never call it.
 */
#ifndef GK_SYNC_GIL_H
#define GK_SYNC_GIL_H

#include "base/clock.h"

/* The minimum cost of going to sleep and being woken. */
#define GK_GIL_GRACE (5 * GK_MICROSECOND)

/* Called by a thread with the GIL before it ends other threads' waits. */
void gk_gil_signalling(void);

/* Called by a thread that is about to wait, after it has released the GIL. */
void gk_gil_freed(void);

/* Called by a thread whose wait has ended, before it requests the GIL. Returns once the
 * signalling thread has released the GIL, or after GK_GIL_GRACE. */
void gk_gil_await(void);

#endif
