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

int imap_init(imap_stream *s, int64_t capacity)
{
    s->cells = calloc((size_t)capacity, sizeof(imap_cell));
    s->mask = capacity - 1;
    atomic_store(&s->limit, INT64_MAX);
    atomic_store(&s->awaited, IMAP_NOTHING);
    s->ready = imap_taken_lock();
    s->work = imap_taken_lock();
    s->never = imap_taken_lock();
    return s->cells == NULL || s->ready == NULL || s->work == NULL || s->never == NULL ? -1 : 0;
}

void imap_free(imap_stream *s)
{
    for (int64_t i = 0; s->cells != NULL && i <= s->mask; i++) {
        Py_XDECREF(s->cells[i].item);
        Py_XDECREF(atomic_load(&s->cells[i].outcome));
    }
    free(s->cells);
    Py_XDECREF(atomic_load(&s->broken));
    imap_free_lock(s->ready);
    imap_free_lock(s->work);
    imap_free_lock(s->never);
}

static imap_cell *imap_cell_at(imap_stream *s, int64_t index)
{
    return &s->cells[index & s->mask];
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

/* Called after storing an outcome, `broken` or `over`. Either this sees the wait, or
 * the consumer sees the new value, because each reads after a fence that follows
 * its own write. */
static void imap_wake(imap_stream *s, int64_t index)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&s->awaited, memory_order_relaxed) == index && imap_end_wait(s, index))
        PyThread_release_lock(s->ready);
}

static void imap_wake_any(imap_stream *s)
{
    atomic_thread_fence(memory_order_seq_cst);
    int64_t awaited = atomic_load(&s->awaited);
    if (awaited != IMAP_NOTHING && imap_end_wait(s, awaited))
        PyThread_release_lock(s->ready);
}

int imap_wait(imap_stream *s, int64_t index, int64_t microseconds)
{
    int64_t until = microseconds < 0 ? 0 : GK(gk_now)() + microseconds * GK_MICROSECOND;
    int result = 0;
    atomic_store(&s->awaited, index);
    atomic_thread_fence(memory_order_seq_cst);
    if (imap_is_there(s, index)) {
        result = 1;
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
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_exchange(&s->idle, 0))
        PyThread_release_lock(s->work);
}

void imap_push(imap_stream *s, PyObject *item)
{
    int64_t tail = atomic_load_explicit(&s->tail, memory_order_relaxed);
    imap_cell_at(s, tail)->item = item;
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

static int imap_pending(imap_stream *s)
{
    int64_t end = atomic_load_explicit(&s->tail, memory_order_acquire);
    int64_t limit = atomic_load_explicit(&s->limit, memory_order_relaxed);
    return atomic_load_explicit(&s->next, memory_order_relaxed) < (limit < end ? limit : end);
}

/* Claims an item for this participant, which then counts as working. Returns 0 if there is none. */
static int imap_claim(imap_stream *s, int64_t *index)
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
        if (next < (limit < end ? limit : end) && atomic_compare_exchange_weak(&s->next, &next, next + 1)) {
            *index = next;
            return 1;
        }
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
    int64_t limit = atomic_load(&s->limit);
    while (index + 1 < limit && !atomic_compare_exchange_weak(&s->limit, &limit, index + 1))
        ;
    /* As in gilkit.map, KeyboardInterrupt ends everything at once. */
    if (PyErr_GivenExceptionMatches(error, PyExc_KeyboardInterrupt)) {
        imap_break(s, Py_NewRef(error));
        GK(gk_cancel_token_set)(&s->token, GK_CANCELLED);
    }
}

static void imap_compute(imap_stream *s, int64_t index)
{
    imap_cell *cell = imap_cell_at(s, index);
    PyObject *item = cell->item, *outcome = mapping_call(&s->m, item);
    cell->failed = outcome == NULL;
    if (outcome == NULL) {
        outcome = mapping_take_exception();
        imap_failed(s, index, outcome);
    }
    cell->item = NULL;
    Py_DECREF(item);
    atomic_fetch_sub(&s->working, 1);
    /* From here on the cell belongs to the consumer. */
    atomic_store_explicit(&cell->outcome, outcome, memory_order_release);
    imap_wake(s, index);
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
    while (begin < end && !GK(gk_cancelled)()) {
        if (imap_claim(s, &index)) {
            int64_t before = GK(gk_now)();
            imap_compute(s, index);
            imap_note_cost(s, GK(gk_now)() - before);
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
        atomic_store(&s->idle, 1);
        atomic_thread_fence(memory_order_seq_cst);
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

PyObject *imap_call_here(imap_stream *s, PyObject *context, PyObject *item)
{
    if (PyContext_Enter(context) != 0)
        return NULL;
    int64_t before = GK(gk_now)();
    PyObject *result = mapping_call(&s->m, item);
    imap_note_cost(s, GK(gk_now)() - before);
    PyObject *error = result == NULL ? mapping_take_exception() : NULL;
    if (PyContext_Exit(context) != 0)
        PyErr_WriteUnraisable(context);
    if (error != NULL)
        mapping_set_exception(error);
    return result;
}

int64_t imap_bytes(PyObject *object)
{
    if (PyLong_CheckExact(object) || object == Py_None || PyFloat_CheckExact(object))
        return 0;
    if (PyUnicode_CheckExact(object))
        return (int64_t)PyUnicode_GET_LENGTH(object) * (int64_t)PyUnicode_KIND(object);
    if (PyTuple_CheckExact(object) || PyList_CheckExact(object))
        return (int64_t)Py_SIZE(object) * (int64_t)sizeof(PyObject *);
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
