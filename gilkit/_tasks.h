/* The waits of gilkit.Executor: the queue in which its threads look for tasks, the state of
 * a future, and the results of a map. All functions need the GIL, and those that wait release it.
 *
 * A future's state is one word. While nothing but result() waits for it, the state changes
 * by compare-and-swap. Other code (concurrent.futures.wait, as_completed, callbacks) uses the
 * future's condition variable, as it does with any future. It is created at first use, which
 * sets STATE_SHARED. From then on, the state changes only while the condition is held, so that
 * this code sees each change once. gilkit.as_completed needs no condition: the thread that
 * clears STATE_COLLECTED, as it ends the future, puts the future into its queue.
 *
 * A round trip needs no wake-up while both threads run: an idle worker and a thread in
 * result() spin for a while before they sleep, without the GIL. A worker runs the last task of
 * the queue with the GIL, releases it, and only then publishes the result; so the thread in
 * result() gets the GIL at once. Without the GIL, the worker cannot drop its reference to the
 * future; it leaves it to that thread (STATE_HELD).
 */
#ifndef GILKIT_TASKS_H
#define GILKIT_TASKS_H

#include <Python.h>

#include <stdatomic.h>

#include "exports.h"

/* To be called before anything else. Returns -1 with an exception if gilkit._core cannot be imported. */
int tasks_import_core(void);

/* The fork depth of this process. The tasks of a parent do not run in its child. */
extern int tasks_forks;

/* In a forked child: counts the fork, and forgets the spinning threads, which exist only in the parent. */
void tasks_after_fork_in_child(void);

/* ---- The state of a future ---- */

enum {
    STATE_PENDING,
    STATE_RUNNING,
    STATE_CANCELLED, /* from here on, the future is done */
    STATE_NOTIFIED,
    STATE_FINISHED,
    STATE_MASK = 7,
    STATE_SHARED = 8,  /* there is a condition variable */
    STATE_HELD = 16,   /* one reference to the future belongs to the thread that clears this */
    STATE_SLEEPER = 32, /* a thread sleeps until the state changes */
    STATE_COLLECTED = 64, /* gilkit.as_completed must be notified when the future is done */
    STATE_WAITER = 128, /* the number of threads in state_wait(), times this */
};

typedef _Atomic uint32_t state_word;

static inline int state_of(state_word *word)
{
    return (int)(atomic_load_explicit(word, memory_order_acquire) & STATE_MASK);
}

static inline int state_is_shared(state_word *word)
{
    return (atomic_load_explicit(word, memory_order_acquire) & STATE_SHARED) != 0;
}

static inline int state_has_waiter(state_word *word)
{
    return atomic_load_explicit(word, memory_order_relaxed) >= STATE_WAITER;
}

static inline void state_share(state_word *word)
{
    atomic_fetch_or(word, STATE_SHARED);
}

/* Returns 1; or 2 if the caller must notify as_completed that the future is done; or 0 if the state
 * is not `from`; or -1 if the condition must be held. */
int state_change(state_word *word, int from, int to);

/* For a thread that holds the condition. Returns the previous state, plus STATE_COLLECTED if the
 * caller must notify as_completed that the future is done. */
int state_set(state_word *word, int state);

/* Sets STATE_COLLECTED. Returns 0 if it is set already or the future is done, as far as as_completed is concerned:
 * a cancelled future is done once its executor has noticed. */
int state_collect(state_word *word);

/* Clears STATE_COLLECTED. Returns whether it was set. */
int state_end_collecting(state_word *word);

/* Waits until the future is done. Returns GK_OK, GK_TIMEOUT or GK_INTERRUPTED. If it sets
 * *held, the caller must drop a reference to the future. */
int state_wait(state_word *word, const gk_wait_options *options, int *held);

/* ---- The queue of an executor ---- */

typedef struct {
    PyObject **ring; /* under the lock, as are the next three */
    int64_t first, count, capacity;
#ifdef Py_GIL_DISABLED
    PyMutex mutex; /* with a GIL, that is the lock: no Python code runs while it is held */
#endif
    _Atomic int64_t queued; /* calls in tasks that are in the ring */
    _Atomic int idle;       /* threads that look into the ring before they sleep, or sleep */
    _Atomic int threads, max_threads;
    _Atomic int spinning;       /* idle threads that see a task without being woken */
    _Atomic int sleeping;       /* idle threads that have to be woken; the one that wakes them subtracts them */
    _Atomic uint32_t permits;   /* threads that were woken and have not noticed */
    _Atomic int closed;         /* no more tasks; threads end when the ring is empty */
} task_queue;

static inline void tasks_lock(task_queue *q)
{
#ifdef Py_GIL_DISABLED
    PyMutex_Lock(&q->mutex);
#else
    (void)q;
#endif
}

static inline void tasks_unlock(task_queue *q)
{
#ifdef Py_GIL_DISABLED
    PyMutex_Unlock(&q->mutex);
#else
    (void)q;
#endif
}

/* With the lock. Takes a new reference. Returns -1 if memory is exhausted. */
int tasks_append(task_queue *q, PyObject *task, int64_t calls);

/* With the lock. The first task, borrowed, or NULL. */
PyObject *tasks_first(task_queue *q);

/* With the lock. Removes the first task, whose reference becomes the caller's. */
PyObject *tasks_remove_first(task_queue *q, int64_t calls);

/* Announces that this thread will soon release the GIL, and wakes a thread for each call that no
 * awake thread will see. */
void tasks_announce(task_queue *q, int64_t calls);

/* Whether another thread should be started for the queued calls. */
static inline int tasks_need_thread(task_queue *q)
{
    return atomic_load(&q->queued) > atomic_load(&q->idle) && atomic_load(&q->threads) < atomic_load(&q->max_threads);
}

/* Lets the threads end when there are no more tasks. */
void tasks_close(task_queue *q);

/* Sleeps until there may be a task or the queue is closed. */
void tasks_wait(task_queue *q);

#ifdef Py_GIL_DISABLED
enum { TASKS_GIL = 0 };
#else
enum { TASKS_GIL = 1 };
#endif

/* Releases the GIL, publishes the end of a task whose outcome is stored in the future, and does
 * tasks_wait(). Returns 1, and the reference to the future is another thread's. Otherwise it has
 * not waited and returns 0 if the end was published, or -1 if the condition must be held for that. */
int tasks_finish_and_wait(task_queue *q, state_word *word);

/* Lets other threads have the GIL if this one has held it for long. Builtin functions never release
 * it by themselves. */
void tasks_breathe(int64_t *since);

/* In a forked child. */
void tasks_reset(task_queue *q);

/* ---- The calls of a map ---- */

enum { CALL_WAITING, CALL_RETURNED, CALL_RAISED, CALL_CANCELLED };

typedef struct {
    int64_t n;
    _Atomic int64_t next;    /* the first call that no thread has claimed; n or more: none */
    _Atomic int64_t awaited; /* the call that the consumer waits for; -1: none */
    _Atomic int64_t ended;
    _Atomic uint32_t wakes;
    _Atomic unsigned char *states;
} call_batch;

int calls_init(call_batch *b, int64_t n);
void calls_free(call_batch *b);

/* Returns the index of a call that is now the caller's, or -1. */
static inline int64_t calls_claim(call_batch *b)
{
    int64_t index = atomic_load_explicit(&b->next, memory_order_relaxed);
    if (index >= b->n)
        return -1;
    index = atomic_fetch_add_explicit(&b->next, 1, memory_order_relaxed);
    return index < b->n ? index : -1;
}

/* Claims all others; returns the first. */
static inline int64_t calls_claim_rest(call_batch *b)
{
    int64_t first = atomic_exchange(&b->next, b->n);
    return first < b->n ? first : b->n;
}

static inline int64_t calls_left(call_batch *b)
{
    int64_t next = atomic_load(&b->next);
    return next < b->n ? b->n - next : 0;
}

static inline int calls_state(call_batch *b, int64_t index)
{
    return atomic_load_explicit(&b->states[index], memory_order_acquire);
}

/* After its outcome was stored. */
void calls_publish(call_batch *b, int64_t index, int state);

/* As state_wait(). */
int calls_wait(call_batch *b, int64_t index, const gk_wait_options *options);

#endif
