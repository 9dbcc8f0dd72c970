#include "gilkit/_pipeline.h"

#include "gilkit/_import_core.h"

#include <stdlib.h>

int imap_forks;

/* A participant without an item spins this long, then sleeps at most this long between checks. */
static const int64_t IMAP_SPIN = 100 * GK_MICROSECOND;
static const int64_t IMAP_LONGEST_PAUSE = 2 * GK_MILLISECOND;

int imap_import_core(void)
{
    return gk_import_core();
}

static PyThread_type_lock imap_taken_lock(void)
{
    PyThread_type_lock lock = PyThread_allocate_lock();
    if (lock != NULL)
        PyThread_acquire_lock(lock, NOWAIT_LOCK);
    return lock;
}

static void imap_free_lock(PyThread_type_lock lock)
{
    if (lock == NULL)
        return;
    PyThread_acquire_lock(lock, NOWAIT_LOCK); /* if it is not held already */
    PyThread_release_lock(lock);
    PyThread_free_lock(lock);
}

int imap_init(imap_stream *s, int64_t capacity, int64_t time_limit)
{
    s->cells = calloc((size_t)capacity, sizeof(imap_cell));
    s->mask = capacity - 1;
    s->time_limit = time_limit;
    if (time_limit > 0 && (s->tickets = calloc(GK_MAX_THREADS, sizeof(imap_ticket))) == NULL)
        return -1;
    atomic_store(&s->limit, INT64_MAX);
    atomic_store(&s->awaited, IMAP_NOTHING);
    s->ready = imap_taken_lock();
    s->work = imap_taken_lock();
    s->never = imap_taken_lock();
    return s->cells == NULL || s->ready == NULL || s->work == NULL || s->never == NULL ? -1 : 0;
}

static imap_cell *imap_cell_at(imap_stream *s, int64_t index)
{
    return &s->cells[index & s->mask];
}

void imap_free(imap_stream *s)
{
    for (int64_t i = atomic_load(&s->next); i < atomic_load(&s->tail); i++)
        Py_DECREF(atomic_load(&imap_cell_at(s, i)->item));
    for (int64_t i = 0; s->cells != NULL && i <= s->mask; i++)
        Py_XDECREF(atomic_load(&s->cells[i].outcome));
    free(s->cells);
    free(s->tickets);
    Py_XDECREF(atomic_load(&s->broken));
    imap_free_lock(s->ready);
    imap_free_lock(s->work);
    imap_free_lock(s->never);
}

/* ---- The consumer's wait ---- */

int imap_is_there(imap_stream *s, int64_t index)
{
    if (atomic_load(&s->over))
        return 1;
    if (index == IMAP_END)
        return 0;
    return atomic_load(&imap_cell_at(s, index)->outcome) != NULL || atomic_load(&s->broken) != NULL;
}

/* The thread that ends a wait must release `ready` once. */
static int imap_end_wait(imap_stream *s, int64_t index)
{
    return atomic_compare_exchange_strong(&s->awaited, &index, IMAP_NOTHING);
}

static void imap_end_wait_of(imap_stream *s, int64_t index)
{
    if (!imap_end_wait(s, index))
        return;
    atomic_fetch_add(&s->ended, 1);
    GK(gk_hub_wake)(&s->ended);
    PyThread_release_lock(s->ready);
}

/* Called after storing an outcome, `broken` or `over`. Either this sees the wait, or
 * the consumer sees the new value, because each reads after its own write, and these
 * accesses are sequentially consistent. */
static void imap_wake(imap_stream *s, int64_t index)
{
    if (atomic_load(&s->awaited) == index)
        imap_end_wait_of(s, index);
}

static void imap_wake_any(imap_stream *s)
{
    int64_t awaited = atomic_load(&s->awaited);
    if (awaited != IMAP_NOTHING)
        imap_end_wait_of(s, awaited);
}

/* The wait of a greenlet. Returns 0 after another thread has ended it, after the time and in a forked child, or -1. */
static int imap_switch(imap_stream *s, int64_t index, int64_t until, gk_sleep_function sleep)
{
    for (int forks = imap_forks;;) {
        uint32_t ended = atomic_load(&s->ended);
        if (atomic_load(&s->awaited) != index || imap_forks != forks)
            return 0;
        int result = sleep(&s->ended, ended, until);
        if (result != GK_WOKEN)
            return result == GK_RAISED ? -1 : 0;
    }
}

int imap_wait(imap_stream *s, int64_t index, int64_t microseconds, gk_sleep_function sleep)
{
    int64_t until = microseconds < 0 ? 0 : GK(gk_now)() + microseconds * GK_MICROSECOND;
    int result = 0;
    atomic_store(&s->awaited, index);
    if (imap_is_there(s, index)) {
        result = 1;
    } else if (sleep != NULL) {
        result = imap_switch(s, index, until, sleep);
    } else {
        for (;;) {
            PyLockStatus status;
            Py_BEGIN_ALLOW_THREADS
            status = PyThread_acquire_lock_timed(s->ready, (PY_TIMEOUT_T)microseconds, 1);
            Py_END_ALLOW_THREADS
            if (status == PY_LOCK_ACQUIRED)
                return 1;
            if (status == PY_LOCK_FAILURE)
                break;
            if (PyErr_CheckSignals() != 0) {
                result = -1;
                break;
            }
            if (until != 0) {
                microseconds = (until - GK(gk_now)()) / GK_MICROSECOND;
                if (microseconds <= 0)
                    break;
            }
        }
    }
    if (!imap_end_wait(s, index)) { /* another thread has just ended the wait */
        Py_BEGIN_ALLOW_THREADS
        PyThread_acquire_lock(s->ready, WAIT_LOCK);
        Py_END_ALLOW_THREADS
        if (result == 0)
            result = 1;
    }
    return result;
}

/* ---- Other functions of the consumer ---- */

int imap_enter(int *inside)
{
    return atomic_exchange((_Atomic int *)inside, 1) == 0;
}

void imap_leave(int *inside)
{
    atomic_store((_Atomic int *)inside, 0);
}

void imap_kick(imap_stream *s)
{
    /* If the runner's exchange comes later, it synchronizes with this one and sees the item. */
    if (atomic_exchange(&s->idle, 0))
        PyThread_release_lock(s->work);
}

void imap_push(imap_stream *s, PyObject *item)
{
    int64_t tail = atomic_load_explicit(&s->tail, memory_order_relaxed);
    atomic_store_explicit(&imap_cell_at(s, tail)->item, item, memory_order_relaxed);
    atomic_store_explicit(&s->tail, tail + 1, memory_order_release);
}

PyObject *imap_take(imap_stream *s, int *failed)
{
    imap_cell *cell = imap_cell_at(s, s->head);
    PyObject *outcome = atomic_load_explicit(&cell->outcome, memory_order_acquire);
    if (outcome != NULL) {
        *failed = cell->failed;
        atomic_store_explicit(&cell->outcome, NULL, memory_order_relaxed);
        s->head++;
    }
    return outcome;
}

void imap_stop(imap_stream *s)
{
    while (atomic_exchange_explicit(&s->locked, 1, memory_order_acquire) != 0)
        GK(gk_thread_yield)();
    atomic_store(&s->closed, 1);
    atomic_store_explicit(&s->locked, 0, memory_order_release);
    GK(gk_cancel_token_set)(&s->token, GK_CANCELLED);
    imap_kick(s);
}

/* Adapts to a long item at once, so the consumer computes at most one of them. Adapts
 * to short items gradually, because one measurement may include a preemption. */
static void imap_note_cost(imap_stream *s, int64_t nanoseconds)
{
    int64_t cost = atomic_load_explicit(&s->cost, memory_order_relaxed);
    if (nanoseconds > 4 * IMAP_SHORT)
        nanoseconds = 4 * IMAP_SHORT;
    if (cost != 0 && nanoseconds < cost)
        nanoseconds = (cost + nanoseconds) / 2;
    atomic_store_explicit(&s->cost, nanoseconds > 0 ? nanoseconds : 1, memory_order_relaxed);
}

/* ---- Participants ---- */

int imap_pending(imap_stream *s)
{
    int64_t end = atomic_load_explicit(&s->tail, memory_order_acquire);
    int64_t limit = atomic_load_explicit(&s->limit, memory_order_relaxed);
    return atomic_load_explicit(&s->next, memory_order_relaxed) < (limit < end ? limit : end);
}

/* Claims an item for this participant, which then counts as working. Returns 0 if there is none. */
static int imap_claim(imap_stream *s, int64_t *index, PyObject **item)
{
    int working = atomic_load_explicit(&s->working, memory_order_relaxed);
    do {
        if (working == IMAP_SEALED)
            return 0;
    } while (!atomic_compare_exchange_weak(&s->working, &working, working + 1));
    int64_t next = atomic_load_explicit(&s->next, memory_order_relaxed);
    while (imap_pending(s) && !atomic_load_explicit(&s->closed, memory_order_relaxed)) {
        /* If `next` has changed since, the exchange fails and reloads it. */
        int64_t end = atomic_load_explicit(&s->tail, memory_order_acquire);
        int64_t limit = atomic_load_explicit(&s->limit, memory_order_relaxed);
        /* Read before the claim, after which the consumer may fill the cell again. */
        *item = atomic_load_explicit(&imap_cell_at(s, next)->item, memory_order_relaxed);
        *index = next;
        if (next < (limit < end ? limit : end) && atomic_compare_exchange_weak(&s->next, &next, next + 1))
            return 1;
        next = atomic_load_explicit(&s->next, memory_order_relaxed);
    }
    atomic_fetch_sub(&s->working, 1);
    return 0;
}

void imap_break(imap_stream *s, PyObject *error)
{
    PyObject *nothing = NULL;
    if (!atomic_compare_exchange_strong(&s->broken, &nothing, error))
        Py_DECREF(error);
    imap_wake_any(s);
}

static void imap_failed(imap_stream *s, int64_t index, PyObject *error)
{
    if (s->keep_going && PyErr_GivenExceptionMatches(error, PyExc_Exception))
        return;
    int64_t limit = atomic_load(&s->limit);
    while (index + 1 < limit && !atomic_compare_exchange_weak(&s->limit, &limit, index + 1))
        ;
    /* As in gilkit.map, KeyboardInterrupt ends everything at once. */
    if (PyErr_GivenExceptionMatches(error, PyExc_KeyboardInterrupt)) {
        imap_break(s, Py_NewRef(error));
        GK(gk_cancel_token_set)(&s->token, GK_CANCELLED);
    }
}

/* Hands an outcome to the consumer. Steals the reference. */
static void imap_publish(imap_stream *s, int64_t item, PyObject *outcome, int failed)
{
    if (failed)
        imap_failed(s, item, outcome);
    int64_t index = s->in_order ? item : atomic_fetch_add(&s->results, 1);
    imap_cell *cell = imap_cell_at(s, index);
    cell->failed = failed;
    atomic_store(&cell->outcome, outcome);
    imap_wake(s, index);
}

static PyObject *imap_timeout_error(void)
{
    PyObject *error = PyObject_CallFunction(PyExc_TimeoutError, "s", "the item did not end within its timeout");
    return error != NULL ? error : mapping_take_exception();
}

/* Replaces the outcome of a call that ended after its time was over, as the consumer
 * would have done, so that it does not depend on when the consumer looks. */
static PyObject *imap_too_late(PyObject *outcome, int *failed)
{
    if (*failed && (PyErr_GivenExceptionMatches(outcome, PyExc_TimeoutError) ||
                    !PyErr_GivenExceptionMatches(outcome, PyExc_Exception)))
        return outcome;
    PyObject *error = imap_timeout_error();
    if (*failed)
        PyException_SetContext(error, outcome); /* steals the reference */
    else
        Py_DECREF(outcome);
    *failed = 1;
    return error;
}

/* Returns the result of the call, or its exception and sets *failed. */
static PyObject *imap_call(imap_stream *s, PyObject *item, int *failed)
{
    int64_t began = GK(gk_now)();
    PyObject *outcome = mapping_call(&s->m, item);
    int64_t took = GK(gk_now)() - began;
    imap_note_cost(s, took);
    *failed = outcome == NULL;
    if (outcome == NULL)
        outcome = mapping_take_exception();
    return s->time_limit > 0 && took > s->time_limit ? imap_too_late(outcome, failed) : outcome;
}

/* Returns whether the caller is the one that publishes the outcome. */
static int imap_take_ticket(imap_ticket *ticket, int64_t item)
{
    int64_t number = item + 1;
    return atomic_compare_exchange_strong(&ticket->item, &number, 0);
}

static void imap_compute(imap_stream *s, int64_t index, PyObject *item)
{
    imap_ticket *ticket = s->tickets != NULL ? &s->tickets[GK(gk_participant)()] : NULL;
    if (ticket != NULL) {
        atomic_store(&ticket->began, GK(gk_now)());
        atomic_store(&ticket->item, index + 1);
    }
    int failed;
    PyObject *outcome = imap_call(s, item, &failed);
    Py_DECREF(item);
    int given_up = ticket != NULL && !imap_take_ticket(ticket, index);
    if (given_up)
        atomic_fetch_sub(&s->given_up, 1);
    atomic_fetch_sub(&s->working, 1);
    if (given_up)
        Py_DECREF(outcome);
    else
        imap_publish(s, index, outcome, failed);
}

/* Waits for more items while another participant computes, because a thread that has
 * left a region cannot join it again. When no participant computes, seals the
 * region. Returns 0 when the region ends. */
static int imap_linger(imap_stream *s)
{
    PyThreadState *state = PyEval_SaveThread();
    int64_t began = GK(gk_now)();
    int more = 0;
    while (!atomic_load(&s->closed)) {
        if (imap_pending(s)) {
            more = atomic_load(&s->working) != IMAP_SEALED;
            break;
        }
        int working = 0;
        if (atomic_compare_exchange_strong(&s->working, &working, IMAP_SEALED))
            GK(gk_cancel)(1);
        if (working <= 0 || GK(gk_cancelled)())
            break;
        int64_t pause = GK(gk_now)() - began;
        if (pause < IMAP_SPIN) {
            GK(gk_thread_yield)();
        } else {
            pause = pause < IMAP_LONGEST_PAUSE ? pause : IMAP_LONGEST_PAUSE;
            PyThread_acquire_lock_timed(s->never, (PY_TIMEOUT_T)(pause / GK_MICROSECOND), 0);
        }
    }
    PyEval_RestoreThread(state);
    return more;
}

static void imap_body(int64_t begin, int64_t end, void *data)
{
    imap_stream *s = data;
    int64_t index;
    PyObject *item;
    while (begin < end && !GK(gk_cancelled)()) {
        if (imap_claim(s, &index, &item)) {
            imap_compute(s, index, item);
            begin++;
        } else if (!imap_linger(s)) {
            return;
        }
    }
}

/* ---- The runner ---- */

int imap_await_work(imap_stream *s)
{
    PyThreadState *state = PyEval_SaveThread();
    for (;;) {
        atomic_exchange(&s->idle, 1);
        int awake = atomic_load(&s->closed) || imap_pending(s);
        if (!awake || !atomic_exchange(&s->idle, 0))
            PyThread_acquire_lock(s->work, WAIT_LOCK);
        if (atomic_load(&s->closed) || imap_pending(s))
            break;
    }
    PyEval_RestoreThread(state);
    return !atomic_load(&s->closed);
}

int imap_hold(imap_stream *s)
{
    while (atomic_exchange_explicit(&s->locked, 1, memory_order_acquire) != 0)
        GK(gk_thread_yield)();
    int open = !atomic_load(&s->closed);
    if (open) {
        Py_INCREF(s->m.fn);
        Py_INCREF(s->m.context);
        Py_XINCREF(s->m.hooks);
    }
    atomic_store_explicit(&s->locked, 0, memory_order_release);
    return open;
}

void imap_let_go(imap_stream *s)
{
    PyObject *fn = s->m.fn, *context = s->m.context, *hooks = s->m.hooks;
    Py_DECREF(fn);
    Py_DECREF(context);
    Py_XDECREF(hooks);
}

int imap_run(imap_stream *s, gk_options *options)
{
    atomic_store(&s->working, 0);
    atomic_store(&s->m.over, 0);
    options->grain = 1;
    options->eager = 1;
    /* The tokens of the `with` blocks around the call end the region too. */
    gk_token_list around = {options->token, options->outer_tokens};
    if (options->token != NULL)
        options->outer_tokens = &around;
    options->token = &s->token;
    /* A chunk is one item. Their number is unknown, so n is an upper bound. */
    int status = mapping_region(&s->m, INT64_C(1) << 40, imap_body, options);
    return status > 0 ? GK_OK : status;
}

void imap_end(imap_stream *s)
{
    atomic_store(&s->over, 1);
    imap_wake_any(s);
}

/* ---- In the consumer's thread ---- */

PyObject *imap_call_here(imap_stream *s, PyObject *context, PyObject *item, int *failed)
{
    if (PyContext_Enter(context) != 0)
        return NULL;
    PyObject *outcome = imap_call(s, item, failed);
    if (PyContext_Exit(context) != 0)
        PyErr_WriteUnraisable(context);
    return outcome;
}

void imap_give_up(imap_stream *s)
{
    int64_t now = GK(gk_now)();
    for (int i = 0; i < GK_MAX_THREADS; i++) {
        imap_ticket *ticket = &s->tickets[i];
        int64_t number = atomic_load(&ticket->item);
        /* If another item has begun since, its ticket has another number and cannot be taken with this one. */
        if (number == 0 || now - atomic_load(&ticket->began) <= s->time_limit)
            continue;
        PyObject *error = imap_timeout_error();
        atomic_fetch_add(&s->given_up, 1); /* before the participant can subtract it */
        if (imap_take_ticket(ticket, number - 1)) {
            imap_publish(s, number - 1, error, 1);
        } else {
            atomic_fetch_sub(&s->given_up, 1);
            Py_DECREF(error);
        }
    }
}

int imap_is_stuck(imap_stream *s)
{
    int given_up = atomic_load(&s->given_up);
    return given_up > 0 && atomic_load(&s->working) <= given_up;
}

/* Of a tuple or list and its items. Long ones are estimated from their first items. */
static int64_t bytes_of_sequence(PyObject *sequence)
{
    enum { FIRST = 8 };
    int64_t n = Py_SIZE(sequence), looked = n < FIRST ? n : FIRST, bytes = 0;
    for (int64_t i = 0; i < looked; i++) {
        PyObject *item = PySequence_GetItem(sequence, (Py_ssize_t)i);
        if (item == NULL) { /* another thread has made the list shorter */
            PyErr_Clear();
            break;
        }
        /* With more references than the sequence's and this function's, it lives on without the sequence. */
        if (!PyTuple_CheckExact(item) && !PyList_CheckExact(item) && Py_REFCNT(item) <= 2)
            bytes += imap_bytes(item);
        Py_DECREF(item);
    }
    if (looked > 0 && bytes > 0)
        bytes = (int64_t)((double)bytes / (double)looked * (double)n);
    return bytes + n * (int64_t)sizeof(PyObject *);
}

int64_t imap_bytes(PyObject *object)
{
    if (PyLong_CheckExact(object) || object == Py_None || PyFloat_CheckExact(object))
        return 0;
    if (PyBytes_CheckExact(object))
        return Py_SIZE(object);
    /* Not through its buffer: without a GIL, CPython counts the buffers of one object in several threads wrongly. */
    if (PyByteArray_CheckExact(object))
        return PyByteArray_GET_SIZE(object);
    if (PyUnicode_CheckExact(object))
        return (int64_t)PyUnicode_GET_LENGTH(object) * (int64_t)PyUnicode_KIND(object);
    if (PyTuple_CheckExact(object) || PyList_CheckExact(object))
        return bytes_of_sequence(object);
    Py_buffer view;
    if (!PyObject_CheckBuffer(object))
        return 0;
    if (PyObject_GetBuffer(object, &view, PyBUF_FULL_RO) != 0) {
        PyErr_Clear();
        return 0;
    }
    int64_t bytes = view.len;
    PyBuffer_Release(&view);
    return bytes;
}

/* ---- A thread that gevent and eventlet cannot replace ---- */

typedef struct {
    PyInterpreterState *interpreter;
    PyObject *function;
} imap_thread;

static void imap_thread_main(void *argument)
{
    imap_thread thread = *(imap_thread *)argument;
    free(argument);
    PyThreadState *state = PyThreadState_New(thread.interpreter);
    if (state == NULL)
        return;
    PyEval_RestoreThread(state);
    PyObject *result = PyObject_CallNoArgs(thread.function);
    if (result == NULL)
        PyErr_WriteUnraisable(thread.function);
    Py_XDECREF(result);
    Py_DECREF(thread.function);
    PyThreadState_Clear(state);
    PyThreadState_DeleteCurrent();
}

int imap_start_thread(PyObject *function)
{
    imap_thread *thread = malloc(sizeof *thread);
    if (thread == NULL)
        return -1;
    thread->interpreter = PyInterpreterState_Get();
    thread->function = Py_NewRef(function);
    if (PyThread_start_new_thread(imap_thread_main, thread) != PYTHREAD_INVALID_THREAD_ID)
        return 0;
    Py_DECREF(function);
    free(thread);
    return -1;
}
