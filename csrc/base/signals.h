/* Which signals a thread blocks; nothing where the system has no such masks. */
#ifndef GK_SIGNALS_H
#define GK_SIGNALS_H

#include <stdint.h>

/* Room for a sigset_t, whose header needs more than C11. */
typedef struct {
    uint64_t words[16];
} gk_signal_mask;

/* This thread's mask: a system call, as is setting it. */
void gk_signal_mask_get(gk_signal_mask *mask);
void gk_signal_mask_set(const gk_signal_mask *mask);

/* Sets the mask of gilkit's own threads, and returns the one before if `before` is not NULL.
 * Blocked are the signals that are sent to the process as a whole, which are for
 * the threads of Python: a wait that they are to interrupt is in one of those.
 * Never blocked are the signals that a thread causes itself, since a blocked one
 * ends the process without running its handler, and SIGPROF, since a
 * profiler means the thread that uses the time. */
void gk_signal_mask_set_internal(gk_signal_mask *before);

#endif
