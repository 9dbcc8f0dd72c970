/* How long a thread spins for a signal, and how it lets the signaller release the GIL.
 * Only timing depends on this, so little can be checked. */
#include "sync/spin.h"

#include <stdatomic.h>

#include "base/cores.h"
#include "check.h"
#include "thread_group.h"
#include "sync/event.h"
#include "sync/gil.h"
#include "sync/lock.h"

enum { ANOTHER_CORE = 1 << 20, TURNS = 2000 };

static gk_spin spin_after(int64_t slept, int core)
{
    gk_spin_record_cost(slept, core);
    gk_spin spin = gk_spin_for_signal();
    gk_spin_stop(&spin);
    return spin;
}

static void test_learning(void)
{
    int alone = gk_cores_usable() == 1; /* then no thread spins */
    gk_spin spin = spin_after(0, ANOTHER_CORE);
    CHECK(alone ? spin.begun == 0 : spin.begun > 0 && spin.until > 0);
    spin = spin_after(GK_SPIN_BRIEF - 1, ANOTHER_CORE);
    CHECK(alone || spin.until > 0);
    spin = spin_after(GK_SPIN_BRIEF, ANOTHER_CORE);
    CHECK(alone ? spin.begun == 0 : spin.begun > 0 && spin.until == 0);
    /* The system may move this thread to another core at any moment. */
    int here = 0, attempts = 0;
    do {
        here = gk_current_cpu();
        spin = spin_after(0, here);
    } while (here != gk_current_cpu() && ++attempts < 1000);
    CHECK(here == -1 || attempts == 1000 || spin.begun == 0);
}

/* Spinning ends by itself, and gives back the right to spin. */
static void test_end(void)
{
    for (int brief = 0; brief < 2; brief++) {
        for (int i = 0; i < 100; i++) {
            gk_spin_record_cost(brief ? 0 : GK_SPIN_BRIEF, ANOTHER_CORE);
            gk_spin spin = gk_spin_for_signal();
            CHECK(gk_cores_usable() == 1 || spin.begun > 0);
            while (gk_spin_again(&spin))
                ;
            gk_spin_stop(&spin);
        }
    }
}

static void test_no_thread_spins_if_all_would(void)
{
    gk_spin spins[THREAD_GROUP_MAX];
    int begun = 0, n = gk_cores_usable() < THREAD_GROUP_MAX ? gk_cores_usable() : THREAD_GROUP_MAX;
    gk_spin_record_cost(0, ANOTHER_CORE);
    for (int i = 0; i < n; i++) {
        spins[i] = gk_spin_for_signal();
        begun += spins[i].begun > 0;
    }
    CHECK(n == THREAD_GROUP_MAX || begun == n - 1);
    for (int i = 0; i < n; i++)
        gk_spin_stop(&spins[i]);
}

static void test_grace_ends(void)
{
    gk_gil_await(); /* no signal yet */
    gk_gil_signalling();
    for (int i = 0; i < 100; i++)
        gk_gil_await(); /* and it is never released */
    gk_gil_freed();
    gk_gil_await();
}

/* Two threads that behave like Python threads, with a lock instead of the GIL. */
static struct {
    gk_lock gil;
    gk_event turn[2];
    int64_t total; /* guarded by it */
} game;

static void take_turns(int i, void *unused)
{
    (void)unused;
    gk_lock_acquire(&game.gil, NULL);
    for (int k = 0; k < TURNS; k++) {
        if (!gk_event_is_set(&game.turn[i])) {
            gk_lock_release(&game.gil);
            gk_gil_freed();
            CHECK(gk_event_wait(&game.turn[i], NULL) == GK_OK);
            gk_gil_await();
            gk_lock_acquire(&game.gil, NULL);
        }
        gk_event_clear(&game.turn[i]);
        CHECK(game.total % 2 == i);
        game.total++;
        gk_gil_signalling();
        gk_event_set(&game.turn[1 - i]);
    }
    gk_lock_release(&game.gil);
    gk_gil_freed();
}

int main(void)
{
    test_learning();
    test_end();
    test_no_thread_spins_if_all_would();
    test_grace_ends();
    gk_event_set(&game.turn[0]);
    thread_group(2, take_turns, NULL);
    CHECK(game.total == 2 * TURNS);
    return 0;
}
