/* The scheduler, and what csrc/runtime takes from csrc/base: threads, time, sleep, cores. */
#define _GNU_SOURCE 1
#include "scheduler.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cores.h"
#include "base/park.h"
#include "base/signals.h"
#include "base/status.h"
#include "base/thread.h"
#include "runtime/region.h"

enum { THREADS = 32, STACK = 128 << 10, STEP = 50, MOST_STEPS = 100000 };
typedef enum { FREE, READY, ASLEEP, DONE } thread_state;

struct gk_thread {
    ucontext_t context;
    thread_state state;
    void (*main)(void *);
    void *argument;
    const volatile void *word; /* asleep until this is woken; for a join, the thread that it waits for */
    int64_t deadline;
    int timed_out;
    gk_thread_state self;
};

static struct gk_thread threads[THREADS];
static struct gk_thread *current;
static int64_t now = GK_SECOND;
static uint64_t random_state;
static uint32_t switches, delays; /* one in this many steps; 0: none */
static int steps_in_vain, tracing;

uint32_t schedule_random(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 32) * n >> 32);
}

void schedule_fail(const char *why)
{
    printf("%s\n", why);
    fflush(stdout);
    _exit(1);
}

void schedule_progress(void)
{
    steps_in_vain = 0;
}

static void switch_to(struct gk_thread *next)
{
    struct gk_thread *before = current;
    if (next == before)
        return;
    before->self = gk_self;
    current = next;
    gk_self = next->self;
    swapcontext(&before->context, &next->context);
}

/* Lets a thread that is ready go on; sleepers wake when their time has come. */
static void schedule(void)
{
    for (;;) {
        struct gk_thread *ready[THREADS];
        uint32_t count = 0;
        int64_t first = GK_FOREVER;
        for (int i = 0; i < THREADS; i++) {
            struct gk_thread *t = &threads[i];
            if (t->state == ASLEEP && t->deadline <= now) {
                t->state = READY;
                t->timed_out = 1;
            }
            if (t->state == READY)
                ready[count++] = t;
            else if (t->state == ASLEEP && t->deadline < first)
                first = t->deadline;
        }
        if (count > 0) {
            switch_to(ready[schedule_random(count)]);
            return;
        }
        if (first == GK_FOREVER)
            schedule_fail("all threads sleep");
        now = first;
    }
}

static int sleep_on(const volatile void *word, int64_t deadline)
{
    current->state = ASLEEP;
    current->word = word;
    current->deadline = deadline;
    current->timed_out = 0;
    schedule();
    return current->timed_out;
}

void schedule_step(void)
{
    if (current == NULL)
        return; /* at exit */
    now += STEP;
    if (++steps_in_vain > MOST_STEPS)
        schedule_fail("no progress");
    if (delays > 0 && schedule_random(delays) == 0)
        sleep_on(NULL, now + STEP * schedule_random(schedule_random(2) ? 400 : 100)); /* as if the system had taken the core away */
    else if (schedule_random(switches) == 0)
        schedule();
    if (tracing)
        printf("thread %d\n", (int)(current - threads));
}

static void enter(void)
{
    current->main(current->argument);
    current->state = DONE;
    for (int i = 0; i < THREADS; i++)
        if (threads[i].state == ASLEEP && threads[i].word == current)
            threads[i].state = READY;
    schedule();
}

/* ---- base/thread.h */

gk_thread *gk_thread_start_with_stack(void (*run)(void *), void *argument, const char *name, size_t stack_size)
{
    (void)name, (void)stack_size;
    schedule_step();
    struct gk_thread *t = threads;
    while (t < threads + THREADS && t->state != FREE)
        t++;
    if (t == threads + THREADS)
        return NULL;
    void *stack = t->context.uc_stack.ss_sp;
    if (stack == NULL)
        stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *t = (struct gk_thread){.main = run, .argument = argument, .state = READY, .deadline = GK_FOREVER};
    getcontext(&t->context);
    t->context.uc_stack.ss_sp = stack;
    t->context.uc_stack.ss_size = STACK;
    makecontext(&t->context, enter, 0);
    schedule_step();
    return t;
}

gk_thread *gk_thread_start(void (*run)(void *), void *argument, const char *name)
{
    return gk_thread_start_with_stack(run, argument, name, 0);
}

void gk_thread_join(gk_thread *t)
{
    if (current == NULL)
        return;
    while (t->state != DONE)
        sleep_on(t, GK_FOREVER);
    t->state = FREE;
}

void gk_thread_forget(gk_thread *t)
{
    (void)t;
}

size_t gk_thread_stack_size(size_t stack_size)
{
    return stack_size;
}

void gk_thread_yield(void)
{
    schedule_step();
    schedule();
}

/* ---- base/park.h */

gk_wait_result gk_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline)
{
    schedule_step();
    if (__c11_atomic_load(word, __ATOMIC_SEQ_CST) != expected)
        return GK_WOKEN;
    if (schedule_random(64) == 0)
        return GK_WOKEN; /* a spurious wake-up */
    return sleep_on(word, deadline == GK_NO_DEADLINE ? GK_FOREVER : deadline) ? GK_TIMED_OUT : GK_WOKEN;
}

void gk_wake(_Atomic uint32_t *word, int count)
{
    schedule_step();
    for (; count > 0; count--) {
        struct gk_thread *asleep[THREADS];
        uint32_t found = 0;
        for (int i = 0; i < THREADS; i++)
            if (threads[i].state == ASLEEP && threads[i].word == word)
                asleep[found++] = &threads[i];
        if (found == 0)
            return;
        asleep[schedule_random(found)]->state = READY;
    }
}

void gk_park_after_fork_in_child(void) {}

void gk_thread_use_long_slices(void) {}

/* ---- The rest of base */

int64_t gk_now(void)
{
    return now;
}

int64_t gk_now_coarse(void)
{
    return now;
}

int gk_cores_usable(void)
{
    return 8;
}

int gk_cores_affinity(void)
{
    return 8;
}

void gk_signal_mask_get(gk_signal_mask *mask)
{
    (void)mask;
}

void gk_signal_mask_set(const gk_signal_mask *mask)
{
    (void)mask;
}

void gk_signal_mask_set_internal(gk_signal_mask *before)
{
    (void)before;
}

/* ---- A run */

static void crashed(int signal)
{
    (void)signal;
    static const char why[] = "a crash\n";
    (void)!write(1, why, sizeof why - 1);
    _exit(1);
}

void schedule_run(uint64_t seed, void (*main)(void), int rounds, int trace)
{
    static char signal_stack[64 << 10];
    sigaltstack(&(stack_t){.ss_sp = signal_stack, .ss_size = sizeof signal_stack}, NULL);
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_ONSTACK};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGABRT, &action, NULL);
    random_state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    for (int i = 0; i < 4; i++)
        schedule_random(2);
    tracing = trace;
    current = &threads[0];
    current->state = READY;
    current->deadline = GK_FOREVER;
    for (int i = 0; i < rounds; i++) {
        static const uint32_t switch_each[] = {2, 4, 10, 30}, delay_each[] = {0, 30, 30, 100};
        switches = switch_each[schedule_random(4)];
        delays = delay_each[schedule_random(4)];
        main();
    }
    _exit(0);
}
