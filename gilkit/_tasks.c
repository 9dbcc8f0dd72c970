#include "gilkit/_tasks.h"

#include "gilkit/_import_core.h"

#include <stdlib.h>
#include <string.h>

int tasks_forks;

int tasks_import_core(void)
{
    return gk_import_core();
}

/* ---- Spinning ---- */

/* About the time of two wake-ups. */
static const int64_t TASKS_SPIN = 50 * GK_MICROSECOND;

/* If a spinning thread is not on a core for this long, other programs want the cores. */
static const int64_t TASKS_PREEMPTED = 200 * GK_MICROSECOND;

/* Threads whose spinning does not pay soon sleep instead: on a busy machine, because the scheduler
 * lets a thread that was woken run before those that spun; with long tasks, because spinning is a
 * waste. After n failures more than successes, 2^n - 1 waits do without spinning. */
typedef struct {
    _Atomic int spinning, failures, skip;
} tasks_habit;

enum { TASKS_MAX_FAILURES = 8 };

static tasks_habit tasks_of_workers, tasks_of_waiters;

static _Atomic int tasks_cores;

void tasks_after_fork_in_child(void)
{
    tasks_forks++;
    atomic_store(&tasks_of_workers.spinning, 0);
    atomic_store(&tasks_of_waiters.spinning, 0);
}

/* Returns whether this thread may spin. A worker and the thread that waits for it spin in turn, but
 * overlap for a moment, so they are counted separately. A core must be left for the other. */
static int tasks_spin_begin(tasks_habit *habit)
{
    int cores = atomic_load_explicit(&tasks_cores, memory_order_relaxed);
    if (cores == 0) {
        cores = GK(gk_cores_usable)();
        atomic_store_explicit(&tasks_cores, cores, memory_order_relaxed);
    }
    if (cores < 2 || GK(gk_num_threads)() < 2)
        return 0;
    int skip = atomic_load_explicit(&habit->skip, memory_order_relaxed);
    if (skip > 0) {
        atomic_store_explicit(&habit->skip, skip - 1, memory_order_relaxed);
        return 0;
    }
    if (atomic_fetch_add_explicit(&habit->spinning, 1, memory_order_relaxed) < cores - 1)
        return 1;
    atomic_fetch_sub_explicit(&habit->spinning, 1, memory_order_relaxed);
    return 0;
}

static void tasks_spin_end(tasks_habit *habit, int success)
{
    int failures = atomic_load_explicit(&habit->failures, memory_order_relaxed);
    atomic_fetch_sub_explicit(&habit->spinning, 1, memory_order_relaxed);
    if (success && failures == 0)
        return;
    failures += success ? -1 : failures < TASKS_MAX_FAILURES;
    atomic_store_explicit(&habit->failures, failures, memory_order_relaxed);
    atomic_store_explicit(&habit->skip, (1 << failures) - 1, memory_order_relaxed);
}

/* Spins until is_there(object, index) or for TASKS_SPIN. */
static int tasks_spin(tasks_habit *habit, int (*is_there)(void *object, int64_t index), void *object, int64_t index)
{
    if (is_there(object, index))
        return 1;
    if (!tasks_spin_begin(habit))
        return 0;
    int found = 0, preempted = 0;
    int64_t now = GK(gk_now)(), until = now + TASKS_SPIN;
    while (!found && now < until) {
        for (int i = 0; i < 16 && !found; i++) {
            gk_cpu_relax();
            found = is_there(object, index);
        }
        if (!found) /* the other thread may have been woken on this core */
            GK(gk_thread_yield)();
        int64_t before = now;
        now = GK(gk_now)();
        preempted |= now - before > TASKS_PREEMPTED;
    }
    tasks_spin_end(habit, found && !preempted);
    return found;
}

/* ---- The GIL ---- */

static PyThreadState *tasks_detach(void)
{
    PyThreadState *state = PyEval_SaveThread();
    if (TASKS_GIL)
        GK(gk_gil_freed)();
    return state;
}

/* If the thread that has just ended this wait still holds the GIL, it is about to release it. */
static void tasks_attach(PyThreadState *state)
{
    if (TASKS_GIL)
        GK(gk_gil_await)();
    PyEval_RestoreThread(state);
}

static void tasks_signalling(void)
{
    if (TASKS_GIL)
        GK(gk_gil_signalling)();
}

void tasks_breathe(int64_t *since)
{
    static const int64_t LONG = GK_MILLISECOND;
    int64_t now = GK(gk_now)();
    if (now - *since < LONG)
        return;
    /* If another thread has requested the GIL, waits until that thread has it. */
    PyEval_RestoreThread(PyEval_SaveThread());
    *since = now;
}

/* ---- The state of a future ---- */

static int state_is_done(void *word, int64_t unused)
{
    (void)unused;
    return state_of(word) >= STATE_CANCELLED;
}

/* Returns the word with another state, and without the marks that are no longer needed. */
static uint32_t state_after(uint32_t word, int state)
{
    word = (word & ~(uint32_t)STATE_MASK) | (uint32_t)state;
    if (state >= STATE_CANCELLED)
        word &= ~(uint32_t)STATE_SLEEPER;
    if (state >= STATE_NOTIFIED)
        word &= ~(uint32_t)STATE_COLLECTED;
    return word;
}

int state_change(state_word *word, int from, int to)
{
    uint32_t seen = atomic_load(word), next;
    do {
        if (seen & STATE_SHARED)
            return -1;
        if ((seen & STATE_MASK) != (uint32_t)from)
            return 0;
        next = state_after(seen, to);
    } while (!atomic_compare_exchange_weak(word, &seen, next));
    if (seen & ~next & STATE_SLEEPER)
        GK(gk_wake)(word, GK_WAKE_ALL);
    return seen & ~next & STATE_COLLECTED ? 2 : 1;
}

int state_set(state_word *word, int state)
{
    uint32_t seen = atomic_load(word), next;
    do
        next = state_after(seen, state) & ~(uint32_t)STATE_SLEEPER;
    while (!atomic_compare_exchange_weak(word, &seen, next));
    if (seen & STATE_SLEEPER)
        GK(gk_wake)(word, GK_WAKE_ALL);
    return (int)((seen & STATE_MASK) | (seen & ~next & STATE_COLLECTED));
}

int state_collect(state_word *word)
{
    uint32_t seen = atomic_load(word);
    do {
        if ((seen & STATE_MASK) >= STATE_NOTIFIED || (seen & STATE_COLLECTED))
            return 0;
    } while (!atomic_compare_exchange_weak(word, &seen, seen | STATE_COLLECTED));
    return 1;
}

int state_end_collecting(state_word *word)
{
    return (atomic_fetch_and(word, ~(uint32_t)STATE_COLLECTED) & STATE_COLLECTED) != 0;
}

/* Sleeps until is_there(), with the poll that signal handlers need. `word` must change with
 * that, and gk_wake() must follow. `expected` returns the value to sleep on. */
static int tasks_sleep(int (*is_there)(void *object, int64_t index), void *object, int64_t index,
                       _Atomic uint32_t *word, uint32_t (*expected)(void *object, int64_t index),
                       const gk_wait_options *options)
{
    int64_t deadline = gk_wait_until(options);
    for (;;) {
        uint32_t value = expected(object, index);
        if (is_there(object, index))
            return GK_OK;
        int64_t until = deadline, now = GK(gk_now)();
        if (options->poll != NULL && now + GK_WAIT_POLL_INTERVAL < until)
            until = now + GK_WAIT_POLL_INTERVAL;
        gk_wait_result result = GK(gk_wait)(word, value, until);
        if (is_there(object, index))
            return GK_OK;
        if (result == GK_TIMED_OUT && until == deadline)
            return GK_TIMEOUT;
        if (options->poll != NULL && options->poll(options->context) != 0)
            return GK_INTERRUPTED;
    }
}

static uint32_t state_sleep_on(void *object, int64_t unused)
{
    (void)unused;
    uint32_t seen = atomic_fetch_or((state_word *)object, STATE_SLEEPER);
    return seen | STATE_SLEEPER;
}

int state_wait(state_word *word, const gk_wait_options *options, int *held)
{
    int status = GK_OK;
    atomic_fetch_add(word, STATE_WAITER);
    PyThreadState *state = tasks_detach();
    if (!tasks_spin(&tasks_of_waiters, state_is_done, word, 0))
        status = tasks_sleep(state_is_done, word, 0, word, state_sleep_on, options);
    tasks_attach(state);
    atomic_fetch_sub(word, STATE_WAITER);
    *held = (atomic_fetch_and(word, ~(uint32_t)STATE_HELD) & STATE_HELD) != 0;
    return status;
}

/* Returns 1 if a waiter is there, to which the reference belongs now; else as tasks_finish_and_wait(). */
static int state_finish_and_hand_over(state_word *word)
{
    uint32_t seen = atomic_load(word), next;
    do {
        if (seen & (STATE_SHARED | STATE_COLLECTED)) /* what follows needs the GIL */
            return -1;
        next = (seen & ~(uint32_t)(STATE_MASK | STATE_SLEEPER)) | STATE_FINISHED;
        if (seen >= STATE_WAITER)
            next |= STATE_HELD;
    } while (!atomic_compare_exchange_weak(word, &seen, next));
    /* The future may be freed by now, but only its address is used. */
    if (seen & STATE_SLEEPER)
        GK(gk_wake)(word, GK_WAKE_ALL);
    return seen >= STATE_WAITER;
}

/* ---- The queue ---- */

static int tasks_make_room(task_queue *q)
{
    if (q->count < q->capacity)
        return 0;
    int64_t capacity = q->capacity > 0 ? 2 * q->capacity : 64;
    PyObject **ring = malloc((size_t)capacity * sizeof *ring);
    if (ring == NULL)
        return -1;
    int64_t until_end = q->capacity - q->first; /* the ring is full: its second half comes first */
    if (q->count > 0) {
        memcpy(ring, q->ring + q->first, (size_t)until_end * sizeof *ring);
        memcpy(ring + until_end, q->ring, (size_t)q->first * sizeof *ring);
    }
    free(q->ring);
    q->ring = ring;
    q->first = 0;
    q->capacity = capacity;
    return 0;
}

int tasks_append(task_queue *q, PyObject *task, int64_t calls)
{
    if (tasks_make_room(q) != 0)
        return -1;
    q->ring[(q->first + q->count++) & (q->capacity - 1)] = Py_NewRef(task);
    atomic_fetch_add(&q->queued, calls);
    return 0;
}

PyObject *tasks_first(task_queue *q)
{
    return q->count > 0 ? q->ring[q->first] : NULL;
}

PyObject *tasks_remove_first(task_queue *q, int64_t calls)
{
    PyObject *task = q->ring[q->first];
    q->first = (q->first + 1) & (q->capacity - 1);
    q->count--;
    atomic_fetch_sub(&q->queued, calls);
    return task;
}

/* Wakes up to n sleeping threads. */
static void tasks_wake(task_queue *q, int64_t n)
{
    int sleeping = atomic_load(&q->sleeping), woken;
    do {
        woken = n < sleeping ? (int)n : sleeping;
        if (woken <= 0)
            return;
    } while (!atomic_compare_exchange_weak(&q->sleeping, &sleeping, sleeping - woken));
    atomic_fetch_add(&q->permits, (uint32_t)woken);
    GK(gk_wake)(&q->permits, woken);
}

void tasks_announce(task_queue *q, int64_t calls)
{
    tasks_signalling();
    if (atomic_load(&q->sleeping) == 0) /* after `queued` was written: either this thread sees the
                                           sleeper, or the sleeper sees the task */
        return;
    int64_t unseen = atomic_load(&q->queued) - atomic_load(&q->spinning);
    tasks_wake(q, unseen < calls ? unseen : calls);
}

void tasks_close(task_queue *q)
{
    atomic_store(&q->closed, 1);
    tasks_wake(q, INT32_MAX);
}

static int tasks_is_there(void *object, int64_t unused)
{
    task_queue *q = object;
    (void)unused;
    return atomic_load(&q->queued) > 0 || atomic_load(&q->closed);
}

static void tasks_sleep_in_queue(task_queue *q)
{
    atomic_fetch_add(&q->sleeping, 1);
    if (tasks_is_there(q, 0)) {
        int sleeping = atomic_load(&q->sleeping);
        while (sleeping > 0)
            if (atomic_compare_exchange_weak(&q->sleeping, &sleeping, sleeping - 1))
                return;
        /* Another thread has just woken all sleepers, including this one. */
    }
    for (;;) {
        uint32_t permits = atomic_load(&q->permits);
        while (permits > 0)
            if (atomic_compare_exchange_weak(&q->permits, &permits, permits - 1))
                return;
        GK(gk_wait)(&q->permits, 0, GK_FOREVER);
    }
}

/* Without the GIL. The thread counts as spinning until it has the GIL and can take a task. */
static void tasks_spin_or_sleep(task_queue *q, PyThreadState *state)
{
    atomic_fetch_add(&q->spinning, 1);
    if (tasks_spin(&tasks_of_workers, tasks_is_there, q, 0)) {
        tasks_attach(state);
        atomic_fetch_sub(&q->spinning, 1);
        return;
    }
    atomic_fetch_sub(&q->spinning, 1);
    tasks_sleep_in_queue(q);
    tasks_attach(state);
}

void tasks_wait(task_queue *q)
{
    tasks_spin_or_sleep(q, tasks_detach());
}

int tasks_finish_and_wait(task_queue *q, state_word *word)
{
    PyThreadState *state = tasks_detach();
    int end = state_finish_and_hand_over(word);
    if (end == 1)
        tasks_spin_or_sleep(q, state);
    else
        PyEval_RestoreThread(state);
    return end;
}

void tasks_reset(task_queue *q)
{
#ifdef Py_GIL_DISABLED
    memset(&q->mutex, 0, sizeof q->mutex);
#endif
    atomic_store(&q->idle, 0);
    atomic_store(&q->threads, 0);
    atomic_store(&q->spinning, 0);
    atomic_store(&q->sleeping, 0);
    atomic_store(&q->permits, 0);
}

/* ---- The calls of a map ---- */

int calls_init(call_batch *b, int64_t n)
{
    b->n = n;
    atomic_store(&b->awaited, -1);
    b->states = calloc(n > 0 ? (size_t)n : 1, 1);
    return b->states == NULL ? -1 : 0;
}

void calls_free(call_batch *b)
{
    free((void *)b->states);
}

static int calls_is_there(void *batch, int64_t index)
{
    return calls_state(batch, index) != CALL_WAITING;
}

void calls_publish(call_batch *b, int64_t index, int state)
{
    /* seq_cst, as in calls_sleep_on(): either this thread sees the wait, or the consumer sees the
     * state. */
    atomic_store(&b->states[index], (unsigned char)state);
    int64_t awaited = index;
    if (atomic_load(&b->awaited) == index && atomic_compare_exchange_strong(&b->awaited, &awaited, -1)) {
        tasks_signalling();
        atomic_fetch_add(&b->wakes, 1);
        GK(gk_wake)(&b->wakes, 1);
    }
}

static uint32_t calls_sleep_on(void *batch, int64_t index)
{
    call_batch *b = batch;
    uint32_t wakes = atomic_load(&b->wakes);
    atomic_store(&b->awaited, index);
    return wakes;
}

int calls_wait(call_batch *b, int64_t index, const gk_wait_options *options)
{
    int status = GK_OK;
    PyThreadState *state = tasks_detach();
    if (!tasks_spin(&tasks_of_waiters, calls_is_there, b, index)) {
        status = tasks_sleep(calls_is_there, b, index, &b->wakes, calls_sleep_on, options);
        atomic_store(&b->awaited, -1);
    }
    tasks_attach(state);
    return status;
}
