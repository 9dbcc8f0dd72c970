# The futures of gilkit.Executor, and the calls of its map: a part of _executor.pyx.

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject *o)
    object PyObject_Call(PyObject *callable, PyObject *args, PyObject *kwargs)
    object PyObject_CallOneArg(PyObject *callable, PyObject *argument)
    PyObject **PySequence_Fast_ITEMS(object sequence)

cdef extern from "gilkit/_tasks.h":
    int tasks_import_core() except -1
    int forks "tasks_forks"
    void tasks_after_fork_in_child() noexcept nogil
    int STATE_PENDING, STATE_RUNNING, STATE_CANCELLED, STATE_NOTIFIED, STATE_FINISHED, STATE_COLLECTED
    ctypedef uint32_t state_word
    int state_of(state_word *word) noexcept nogil
    bint state_is_shared(state_word *word) noexcept nogil
    bint state_has_waiter(state_word *word) noexcept nogil
    void state_share(state_word *word) noexcept nogil
    int state_change(state_word *word, int before, int after) noexcept nogil
    int state_set(state_word *word, int state) noexcept nogil
    bint state_collect(state_word *word) noexcept nogil
    bint state_end_collecting(state_word *word) noexcept nogil
    int state_wait(state_word *word, const gk_wait_options *options, int *held) noexcept
    ctypedef struct task_queue:
        PyObject **ring
        int64_t first, count, capacity
        # Atomic in C, so that reading and writing them is.
        int64_t queued
        int idle, threads, max_threads
        int closed
    void tasks_lock(task_queue *q) noexcept
    void tasks_unlock(task_queue *q) noexcept
    int tasks_append(task_queue *q, PyObject *task, int64_t calls) noexcept
    PyObject *tasks_first(task_queue *q) noexcept
    PyObject *tasks_remove_first(task_queue *q, int64_t calls) noexcept
    void tasks_announce(task_queue *q, int64_t calls) noexcept
    bint tasks_need_thread(task_queue *q) noexcept
    void tasks_close(task_queue *q) noexcept
    void tasks_wait(task_queue *q) noexcept
    bint TASKS_GIL
    int tasks_finish_and_wait(task_queue *q, state_word *word) noexcept
    void tasks_breathe(int64_t *since) noexcept
    void tasks_reset(task_queue *q) noexcept
    int CALL_WAITING, CALL_RETURNED, CALL_RAISED, CALL_CANCELLED
    ctypedef struct call_batch:
        int64_t n
        int64_t ended
    int calls_init(call_batch *b, int64_t n) except -1
    void calls_free(call_batch *b) noexcept
    int64_t calls_claim(call_batch *b) noexcept
    int64_t calls_claim_rest(call_batch *b) noexcept
    int64_t calls_left(call_batch *b) noexcept
    int calls_state(call_batch *b, int64_t index) noexcept
    void calls_publish(call_batch *b, int64_t index, int state) noexcept
    int calls_wait(call_batch *b, int64_t index, const gk_wait_options *options) noexcept
    int64_t add "atomic_fetch_add" (int64_t *number, int64_t n) noexcept
    int add_int "atomic_fetch_add" (int *number, int n) noexcept
    void free(void *block)

cdef extern from *:
    """
    #define gilkit_new(type, arguments) (((PyTypeObject *)(type))->tp_new((PyTypeObject *)(type), (arguments), NULL))
    """
    object new_object "gilkit_new" (object type, object arguments)

tasks_import_core()

cdef enum:
    TAKEN_AT_ONCE = 256  # results


def after_fork_in_child():
    """Forget the parent's threads."""
    tasks_after_fork_in_child()


cdef int raise_forked() except -1:
    raise RuntimeError("this process was forked before the task ended; only the parent gets its result")


# ---- Futures

_names = (_base.PENDING, _base.RUNNING, _base.CANCELLED, _base.CANCELLED_AND_NOTIFIED, _base.FINISHED)
PlainFuture = _base.Future


@cython.auto_pickle(False)
cdef class FutureState:
    """The attributes of a concurrent.futures.Future, in C."""

    cdef state_word word
    cdef int forks
    cdef object fn, args, kwargs  # of a task that has not begun
    cdef object value, error
    cdef object condition, waiters, callbacks  # created at first use
    cdef object put  # the function of as_completed that takes this future when it is done

    @property
    def _state(self):
        return _names[state_of(&self.word)]

    @_state.setter
    def _state(self, name):
        cdef int state = _names.index(name), before = state_set(&self.word, state)
        if (before & ~STATE_COLLECTED) == STATE_PENDING and state >= STATE_CANCELLED:
            self.fn = self.args = self.kwargs = None
        if before & STATE_COLLECTED:
            self.put_itself()

    @property
    def _result(self):
        return self.value

    @_result.setter
    def _result(self, value):
        self.value = value

    @property
    def _exception(self):
        return self.error

    @_exception.setter
    def _exception(self, error):
        self.error = error

    @property
    def _condition(self):
        if self.condition is None:
            condition, waiters, callbacks = threading.Condition(), [], []
            with cython.critical_section(self):
                if self.condition is None:
                    self.waiters, self.callbacks = waiters, callbacks
                    state_share(&self.word)  # before another thread sees the condition, and waits for a change
                    self.condition = condition
        return self.condition

    @_condition.setter
    def _condition(self, condition):
        self.condition = condition
        state_share(&self.word)

    @property
    def _waiters(self):
        self._condition
        return self.waiters

    @_waiters.setter
    def _waiters(self, waiters):
        self.waiters = waiters

    @property
    def _done_callbacks(self):
        self._condition
        return self.callbacks

    @_done_callbacks.setter
    def _done_callbacks(self, callbacks):
        self.callbacks = callbacks

    def __reduce__(self):
        raise TypeError("cannot pickle a future of gilkit.Executor: its task runs in this process")

    # ---- For as_completed

    def collect(self, put):
        """Have put(self) called when this future is done. Return False if it is done already, or has such a
        function."""
        with cython.critical_section(self):
            if state_of(&self.word) >= STATE_NOTIFIED or self.put is not None:
                return False
            self.put = put
            if state_collect(&self.word):
                return True
            self.put = None
            return False

    def end_collecting(self):
        """Cancel the call of put(self)."""
        with cython.critical_section(self):
            if state_end_collecting(&self.word):
                self.put = None

    cdef int put_itself(self) except -1:
        with cython.critical_section(self):
            put, self.put = self.put, None
        try:
            put(self)
        except BaseException:
            log_error("Exception in worker")
        return 0

    def check_process(self):
        """Raise if this process was forked and the task belongs to the parent: it does not run here."""
        if state_of(&self.word) < STATE_CANCELLED and self.forks != forks:
            raise_forked()

    # ---- Methods that do not need the condition

    cdef bint wait(self, timeout) except -1:
        """Return whether the future is done."""
        cdef gk_wait_options options
        cdef int status, held
        if state_of(&self.word) < STATE_CANCELLED:
            wait_options_of(&options, timeout)
            if options.deadline == GK_DO_NOT_WAIT:
                return False
            if self.forks != forks:
                raise_forked()
            status = state_wait(&self.word, &options, &held)
            if held:
                Py_DECREF(self)
            if status == GK_INTERRUPTED:
                return -1
            if state_of(&self.word) < STATE_CANCELLED:
                return False
        if state_is_shared(&self.word):
            with self._condition:  # other code may set the state before the result
                pass
        return True

    cdef int check(self, timeout) except -1:
        cdef bint done = self.wait(timeout)
        cdef int state = state_of(&self.word)
        if state == STATE_CANCELLED or state == STATE_NOTIFIED:
            raise _base.CancelledError()
        if not done:
            raise TimeoutError()
        return 0

    def result(self, timeout=None):
        """Return the result of the call, or raise its exception. See ``concurrent.futures.Future``."""
        if state_of(&self.word) != STATE_FINISHED or state_is_shared(&self.word):
            self.check(timeout)
        if self.error is not None:
            raise self.error
        return self.value

    def exception(self, timeout=None):
        """Return the exception of the call, or None. See ``concurrent.futures.Future``."""
        self.check(timeout)
        return self.error

    def cancel(self):
        """Cancel the call unless it has begun; return whether it is cancelled."""
        cdef int changed = state_change(&self.word, STATE_PENDING, STATE_CANCELLED)
        if changed < 0:
            return PlainFuture.cancel(self)
        if changed:
            self.fn = self.args = self.kwargs = None
            return True
        return self.cancelled()

    def cancelled(self):
        """Return whether the call was cancelled."""
        cdef int state = state_of(&self.word)
        return state == STATE_CANCELLED or state == STATE_NOTIFIED

    def running(self):
        """Return whether the call is running."""
        return state_of(&self.word) == STATE_RUNNING

    def done(self):
        """Return whether the call was cancelled or has ended."""
        return state_of(&self.word) >= STATE_CANCELLED


class Future(FutureState, _base.Future):
    """The result of a task of gilkit.Executor: a ``concurrent.futures.Future`` whose state is in C."""

    def __init__(self):
        self._condition  # so that code which sets the state itself can notify others


_nothing = ()


cdef inline FutureState new_future():
    # Without __init__(): the condition is created at first use.
    cdef FutureState future = <FutureState>new_object(Future, _nothing)
    future.forks = forks
    return future


# ---- map


@cython.auto_pickle(False)
cdef class Batch:
    """The calls of one Executor.map."""

    cdef call_batch b
    cdef object fn
    cdef list cells  # the item of each call, later its outcome
    cdef bint star
    cdef int forks

    def __cinit__(self, fn, list cells, bint star):
        self.fn, self.cells, self.star, self.forks = fn, cells, star, forks
        calls_init(&self.b, len(cells))

    def __dealloc__(self):
        calls_free(&self.b)

    cdef int run(self, int64_t index) except -1:
        """Run this call, and then all others that no other thread has claimed."""
        cdef int64_t since = 0, made = 0, look = 0
        cdef int state
        if index < 0:  # another thread was faster
            return 0
        fn = self.fn
        while index >= 0:
            item = self.exchange(index, None)
            try:
                outcome = (PyObject_Call(<PyObject *>fn, <PyObject *>item, NULL) if self.star
                           else PyObject_CallOneArg(<PyObject *>fn, <PyObject *>item))
                state = CALL_RETURNED
            except BaseException as error:
                outcome, state = error, CALL_RAISED
            if self.forks != forks:  # the call has forked, and this is the child
                return 0
            item = None
            self.exchange(index, outcome)
            outcome = None
            calls_publish(&self.b, index, state)
            made += 1
            if made >= look:
                tasks_breathe(&since)
                look = made + 16
            index = calls_claim(&self.b)
        self.account(made)
        return 0

    cdef inline object exchange(self, int64_t index, object value):
        """Replace the object in a cell, which belongs to one thread at a time."""
        cdef PyObject **cells = PySequence_Fast_ITEMS(self.cells)
        cdef PyObject *before = cells[index]
        Py_INCREF(value)
        cells[index] = <PyObject *>value
        result = <object>before
        Py_DECREF(result)
        return result

    cdef int account(self, int64_t ended) except -1:
        if ended > 0 and add(&self.b.ended, ended) + ended == self.b.n:
            self.fn = None
        return 0

    def end_rest(self, error=None):
        """Start no more calls: they raise the error, or count as cancelled."""
        cdef int64_t first = calls_claim_rest(&self.b), i
        for i in range(first, self.b.n):
            self.exchange(i, error)
            calls_publish(&self.b, i, CALL_CANCELLED if error is None else CALL_RAISED)
        self.account(self.b.n - first)

    # Programs that empty an executor's _work_queue call this as they do for a future.
    def cancel(self):
        self.end_rest()
        return True

    def set_exception(self, error):
        self.end_rest(error)

    cdef int wait(self, int64_t index, timeout) except -1:
        """Wait for the outcome of a call and return its state."""
        cdef gk_wait_options options
        wait_options_of(&options, timeout)
        if options.deadline == GK_DO_NOT_WAIT:
            return CALL_WAITING
        if self.forks != forks:
            raise_forked()
        if calls_wait(&self.b, index, &options) == GK_INTERRUPTED:
            return -1
        return calls_state(&self.b, index)

    def take(self, int64_t index, timeout):
        """Return some results from this index on, in reverse order. Raise if the call of this index did."""
        cdef int state = calls_state(&self.b, index)
        cdef int64_t end
        if state == CALL_WAITING:
            state = self.wait(index, timeout)
        if state == CALL_WAITING:
            raise TimeoutError()
        if state == CALL_CANCELLED:
            raise _base.CancelledError()
        if state == CALL_RAISED:
            raise self.exchange(index, None)
        end = index
        while end < self.b.n and end < index + TAKEN_AT_ONCE and calls_state(&self.b, end) == CALL_RETURNED:
            end += 1
        cdef list results = []
        while end > index:
            end -= 1
            results.append(self.exchange(end, None))
        return results
