/* The pipeline of gilkit.imap: a ring of cells between its consumer, which puts
 * items in and takes results out, and the participants of a region, which
 * compute them.
 *
 * A thread of imap's own, the runner, begins a region when there are items, and
 * sleeps when there are none. Participants claim items in order. The consumer takes
 * results in the order of their indices, so one index identifies the result that it
 * waits for. In the order of the items, a result has the index of its item; in the
 * order of completion, the number of results before it. A cell holds the item with its
 * index and later the result with its index, which belong together only in the first case.
 *
 * A cell is free before it is used again. At most `capacity` items are read but not yet given
 * as results, so item n + capacity is read only after result n was taken. By then item n has
 * been claimed, too: n + 1 results need n + 1 items, which are claimed in order. And result
 * n + capacity comes after item n + capacity.
 *
 * With a time limit per item, each participant has a ticket for its item. The one that
 * takes the ticket back publishes the outcome: the participant when its call ends, or the
 * consumer when the time is over, which gives the item up with a TimeoutError.
 *
 * All waits use locks of CPython's C interface, because gevent and eventlet
 * replace the locks of Python's modules. Only a consumer that is a greenlet sleeps in its
 * hub (csrc/base/hub.h), which runs the other greenlets of its thread meanwhile.
 */
#ifndef GILKIT_PIPELINE_H
#define GILKIT_PIPELINE_H

#include "gilkit/_mapping.h"

typedef struct {
    _Atomic(PyObject *) item;    /* the participant that claims it takes the reference */
    _Atomic(PyObject *) outcome; /* the result or the exception; NULL: not there yet */
    int failed;                  /* the outcome is an exception */
} imap_cell;

typedef struct {
    _Atomic int64_t item;  /* one more than the index of the item in progress; 0: none, or it was given up */
    _Atomic int64_t began; /* when */
} imap_ticket;

/* The fork depth of this process. The pipelines of a parent have no threads in its child. */
extern int imap_forks;

typedef struct {
    mapping m; /* for the calls; must be first, for mapping_enter() */
    imap_cell *cells;
    imap_ticket *tickets; /* of participants; NULL without a time limit */
    int64_t mask;
    int64_t time_limit;         /* nanoseconds after which an item is given up; 0: none */
    int in_order;               /* results are given in the order of the items */
    int keep_going;             /* an Exception is a result like any other */
    int64_t head;               /* the next result to give; used by the consumer alone */
    _Atomic int64_t next, tail; /* items before these are claimed, read */
    _Atomic int64_t results;    /* their number, in the order of completion */
    _Atomic int64_t limit;      /* items from here on are not needed, because one before them failed */
    _Atomic int64_t cost;       /* nanoseconds per item, at most four times IMAP_SHORT; 0: unknown */
    _Atomic int64_t awaited;    /* the result that the consumer waits for, IMAP_END or IMAP_NOTHING */
    _Atomic int working;        /* participants that compute an item; IMAP_SEALED: the region ends */
    _Atomic int given_up;       /* those of them whose item was given up */
    _Atomic int idle;           /* the runner sleeps; the thread that clears this wakes it */
    _Atomic int closed;         /* no more items may be started */
    _Atomic int over;           /* the runner has ended */
    _Atomic int locked;         /* a lock: `closed` is not set while a region starts */
    _Atomic(PyObject *) broken; /* an exception that takes precedence over all results */
    gk_cancel_token token;      /* ends gilkit's calls inside the items */
    PyThread_type_lock ready, work, never; /* held; releasing one of the first two wakes its waiter */
    _Atomic uint32_t ended;     /* the number of waits that other threads have ended; a greenlet sleeps on it */
} imap_stream;

enum { IMAP_NOTHING = -1, IMAP_END = -2, IMAP_SEALED = -1 };

/* The consumer itself computes items that take fewer nanoseconds than handing them
 * over costs. With a GIL, the other thread has to acquire it first. */
#ifdef Py_GIL_DISABLED
static const int64_t IMAP_SHORT = 1000;
#else
static const int64_t IMAP_SHORT = 10 * GK_MICROSECOND;
#endif

/* To be called before anything else. Returns -1 with an exception if gilkit._core cannot be imported. */
int imap_import_core(void);

/* capacity is a power of two. Returns 0, or -1 if memory is exhausted. */
int imap_init(imap_stream *s, int64_t capacity, int64_t time_limit);

/* To be called when no other thread uses the stream. */
void imap_free(imap_stream *s);

/* ---- For the consumer ---- */

/* Whether there is a result with this index. */
int imap_is_there(imap_stream *s, int64_t index);

/* Waits for the result with this index, or for the runner's end, at most `microseconds` (-1: no
 * limit). Returns 1 if it may be there, 0 if not, and -1 with an exception if a
 * signal handler raised. `sleep`: how the current greenlet sleeps; NULL: the wait blocks
 * the thread. */
int imap_wait(imap_stream *s, int64_t index, int64_t microseconds, gk_sleep_function sleep);

/* Returns 1 if no other thread is inside: there is one consumer at a time. */
int imap_enter(int *inside);
void imap_leave(int *inside);

/* Wakes the runner if it sleeps. */
void imap_kick(imap_stream *s);

/* Steals the reference. There must be room. */
void imap_push(imap_stream *s, PyObject *item);

/* Returns the result `head` and advances `head`; NULL if it is not there yet. */
PyObject *imap_take(imap_stream *s, int *failed);

/* Gives up the items in progress whose time is over. */
void imap_give_up(imap_stream *s);

/* Whether all participants that compute are in items that were given up. */
int imap_is_stuck(imap_stream *s);

/* Whether there are items that no participant has claimed. */
int imap_pending(imap_stream *s);

/* Lets no more items start, and ends gilkit's calls in the items in progress. */
void imap_stop(imap_stream *s);

/* Calls the function in the given context. Returns its outcome, or NULL with an exception if that cannot be. */
PyObject *imap_call_here(imap_stream *s, PyObject *context, PyObject *item, int *failed);

/* Returns the object's size in memory if its type is one of those that are often large,
 * else 0. The items of a tuple or list count, too. */
int64_t imap_bytes(PyObject *object);

/* ---- For the runner ---- */

/* Sleeps until there is work. Returns 0 if the stream is closed. */
int imap_await_work(imap_stream *s);

/* Takes references for a region. A sleeping runner holds no reference to the function,
 * so that an iterator that its own function refers to can be collected. Returns 0 if
 * the stream is closed. */
int imap_hold(imap_stream *s);
void imap_let_go(imap_stream *s);

/* Computes until there are no items. Returns the status of the region. */
int imap_run(imap_stream *s, gk_options *options);

/* Gives the consumer an exception that takes precedence over all results. Steals the reference. */
void imap_break(imap_stream *s, PyObject *error);

/* The last call of the runner. */
void imap_end(imap_stream *s);

/* Starts a thread that calls the function, and that gevent and eventlet cannot replace.
 * Returns 0, or -1 if no thread can be started. */
int imap_start_thread(PyObject *function);

#endif
