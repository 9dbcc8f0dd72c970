#include "sync/spin.h"

#include <stdatomic.h>

#include "base/cores.h"
#include "sync/fork.h"

enum { ROUNDS = 300, CORES_UNKNOWN = -1 };

static _Atomic int cores = CORES_UNKNOWN;
static _Atomic int spinners;

/* The spinning threads exist only in the parent. */
static void after_fork_in_child(void)
{
    atomic_store_explicit(&spinners, 0, memory_order_relaxed);
}

int gk_spin_begin(void)
{
    int available = atomic_load_explicit(&cores, memory_order_relaxed);
    if (GK_UNLIKELY(available == CORES_UNKNOWN)) {
        gk_fork_watch_with(after_fork_in_child);
        available = gk_cores_usable();
        atomic_store_explicit(&cores, available, memory_order_relaxed);
    }
    if (atomic_fetch_add_explicit(&spinners, 1, memory_order_relaxed) >= available - 1) {
        atomic_fetch_sub_explicit(&spinners, 1, memory_order_relaxed);
        return 0;
    }
    return ROUNDS;
}

void gk_spin_end(int rounds)
{
    if (rounds > 0)
        atomic_fetch_sub_explicit(&spinners, 1, memory_order_relaxed);
}

/* How this thread's last wait for a signal ended. */
static GK_THREAD_LOCAL struct {
    int same_core; /* the signaller was on this core */
    int brief;
} last;

gk_spin gk_spin_for_signal(void)
{
    gk_spin spin = {0, 0, 0};
    if (!last.same_core)
        spin.rounds = spin.begun = gk_spin_begin();
    if (spin.begun && last.brief)
        spin.until = gk_now() + GK_SPIN_WAKE_UP;
    return spin;
}

void gk_spin_record_cost(int64_t slept, int core)
{
    last.same_core = core >= 0 && core == gk_current_cpu();
    last.brief = slept < GK_SPIN_BRIEF;
}
