/* The signals a thread blocks. No effect where the system has no signal masks. */
#ifndef GK_SIGNALS_H
#define GK_SIGNALS_H

#include <stdint.h>

/* Room for a sigset_t, whose header needs more than C11. */
typedef struct {
    uint64_t words[16];
} gk_signal_mask;

/* Gets and sets this thread's mask. Each is a system call. */
void gk_signal_mask_get(gk_signal_mask *mask);
void gk_signal_mask_set(const gk_signal_mask *mask);

/* Sets the mask of gilkit's own threads, and stores the previous one in *before unless
 * `before` is NULL. The mask blocks signals sent to the process as a whole, which must
 * reach Python's threads, where they interrupt a wait. It does not block signals that a
 * thread causes itself, since a blocked one ends the process without running its
 * handler, nor SIGPROF, since a profiler wants the thread that uses the time. */
void gk_signal_mask_set_internal(gk_signal_mask *before);

#endif
