/* A region on the stack of a thread that has no greenlets: see gilkit/_parallel.h.
 *
 * Between the bytecodes of a task, Python may run a signal handler, which may switch to another
 * greenlet and so move the stack of the thread that runs the task.
 */
#ifndef GILKIT_PATCHING_ELSEWHERE_H
#define GILKIT_PATCHING_ELSEWHERE_H

#include <Python.h>

#include <stdlib.h>

#include "exports.h"

/* On the heap: the waiting thread's stack may be moved, too. */
typedef struct {
    int64_t n;
    gk_body *body;
    void *data;
    gk_options options;
    PyThread_type_lock done; /* released by the thread */
} elsewhere_job;

static void elsewhere_main(void *argument)
{
    elsewhere_job *job = argument;
    GK(gk_parallel_for)(job->n, job->body, job->data, &job->options);
    PyThread_release_lock(job->done);
}

/* Needs no GIL. No signal handler runs on the calling thread meanwhile. */
static void run_elsewhere(int64_t n, gk_body *body, void *data, const gk_options *options)
{
    elsewhere_job *job = malloc(sizeof *job);
    PyThread_type_lock done = PyThread_allocate_lock();
    int started = 0;
    if (job != NULL && done != NULL) {
        *job = (elsewhere_job){n, body, data, *options, done};
        PyThread_acquire_lock(done, NOWAIT_LOCK);
        started = PyThread_start_new_thread(elsewhere_main, job) != PYTHREAD_INVALID_THREAD_ID;
        if (started)
            PyThread_acquire_lock(done, WAIT_LOCK);
        PyThread_release_lock(done);
    }
    if (!started)
        body(0, n, data); /* without a region */
    if (done != NULL)
        PyThread_free_lock(done);
    free(job);
}

#endif
