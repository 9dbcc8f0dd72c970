/* Spinning before a sleep: whether, and for how long.
 *
 * The right to spin is given to fewer threads than there are cores: where
 * everybody spins, nobody gets on. A thread that waits for a lock spins for some
 * microseconds, for locks are held briefly.
 *
 * One that waits for a signal (an event, a permit, a notification) does as the
 * end of its last such wait suggests. Threads that answer one another settle
 * that way into spinning if they are on different cores, where a wake-up takes
 * longer than most answers, and into sleeping if they are on one, where
 * spinning keeps the other from answering.
 */
#ifndef GK_SYNC_SPIN_H
#define GK_SYNC_SPIN_H

#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"

/* A thread that was asleep for less than this expects to be so again, and
 * spins for as long as a wake-up takes. */
#define GK_SPIN_BRIEF (100 * GK_MICROSECOND)
#define GK_SPIN_WAKE_UP (25 * GK_MICROSECOND)

/* Spins for a lock: the number of rounds, perhaps 0. gk_spin_end() takes it back. */
int gk_spin_begin(void);
void gk_spin_end(int rounds);

/* Spins for a signal:
 *
 *     gk_spin spin = gk_spin_for_signal();
 *     while (!signalled && gk_spin_again(&spin))
 *         ;
 *     gk_spin_stop(&spin);
 */
typedef struct {
    int rounds;   /* left; then it looks at the clock */
    int begun;    /* to be given back */
    int64_t until; /* 0: no longer than the rounds */
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

/* What this thread's next wait for a signal goes by: how long this one slept
 * (0: it did not), and on which core the signaller was, by gk_current_cpu(). */
void gk_spin_record_cost(int64_t slept, int core);

#endif
