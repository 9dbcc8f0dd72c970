/* Whether a thread spins before it sleeps, and for how long.
 *
 * Fewer threads may spin than there are cores; otherwise spinning would keep the
 * others from making progress. A thread that waits for a lock spins for a few
 * microseconds, because locks are held briefly.
 *
 * A thread that waits for a signal (an event, a permit, a notification) decides by how
 * its last such wait ended. As a result, threads that answer one another spin if they
 * are on different cores, where a wake-up takes longer than most answers, and sleep if
 * they are on the same core, where spinning keeps the other from answering.
 */
#ifndef GK_SYNC_SPIN_H
#define GK_SYNC_SPIN_H

#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"

/* A thread whose last sleep was shorter than GK_SPIN_BRIEF expects another short one,
 * and spins for as long as a wake-up takes. */
#define GK_SPIN_BRIEF (100 * GK_MICROSECOND)
#define GK_SPIN_WAKE_UP (25 * GK_MICROSECOND)

/* Spinning for a lock: returns the number of rounds, possibly 0, which must be passed
 * to gk_spin_end(). */
int gk_spin_begin(void);
void gk_spin_end(int rounds);

/* Spinning for a signal:
 *
 *     gk_spin spin = gk_spin_for_signal();
 *     while (!signalled && gk_spin_again(&spin))
 *         ;
 *     gk_spin_stop(&spin);
 */
typedef struct {
    int rounds;    /* left before the next check of the clock */
    int begun;     /* for gk_spin_end() */
    int64_t until; /* 0: only for the rounds */
} gk_spin;

enum { GK_SPIN_ROUNDS_A_LOOK = 16 };

gk_spin gk_spin_for_signal(void);

GK_INLINE int gk_spin_again(gk_spin *spin)
{
    if (spin->rounds == 0) {
        if (spin->until == 0 || gk_now() >= spin->until)
            return 0;
        spin->rounds = GK_SPIN_ROUNDS_A_LOOK;
    }
    spin->rounds--;
    gk_cpu_relax();
    return 1;
}

GK_INLINE void gk_spin_stop(const gk_spin *spin)
{
    gk_spin_end(spin->begun);
}

/* Records how long this thread slept (0: not at all) and the signaller's core, from
 * gk_current_cpu(), for this thread's next wait for a signal. */
void gk_spin_record_cost(int64_t slept, int core);

#endif
