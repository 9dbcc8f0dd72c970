/* gk_parallel_for for threads that have greenlets: the region lives on the stack of another thread,
 * which has no greenlets.
 *
 * When a greenlet switches away, others use its stack. A region on that stack, which workers
 * write to, would be overwritten and would overwrite their data. Bodies and signal handlers
 * that are Python functions may switch.
 */
#ifndef GILKIT_ELSEWHERE_H
#define GILKIT_ELSEWHERE_H

#include <Python.h>

#include <stdatomic.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "exports.h"

/* Shared by the caller and the thread. The caller always waits, and frees it. */
typedef struct {
    int64_t n;
    gk_body *body;
    void *data;
    gk_options options;
    _Atomic int stop;
    int status;
    PyThread_type_lock done; /* released by the thread */
} elsewhere_job;

static void elsewhere_main(void *argument)
{
    elsewhere_job *job = argument;
    job->status = GK(gk_parallel_for)(job->n, job->body, job->data, &job->options);
    PyThread_release_lock(job->done);
}

static elsewhere_job *new_job(int64_t n, gk_body *body, void *data, const gk_options *options)
{
    elsewhere_job *job = calloc(1, sizeof *job);
    PyThread_type_lock done = PyThread_allocate_lock();
    if (job == NULL || done == NULL) {
        if (done != NULL)
            PyThread_free_lock(done);
        free(job);
        return NULL;
    }
    *job = (elsewhere_job){.n = n, .body = body, .data = data, .options = *options, .done = done};
    PyThread_acquire_lock(done, NOWAIT_LOCK);
    return job;
}

static int start_job(elsewhere_job *job)
{
    return PyThread_start_new_thread(elsewhere_main, job) != PYTHREAD_INVALID_THREAD_ID;
}

/* After the thread has released `done` and this one has acquired it, or if no thread was started. */
static void free_job(elsewhere_job *job)
{
    PyThread_release_lock(job->done);
    PyThread_free_lock(job->done);
    free(job);
}

/* ---- A call that signals may end ---- */

static int is_stopped(void *job)
{
    return atomic_load_explicit(&((elsewhere_job *)job)->stop, memory_order_relaxed);
}

/* If no thread can be started: chunk by chunk, without a region. */
static int run_without_region(elsewhere_job *job)
{
    int64_t grain = job->options.grain > 0 ? job->options.grain : GK(gk_default_grain)(job->n);
    for (int64_t begin = 0; begin < job->n; begin += grain) {
        Py_BEGIN_ALLOW_THREADS
        job->body(begin, job->n - begin > grain ? begin + grain : job->n, job->data);
        Py_END_ALLOW_THREADS
        if (PyErr_CheckSignals() != 0)
            return GK_INTERRUPTED;
        if (job->options.deadline != GK_NO_DEADLINE && GK(gk_now)() >= job->options.deadline)
            return GK_TIMEOUT;
    }
    return GK_OK;
}

/* Waits for the thread, and runs signal handlers meanwhile. */
static int wait_for_job(elsewhere_job *job)
{
    static const PY_TIMEOUT_T POLL_EVERY = 5000; /* microseconds */
    for (int interrupted = 0, cancelled = 0;;) {
        PyLockStatus woken;
        Py_BEGIN_ALLOW_THREADS
        woken = PyThread_acquire_lock_timed(job->done, POLL_EVERY, !interrupted);
        Py_END_ALLOW_THREADS
        if (woken == PY_LOCK_ACQUIRED)
            return interrupted                                        ? GK_INTERRUPTED
                   : cancelled && job->status == GK_INTERRUPTED ? GK_CANCELLED
                                                                 : job->status;
        if (!interrupted && PyErr_CheckSignals() != 0)
            interrupted = 1;
        cancelled |= GK(gk_cancelled)(); /* a region around this call is ending */
        if (interrupted || cancelled)
            atomic_store(&job->stop, 1);
    }
}

/* Needs the GIL, and runs signal handlers. Returns the status of the region. */
GK_INLINE int parallel_for_elsewhere(int64_t n, gk_body *body, void *data, const gk_options *options)
{
    if (n <= 0)
        return GK_OK;
    elsewhere_job *job = new_job(n, body, data, options);
    if (job == NULL)
        return GK_NO_MEMORY;
    job->options.poll = is_stopped;
    job->options.poll_context = job;
    int status = start_job(job) ? wait_for_job(job) : run_without_region(job);
    free_job(job);
    return status;
}

/* ---- A call that nothing ends ---- */

/* Needs no GIL. No signal handler runs on the calling thread meanwhile. */
GK_INLINE void whole_parallel_for_elsewhere(int64_t n, gk_body *body, void *data, const gk_options *options)
{
    elsewhere_job *job = new_job(n, body, data, options);
    if (job != NULL && start_job(job))
        PyThread_acquire_lock(job->done, WAIT_LOCK);
    else
        body(0, n, data); /* without a region */
    if (job != NULL)
        free_job(job);
}

#endif
