/* Runs the pool's C code under the scheduler.
 *
 *   test_schedule SEED COUNT    runs 16 schedules for each of COUNT seeds; prints the first seed that fails, and what
 *                               went wrong
 *   test_schedule SEED          repeats those of one seed, and prints which thread takes each step */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/park.h"
#include "base/thread.h"
#include "runtime/parallel.h"
#include "runtime/slots.h"
#include "scheduler.h"

enum { CHUNKS = 4, CALLERS = 2, ROUNDS = 16 };

static void check(int condition, const char *why)
{
    if (!condition)
        schedule_fail(why);
}

/* A call, in static memory: a helper that is late finds it dead, or another one. */
typedef struct {
    int alive, chunks;
    int runs[CHUNKS];
    int meets; /* each chunk waits for the others */
    int fills; /* the first two chunks wait for one another, and then no room is left */
    _Atomic uint32_t arrived, settled;
} call;

static call calls[CALLERS];
static _Atomic uint32_t gil; /* 1: held, as by a thread that stops the pool */

static void body(int64_t begin, int64_t end, void *data)
{
    call *c = data;
    check(c->alive, "a chunk of a call that has returned");
    check(end == begin + 1 && begin < c->chunks, "a chunk of another call");
    schedule_step();
    check(c->alive, "a call has returned before its helper");
    if (c->fills) {
        atomic_fetch_add(&c->arrived, 1);
        gk_wake(&c->arrived, 1);
        if (begin == 0) {
            while (atomic_load(&c->arrived) < 2)
                gk_wait(&c->arrived, 1, GK_FOREVER);
            check(gk_offers() == 0, "an offer without room");
            atomic_store(&c->settled, 1);
            gk_wake(&c->settled, GK_WAKE_ALL);
        }
        while (!atomic_load(&c->settled))
            gk_wait(&c->settled, 0, GK_FOREVER);
    } else if (c->meets) {
        atomic_fetch_add(&c->arrived, 1);
        gk_wake(&c->arrived, GK_WAKE_ALL);
        for (uint32_t seen; (seen = atomic_load(&c->arrived)) < (uint32_t)c->chunks;)
            gk_wait(&c->arrived, seen, GK_FOREVER);
    } else if (schedule_random(4) == 0) {
        /* Until about the time when the caller no longer spins for it. */
        _Atomic uint32_t never = 0;
        gk_wait(&never, 0, gk_now() + schedule_random(40000));
    } else if (schedule_random(2)) {
        /* As a body that takes the GIL. */
        uint32_t free = 0;
        while (!atomic_compare_exchange_strong(&gil, &free, 1)) {
            gk_wait(&gil, 1, GK_FOREVER);
            free = 0;
        }
        schedule_step();
        atomic_store(&gil, 0);
        gk_wake(&gil, 1);
    }
    int runs = c->runs[begin];
    schedule_step();
    check(c->alive, "a call has returned before its helper");
    c->runs[begin] = runs + 1;
    schedule_progress();
}

/* ---- Scenarios */

static int regions, chunks, room, meets, fills, foreign, stops;

static void caller(void *data)
{
    call *c = data;
    for (int r = 0; r < regions; r++) {
        memset(c->runs, 0, sizeof c->runs);
        c->chunks = chunks;
        c->meets = meets;
        c->fills = fills;
        atomic_store(&c->arrived, 0);
        atomic_store(&c->settled, 0);
        c->alive = 1;
        gk_options options = {.grain = 1, .threads = room + 1, .eager = !foreign, .foreign = foreign};
        check(gk_parallel_for(chunks, body, c, &options) == GK_OK, "the status of a call");
        c->alive = 0;
        for (int i = 0; i < chunks; i++)
            check(c->runs[i] == 1, "a chunk that was run twice, or not at all");
        for (uint32_t pause = schedule_random(schedule_random(2) ? 8 : 60); pause > 0; pause--)
            schedule_step();
    }
}

static void stopper(void *unused)
{
    (void)unused;
    for (int i = 0; i < stops; i++) {
        for (uint32_t pause = schedule_random(60); pause > 0; pause--)
            schedule_step();
        uint32_t free = 0;
        if (!atomic_compare_exchange_strong(&gil, &free, 1))
            continue;
        gk_pool_stop();
        atomic_store(&gil, 0);
        gk_wake(&gil, GK_WAKE_ALL);
        schedule_progress();
    }
}

static void scenario(void)
{
    static const int64_t spins[] = {0, 1000, 20000};
    gk_pool_set_spin(spins[schedule_random(3)]);
    int callers = 1 + (int)schedule_random(CALLERS);
    regions = 1 + (int)schedule_random(8);
    int kind = (int)schedule_random(6);
    meets = kind < 3;
    foreign = kind == 0;
    fills = kind == 1;
    if (fills)
        callers = 1;
    chunks = meets ? 2 + (int)schedule_random(foreign ? 2 : 1) : 1 + (int)schedule_random(schedule_random(2) ? CHUNKS : 2);
    room = meets ? chunks - 1 : 1 + (int)schedule_random(2);
    if (chunks > 2 && meets)
        callers = 1; /* two would need more workers than the pool may have */
    /* A caller asks for helpers only now and then, unless its body is foreign, so such a body must not block while the
     * pool is stopped. */
    stops = meets && !foreign ? 0 : (int)schedule_random(16);
    if (fills)
        chunks = CHUNKS;
    gk_set_num_threads(4);
    if (fills || schedule_random(2)) { /* more workers than the regions have room for */
        gk_options options = {.grain = 1, .threads = 4, .eager = 1};
        calls[0] = (call){.alive = 1, .chunks = 4};
        check(gk_parallel_for(4, body, &calls[0], &options) == GK_OK, "the status of a call");
        calls[0].alive = 0;
    }
    gk_thread *started[CALLERS + 1];
    int count = 0;
    for (int i = 0; i < callers; i++)
        started[count++] = gk_thread_start(caller, &calls[i], "caller");
    if (stops > 0)
        started[count++] = gk_thread_start(stopper, NULL, "stopper");
    for (int i = 0; i < count; i++)
        gk_thread_join(started[i]);
    check(gk_offers() == 0 && gk_callers() == 0, "an offer without a region");
    /* Without offers, all workers go to sleep. */
    schedule_progress();
    while (gk_pool_sleepers() < gk_pool_workers())
        gk_thread_yield();
    schedule_progress();
    check(gk_pool_stop() && gk_pool_workers() == 0, "an idle pool that does not stop");
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, count = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    if (count == 0)
        schedule_run(seed, scenario, ROUNDS, 1);
    for (uint64_t end = seed + count; seed < end; seed++) {
        pid_t child = fork();
        if (child == 0)
            schedule_run(seed, scenario, ROUNDS, 0);
        int status;
        waitpid(child, &status, 0);
        if (status != 0) {
            printf("seed %llu\n", (unsigned long long)seed);
            return 1;
        }
    }
    return 0;
}
