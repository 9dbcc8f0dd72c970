/* The wait-for graph: complete cycles are found, outdated claims are dropped, readers and
 * writers block the right waits, reversed orders are found, and a forked child continues
 * wherever the other threads were. */
#include "sync/deadlock.h"

#include <string.h>

#include "base/thread.h"
#include "check.h"
#include "sync/lock.h"
#include "sync/watchers.h"

#ifndef _WIN32
#  include <sys/wait.h>
#  include <unistd.h>
#endif

enum { DOMAIN = 3, OTHER_DOMAIN = 4 };

static char locks[8], place[8];
static _Atomic int references;

static void retain(void *object)
{
    CHECK(object != NULL);
    atomic_fetch_add(&references, 1);
}

static gk_claim *claim(int mode, int lock)
{
    gk_claim *c = gk_claim_new(DOMAIN, mode, &locks[lock], &place[lock], gk_thread_ident());
    CHECK(c != NULL);
    return c;
}

static void hold(int mode, int lock)
{
    CHECK(gk_claim_hold(claim(mode, lock)) == NULL);
}

static void release(int mode, int lock)
{
    gk_claim *c = gk_claim_release(DOMAIN, mode, &locks[lock], gk_thread_ident());
    CHECK(c != NULL && c->lock == &locks[lock]);
    gk_claim_free(c);
}

/* The claim of the wait; or NULL and the cycle if it would never end. */
static gk_claim *wait_for(int mode, int lock, gk_deadlock_link **cycle, int *count)
{
    gk_claim *c = claim(mode, lock);
    CHECK(gk_claim_wait(c, retain, cycle, count) == GK_OK);
    if (*cycle == NULL)
        return c;
    gk_claim_free(c);
    return NULL;
}

static gk_claim *waits(int mode, int lock)
{
    gk_deadlock_link *cycle;
    int count;
    gk_claim *c = wait_for(mode, lock, &cycle, &count);
    CHECK(c != NULL && count == 0);
    return c;
}

/* Runs a step in a new thread, which ends while its claims stay. */
static struct {
    void (*step)(int);
    int argument;
} job;

static void run_job(void *unused)
{
    (void)unused;
    job.step(job.argument);
}

static void elsewhere(void (*step)(int), int argument)
{
    job.step = step;
    job.argument = argument;
    gk_thread *thread = gk_thread_start(run_job, NULL, "claims");
    CHECK(thread != NULL);
    gk_thread_join(thread);
}

static gk_claim *pending[8];

/* Holds lock i and waits for lock i + 1. */
static void link_of_chain(int i)
{
    hold(GK_CLAIM_LOCK, i);
    pending[i] = waits(GK_CLAIM_LOCK, i + 1);
}

static void test_cycles(void)
{
    gk_deadlock_link *cycle;
    int count;
    for (int i = 1; i < 6; i++)
        elsewhere(link_of_chain, i);
    hold(GK_CLAIM_LOCK, 6);
    CHECK(wait_for(GK_CLAIM_LOCK, 1, &cycle, &count) == NULL && count == 6);
    for (int i = 0; i < 6; i++) {
        CHECK(cycle[i].lock == &locks[i + 1] && cycle[i].mode == GK_CLAIM_LOCK && !cycle[i].holder_waits);
        CHECK(cycle[i].holder_place == &place[i + 1]);
        CHECK(cycle[i].holder_ident == cycle[(i + 1) % 6].ident || i < 5); /* idents may be reused */
    }
    free(cycle);
    CHECK(atomic_load(&references) == 18);
    /* A wait that gives up opens the cycle. */
    gk_claim_withdraw(pending[3]);
    gk_claim_withdraw(pending[3]);
    gk_claim *c = waits(GK_CLAIM_LOCK, 1);
    gk_claim *outdated = gk_claim_hold(c); /* the claim of the holder of 1 */
    CHECK(outdated != NULL && outdated->next == NULL);
    gk_claim_free(outdated);
    release(GK_CLAIM_LOCK, 1);
    release(GK_CLAIM_LOCK, 6);
    CHECK(gk_claim_release(DOMAIN, GK_CLAIM_LOCK, &locks[6], gk_thread_ident()) == NULL);
    CHECK(gk_claim_release(OTHER_DOMAIN, GK_CLAIM_LOCK, &locks[2], gk_thread_ident()) == NULL);
    for (int i = 2; i < 6; i++)
        release(GK_CLAIM_LOCK, i); /* of other threads, which is allowed */
    for (int i = 1; i < 6; i++) {
        gk_claim_withdraw(pending[i]);
        gk_claim_free(pending[i]);
    }
    hold(GK_CLAIM_LOCK, 0);
    CHECK(wait_for(GK_CLAIM_LOCK, 0, &cycle, &count) == NULL && count == 1); /* waits for itself */
    free(cycle);
    release(GK_CLAIM_LOCK, 0);
}

static void reads_and_waits_for(int lock)
{
    hold(GK_CLAIM_READ, 0);
    pending[0] = waits(GK_CLAIM_LOCK, lock);
}

static void waits_to_write(int lock)
{
    pending[1] = waits(GK_CLAIM_WRITE, lock);
}

static void test_readers_and_writers(void)
{
    gk_deadlock_link *cycle;
    int count;
    hold(GK_CLAIM_LOCK, 1);
    elsewhere(reads_and_waits_for, 1);
    gk_claim *reading = waits(GK_CLAIM_READ, 0); /* together with the reader */
    gk_claim_withdraw(reading);
    gk_claim_free(reading);
    CHECK(wait_for(GK_CLAIM_WRITE, 0, &cycle, &count) == NULL && count == 2);
    free(cycle);
    elsewhere(waits_to_write, 0); /* newcomers wait behind it */
    CHECK(wait_for(GK_CLAIM_READ, 0, &cycle, &count) == NULL && count == 3);
    CHECK(cycle[0].holder_waits && !cycle[1].holder_waits);
    free(cycle);
    gk_claim copies[2];
    CHECK(gk_claims_of(DOMAIN, gk_thread_ident(), NULL, copies, 0, retain) == 1);
    CHECK(gk_claims_of(DOMAIN, gk_thread_ident(), NULL, copies, 2, retain) == 1 && copies[0].lock == &locks[1]);
    CHECK(gk_claims_of(DOMAIN, gk_thread_ident(), &locks[1], copies, 2, retain) == 0);
    CHECK(gk_claim_release(DOMAIN, GK_CLAIM_READ, &locks[0], gk_thread_ident()) == NULL); /* not ours */
}

static void test_modes(void)
{
    gk_claim *forgotten;
    CHECK(gk_deadlock_mode(DOMAIN) == GK_DETECT_NOTHING && atomic_load(&gk_sync_watchers) == 0);
    CHECK(gk_deadlock_set_mode(DOMAIN, GK_DETECT_DEADLOCKS, &forgotten) == GK_OK);
    int held = 0;
    for (gk_claim *next; forgotten != NULL; forgotten = next, held++) {
        next = forgotten->next;
        gk_claim_free(forgotten);
    }
    CHECK(held == 2); /* nothing from before is known */
    CHECK(gk_deadlock_set_mode(OTHER_DOMAIN, GK_DETECT_INVERSIONS, &forgotten) == GK_OK);
    CHECK(atomic_load(&gk_sync_watchers) == 2 * GK_SYNC_DETECTION && forgotten == NULL);
    hold(GK_CLAIM_LOCK, 2);
    CHECK(gk_deadlock_set_mode(DOMAIN, GK_DETECT_INVERSIONS, &forgotten) == GK_OK && forgotten == NULL);
    CHECK(gk_deadlock_set_mode(OTHER_DOMAIN, GK_DETECT_NOTHING, &forgotten) == GK_OK && forgotten == NULL);
    CHECK(atomic_load(&gk_sync_watchers) == GK_SYNC_DETECTION);
    release(GK_CLAIM_LOCK, 2);
}

static void test_orders(void)
{
    void *opposite;
    for (int i = 0; i < 6; i++)
        CHECK(gk_order_note(DOMAIN, &locks[i], &locks[i + 1], &place[i], retain, &opposite) == 1 && !opposite);
    CHECK(gk_order_note(DOMAIN, &locks[0], &locks[1], &place[7], retain, &opposite) == 0 && !opposite);
    CHECK(gk_order_note(OTHER_DOMAIN, &locks[6], &locks[0], &place[6], retain, &opposite) == 1 && !opposite);
    CHECK(gk_order_note(DOMAIN, &locks[6], &locks[2], &place[6], retain, &opposite) == 1);
    CHECK(opposite == &place[2]); /* the first step back */
    CHECK(atomic_load(&gk_orders_noted) == 8);
    int gone = 0;
    for (gk_order *o = gk_orders_forget(DOMAIN, &locks[2]), *next; o != NULL; o = next, gone++) {
        next = o->next;
        gk_order_free(o);
    }
    CHECK(gone == 3 && atomic_load(&gk_orders_noted) == 5);
    CHECK(gk_order_note(DOMAIN, &locks[6], &locks[1], &place[6], retain, &opposite) == 1 && !opposite);
    for (gk_order *o = gk_orders_forget(DOMAIN, NULL), *next; o != NULL; o = next) {
        next = o->next;
        gk_order_free(o);
    }
    CHECK(atomic_load(&gk_orders_noted) == 1);
}

#if !defined(_WIN32) && !defined(SANITIZED) /* their children cannot allocate */
static _Atomic int stop;

static void take_and_release(void *unused)
{
    (void)unused;
    static _Atomic int next = 0;
    int lock = atomic_fetch_add(&next, 1) % 4;
    while (!atomic_load(&stop)) {
        hold(GK_CLAIM_LOCK, lock);
        gk_claim *c = waits(GK_CLAIM_WRITE, 7);
        gk_claim_withdraw(c);
        gk_claim_free(c);
        release(GK_CLAIM_LOCK, lock);
    }
}

static void test_fork(void)
{
    gk_thread *threads[3];
    for (int i = 0; i < 3; i++)
        CHECK((threads[i] = gk_thread_start(take_and_release, NULL, "claims")) != NULL);
    for (int k = 0; k < 200; k++) {
        hold(GK_CLAIM_LOCK, 6);
        hold(GK_CLAIM_READ, 7);
        gk_claim *asleep = waits(GK_CLAIM_LOCK, 4); /* a greenlet of this thread */
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(60);
            gk_claim *mine = gk_claim_release(DOMAIN, GK_CLAIM_LOCK, &locks[6], gk_thread_ident());
            CHECK(mine == NULL || mine->lock == &locks[6]); /* forgotten or still there */
            hold(GK_CLAIM_LOCK, 5);
            gk_deadlock_link *cycle;
            int count;
            CHECK(wait_for(GK_CLAIM_LOCK, 5, &cycle, &count) == NULL && count == 1);
            /* Ends its wait. The writers do not exist here, so they cannot block a second reader. */
            gk_claim_withdraw(asleep);
            hold(GK_CLAIM_READ, 7);
            CHECK(wait_for(GK_CLAIM_READ, 7, &cycle, &count) != NULL);
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        gk_claim_withdraw(asleep);
        gk_claim_free(asleep);
        release(GK_CLAIM_READ, 7);
        release(GK_CLAIM_LOCK, 6);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 3; i++)
        gk_thread_join(threads[i]);
}
#endif

int main(void)
{
    test_cycles();
    test_readers_and_writers();
    test_modes();
    test_orders();
#if !defined(_WIN32) && !defined(SANITIZED)
    test_fork();
#endif
    return 0;
}
