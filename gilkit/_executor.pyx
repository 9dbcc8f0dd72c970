# cython: subinterpreters_compatible = own_gil
"""The tasks, futures and threads of gilkit.Executor. _tasks.h describes how they wait for one another."""
import threading
from concurrent.futures import _base
from concurrent.futures import thread as _stdlib

cimport cython
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF
from libc.stdint cimport int64_t, uint32_t

from gilkit._exports cimport (
    GK_DO_NOT_WAIT, GK_INTERRUPTED, gk_pool_use_long_slices, gk_thread_use_long_slices, gk_wait_options, import_core,
)
from gilkit.sync._wait cimport wait_options_of

from gilkit._runner import threads_are_greenlets

import_core()

include "_futures.pxi"


# ---- The queue and the threads


@cython.auto_pickle(False)
cdef class WorkQueue:
    """The tasks of an executor that have not begun, with the methods of queue.SimpleQueue that programs call."""

    cdef task_queue q

    def __dealloc__(self):
        while tasks_first(&self.q) != NULL:
            Py_XDECREF(tasks_remove_first(&self.q, 0))
        free(self.q.ring)

    @property
    def max_threads(self):
        return self.q.max_threads

    @max_threads.setter
    def max_threads(self, int n):
        self.q.max_threads = n

    @property
    def threads(self):
        return self.q.threads

    def close(self):
        """Accept no more tasks, and let the threads end when no task is left."""
        tasks_close(&self.q)

    def needs_thread(self):
        """Return whether there are more calls than threads to make them."""
        return tasks_need_thread(&self.q)

    def count_threads(self, int n):
        """Count n more threads, which are idle at first."""
        add_int(&self.q.threads, n)
        add_int(&self.q.idle, n)

    def put(self, item):
        """Wake the threads, so that they see that the interpreter is exiting."""
        if _stdlib._shutdown:
            tasks_close(&self.q)

    def qsize(self):
        """Return the number of calls that have not begun."""
        cdef int64_t i, n = 0
        cdef PyObject *task
        tasks_lock(&self.q)
        for i in range(self.q.count):
            task = self.q.ring[(self.q.first + i) & (self.q.capacity - 1)]
            n += calls_left(&(<Batch>task).b) if type(<object>task) is Batch else 1
        tasks_unlock(&self.q)
        return n

    def empty(self):
        """Return whether all calls have begun."""
        return self.qsize() == 0

    def get_nowait(self):
        """Return an object whose attribute `future` can be cancelled. Its call will not begin."""
        task = self.remove_first()
        if task is None:
            from queue import Empty
            raise Empty
        return Removed(task)

    cdef object remove_first(self):
        """Return a task, or None. Its calls will not begin."""
        cdef PyObject *first
        cdef PyObject *task = NULL
        tasks_lock(&self.q)
        first = tasks_first(&self.q)
        if first != NULL:
            task = tasks_remove_first(&self.q, (<Batch>first).b.n if type(<object>first) is Batch else 1)
        tasks_unlock(&self.q)
        if task == NULL:
            return None
        result = <object>task
        Py_DECREF(result)
        return result

    def end_all(self, make_error=None):
        """Cancel all calls that have not begun, or let them raise make_error()."""
        while (task := self.remove_first()) is not None:
            if make_error is not None:
                if type(task) is Batch or task.set_running_or_notify_cancel():
                    task.set_exception(make_error())
            elif task.cancel() and type(task) is not Batch:
                task.set_running_or_notify_cancel()  # notifies wait() and as_completed()

    def forget(self):
        """In a forked child: forget the parent's threads and tasks."""
        cdef list tasks = []
        tasks_reset(&self.q)
        while (task := self.remove_first()) is not None:
            tasks.append(task)
        self.q.queued = 0

    cdef int append(self, object task, int64_t calls) except -1:
        cdef int status = 1
        tasks_lock(&self.q)
        if not self.q.closed:
            status = tasks_append(&self.q, <PyObject *>task, calls)
        tasks_unlock(&self.q)
        if status < 0:
            raise MemoryError
        if status == 0:
            tasks_announce(&self.q, calls)
        return status

    cdef PyObject *pop(self, bint *idle, int64_t *index) noexcept:
        """Return a new reference to the first task, or NULL. `idle`: whether this thread counts as idle."""
        cdef PyObject *task
        cdef PyObject *used_up = NULL
        tasks_lock(&self.q)
        task = tasks_first(&self.q)
        if (task == NULL) != idle[0]:  # before `queued` drops, because tasks_need_thread() reads that first
            idle[0] = task == NULL
            add_int(&self.q.idle, 1 if idle[0] else -1)
        if task != NULL:
            if type(<object>task) is not Batch:
                tasks_remove_first(&self.q, 1)
            else:
                Py_INCREF(<object>task)
                index[0] = calls_claim(&(<Batch>task).b)
                if calls_left(&(<Batch>task).b) == 0:
                    used_up = tasks_remove_first(&self.q, (<Batch>task).b.n)
        tasks_unlock(&self.q)
        Py_XDECREF(used_up)
        return task


class Removed:
    """The object that get_nowait() returns."""

    def __init__(self, future):
        self.future = future


cdef int run_task(FutureState future) except -1:
    """Run the call and store its outcome. Return whether the caller must publish its end."""
    if state_change(&future.word, STATE_PENDING, STATE_RUNNING) != 1 and not future.set_running_or_notify_cancel():
        return False
    fn, args, kwargs = future.fn, future.args, future.kwargs
    future.fn = future.args = future.kwargs = None
    try:
        future.value = PyObject_Call(<PyObject *>fn, <PyObject *>args, NULL if kwargs is None else <PyObject *>kwargs)
    except BaseException as error:
        future.error = error
    return True


cdef bint finish(FutureState future) except -1:
    """Publish the end of a call, unless the condition must be held for that. Return whether it was published."""
    cdef int changed = state_change(&future.word, STATE_RUNNING, STATE_FINISHED)
    if changed == 2:
        future.put_itself()
    return changed > 0


cdef int publish(FutureState future) except -1:
    """Publish the end of a call as the condition's holder."""
    if finish(future):
        return 0
    if future.error is not None:
        future.set_exception(future.error)
    else:
        future.set_result(future.value)
    return 0


def use_long_slices():
    """Let an event loop run as soon as it wakes up, while this thread and the pool's workers compute."""
    if threads_are_greenlets():
        return  # this is the loop's own thread
    with nogil:
        gk_thread_use_long_slices()
        gk_pool_use_long_slices()


cdef int log_error(str message) except -1:
    _base.LOGGER.critical(message, exc_info=True)


def work(WorkQueue queue, start_thread):
    """Run tasks until the queue is closed. start_thread() is called if there is more to do than threads."""
    cdef PyObject *task
    cdef bint idle = True, closed, ended
    cdef int64_t index = 0, since = 0
    cdef int end, own_forks = forks
    while own_forks == forks:  # unless a task has forked, and this is the child
        closed = queue.q.closed
        task = queue.pop(&idle, &index)
        if task == NULL:
            if closed:
                break
            tasks_wait(&queue.q)
            continue
        if type(<object>task) is Batch:
            (<Batch>task).run(index)
            Py_DECREF(<object>task)
            continue
        ended = False
        try:
            ended = run_task(<FutureState>task)
        except BaseException:
            log_error("Exception in worker")
        if own_forks != forks:  # the task has forked, and this is the child
            break
        end = -1
        if ended and not state_is_shared(&(<FutureState>task).word):
            if queue.q.queued == 0:
                # Before the end is published, so that a thread which sees it and submits a task starts no other thread.
                idle = True
                add_int(&queue.q.idle, 1)
                if TASKS_GIL and state_has_waiter(&(<FutureState>task).word):
                    end = tasks_finish_and_wait(&queue.q, &(<FutureState>task).word)
            if end < 0:
                end = 0 if finish(<FutureState>task) else -1
            if end < 0 and idle:
                # Callbacks will run. They may wait for a task that another thread must take.
                idle = False
                add_int(&queue.q.idle, -1)
                if tasks_need_thread(&queue.q):
                    start_thread()
        if end == 1:
            continue  # the reference belongs to the thread that waited for the task
        if ended and end < 0:
            try:
                publish(<FutureState>task)
            except BaseException:
                log_error("Exception in worker")
        if idle and Py_REFCNT(task) == 1:
            # Dropping the future may run destructors, which may wait for a task that another thread must take.
            idle = False
            add_int(&queue.q.idle, -1)
            if tasks_need_thread(&queue.q):
                start_thread()
        Py_DECREF(<object>task)
        tasks_breathe(&since)
    if idle and own_forks == forks:
        add_int(&queue.q.idle, -1)


@cython.auto_pickle(False)
cdef class Submitter:
    """The part of gilkit.Executor that is in C."""

    cdef readonly WorkQueue queue
    cdef readonly bint plain  # an ordinary ThreadPoolExecutor

    def __cinit__(self, *args, **kwargs):
        self.queue = WorkQueue()
        self.plain = threads_are_greenlets()

    def __reduce__(self):
        raise TypeError("cannot pickle or copy a gilkit.Executor")

    def submit(self, fn, /, *args, **kwargs):
        """Schedule ``fn(*args, **kwargs)`` and return a future of it.

        Parameters
        ----------
        fn : callable
            Called in a thread of this executor.
        *args, **kwargs
            Its arguments.

        Returns
        -------
        concurrent.futures.Future

        Raises
        ------
        RuntimeError
            After ``shutdown()``, or when the interpreter is exiting.
        concurrent.futures.thread.BrokenThreadPool
            If the initializer has failed.

        Examples
        --------
        >>> with gilkit.Executor() as executor:
        ...     executor.submit(pow, 2, 10).result()
        1024
        """
        if self.plain:
            return _stdlib.ThreadPoolExecutor.submit(self, fn, *args, **kwargs)
        cdef FutureState future = new_future()
        future.fn, future.args = fn, args
        if kwargs:
            future.kwargs = kwargs
        if self.queue.append(future, 1) != 0:
            self._refuse()
        if tasks_need_thread(&self.queue.q):
            self._start_thread(future)
        return future

    def submit_batch(self, fn, list cells, bint star):
        """Schedule the calls of a map."""
        cdef Batch batch = Batch(fn, cells, star)
        if self.queue.append(batch, batch.b.n) != 0:
            self._refuse()
        while (calls_left(&batch.b) > self.queue.q.idle and tasks_need_thread(&self.queue.q)
               and self._start_thread(batch)):
            pass
        return batch
