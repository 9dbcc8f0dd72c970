/* gilkit.parallel_for for threads with greenlets: the region lives on the stack
 * of another thread, which has none.
 *
 * When a greenlet switches away, others use its stack. A region on that stack,
 * which workers write to, would be overwritten and would overwrite their data. A
 * kernel may be a Python function behind a C signature, and that may switch.
 */
#ifndef GILKIT_PARALLEL_H
#define GILKIT_PARALLEL_H

#include <Python.h>

#include <stdatomic.h>
#include <stdlib.h>

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
} parallel_job;

static int parallel_stopped(void *job)
{
    return atomic_load_explicit(&((parallel_job *)job)->stop, memory_order_relaxed);
}

static void parallel_main(void *argument)
{
    parallel_job *job = argument;
    job->status = GK(gk_parallel_for)(job->n, job->body, job->data, &job->options);
    PyThread_release_lock(job->done);
}

/* If no thread can be started: chunk by chunk, without a region. */
static int parallel_here(parallel_job *job)
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

/* Needs the GIL, and runs signal handlers. Returns the status of the region. */
static int parallel_elsewhere(int64_t n, gk_body *body, void *data, const gk_options *options)
{
    static const PY_TIMEOUT_T POLL_EVERY = 5000; /* microseconds */
    if (n <= 0)
        return GK_OK;
    parallel_job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return GK_NO_MEMORY;
    *job = (parallel_job){.n = n, .body = body, .data = data, .options = *options, .done = PyThread_allocate_lock()};
    job->options.poll = parallel_stopped;
    job->options.poll_context = job;
    int status = GK_NO_MEMORY, interrupted = 0, cancelled = 0;
    if (job->done != NULL) {
        PyThread_acquire_lock(job->done, NOWAIT_LOCK);
        if (PyThread_start_new_thread(parallel_main, job) == PYTHREAD_INVALID_THREAD_ID) {
            status = parallel_here(job);
        } else {
            for (;;) {
                PyLockStatus woken;
                Py_BEGIN_ALLOW_THREADS
                woken = PyThread_acquire_lock_timed(job->done, POLL_EVERY, !interrupted);
                Py_END_ALLOW_THREADS
                if (woken == PY_LOCK_ACQUIRED)
                    break;
                if (!interrupted && PyErr_CheckSignals() != 0)
                    interrupted = 1;
                cancelled |= GK(gk_cancelled)(); /* a region around this call is ending */
                if (interrupted || cancelled)
                    atomic_store(&job->stop, 1);
            }
            status = interrupted                                  ? GK_INTERRUPTED
                     : cancelled && job->status == GK_INTERRUPTED ? GK_CANCELLED
                                                                  : job->status;
        }
        PyThread_release_lock(job->done);
        PyThread_free_lock(job->done);
    }
    free(job);
    return status;
}

#endif
