/* Handing over the GIL together with what was waited for.
 *
 * A Python thread that sets an event holds the GIL, and mostly goes to wait
 * for something itself within a microsecond, which frees it. The thread that
 * was waiting sees the event at once, if it spins; were it to ask for the GIL
 * at once too, it would find it held and go to sleep over it, and the spinning
 * would have saved nothing. So it lets the other get that far first.
 *
 * This is about time only: whatever is noted here late, lost or mistaken, of
 * one interpreter for another, nobody waits longer than GK_GIL_GRACE for it.
 * There is nothing of Python in here, and on free-threaded builds no call.
 */
#ifndef GK_SYNC_GIL_H
#define GK_SYNC_GIL_H

#include "base/clock.h"

/* What going to sleep and being woken costs, at least. */
#define GK_GIL_GRACE (5 * GK_MICROSECOND)

/* By a thread with the GIL, before it ends the wait of others. */
void gk_gil_signalling(void);

/* By a thread that is about to wait, once it has given up the GIL. */
void gk_gil_freed(void);

/* By a thread whose wait was ended, before it asks for the GIL: returns once the
 * thread that ended the wait has freed it, or is not about to. */
void gk_gil_await(void);

#endif
