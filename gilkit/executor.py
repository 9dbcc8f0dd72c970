"""gilkit.Executor, a ThreadPoolExecutor whose tasks cost less, and gilkit.as_completed."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, _base, thread
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, NoReturn, TypeVar

from gilkit import _call
from gilkit._executor import Batch, FutureState, Submitter, WorkQueue, after_fork_in_child, work
from gilkit._runner import threads_are_greenlets
from gilkit._scopes import scope_variable

__all__ = ["Executor", "as_completed"]

_R = TypeVar("_R")

# Reading these takes no time and depends on no result, so a map reads them to the end before it begins.
_PROMPT = {list, tuple, range, str, bytes, bytearray, set, frozenset, deque, dict}
_PROMPT |= {type({}.keys()), type({}.values()), type({}.items())}

_executors: weakref.WeakSet[Executor] = weakref.WeakSet()


class Executor(Submitter, ThreadPoolExecutor):
    """A ``concurrent.futures.ThreadPoolExecutor`` whose tasks cost about a tenth as much.

    Parameters
    ----------
    max_workers : int, optional
        Maximum number of threads. Default: the number of cores + 4, at most 32.
    thread_name_prefix : str, default ""
        Beginning of the names of the threads.
    initializer : callable, optional
        Called at the start of each thread. If it raises, the executor is broken:
        pending and later tasks raise ``BrokenThreadPool``.
    initargs : tuple, default ()
        Arguments of the initializer.

    Raises
    ------
    TypeError
        If initializer is not callable.
    ValueError
        If max_workers is less than 1.

    Notes
    -----
    Tasks run in the executor's own threads, never in the thread that waits for them.
    They may wait for each other and for I/O, as in any executor. gilkit's functions
    inside tasks share gilkit's one pool, so they do not add threads.

    Context variables are those of the executor's threads, as in the
    ``ThreadPoolExecutor`` of the same Python version: ``gilkit.timeout`` and cancel
    tokens around ``submit`` do not apply to the task; those inside the task do.

    In a forked child, an executor is empty and can be used. The results of tasks that
    were submitted before the fork exist only in the parent.

    Where gevent or eventlet has replaced threads by greenlets, the executor is an
    ordinary ``ThreadPoolExecutor``. Thread-safe.

    Examples
    --------
    >>> with gilkit.Executor(max_workers=4) as executor:
    ...     futures = [executor.submit(pow, 2, n) for n in range(4)]
    ...     [future.result() for future in futures]
    [1, 2, 4, 8]
    """

    # typeshed has other types for these attributes of ThreadPoolExecutor.
    _threads: set[threading.Thread]
    _broken: str | bool  # type: ignore[assignment]
    _initializer: Callable[..., object] | None  # type: ignore[assignment]
    _work_queue: WorkQueue  # type: ignore[assignment]

    _daemon: bool | None = None  # True: the interpreter does not wait for the threads at exit

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(max_workers, thread_name_prefix, initializer, initargs)
        if not self.plain:
            self._initializer, self._initargs = initializer, initargs
            self.queue.max_threads = min(self._max_workers, 2**31 - 1)
            self._work_queue = self.queue
            _executors.add(self)

    # ---- Threads

    def _start_thread(self, task: Future[Any] | Batch | None = None) -> bool:
        """Return whether a thread was started. Raise, and cancel the task, if there is none that could run it."""
        with self._shutdown_lock, thread._global_shutdown_lock:
            if self.queue.threads >= self.queue.max_threads:
                return False
            try:
                self._start_one()
            except Exception:
                if self.queue.threads == 0 and task is not None:
                    task.cancel()
                    raise
                return False
            return True

    def _start_one(self) -> None:
        if thread._shutdown:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")
        new = threading.Thread(
            name=f"{self._thread_name_prefix}_{len(self._threads)}",
            target=_run,
            args=(weakref.ref(self, _closer(self.queue)), self.queue, self._initializer, self._initargs),
            daemon=self._daemon,
        )
        # Before the start, which a KeyboardInterrupt may end when the thread already runs.
        self._threads.add(new)
        if not self._daemon:
            thread._threads_queues[new] = self.queue  # type: ignore[index]
        self.queue.count_threads(1)
        try:
            new.start()
        except BaseException as error:
            if not isinstance(error, Exception) and (new.ident is not None or new in threading._limbo):  # type: ignore[attr-defined]
                raise  # it runs, or is about to
            self.queue.count_threads(-1)
            self._threads.discard(new)
            thread._threads_queues.pop(new, None)  # type: ignore[attr-defined]
            raise

    def _initializer_failed(self) -> None:
        if self.plain:
            return super()._initializer_failed()
        with self._shutdown_lock:
            self._broken = message = "A thread initializer failed, the thread pool is not usable anymore"
            self.queue.close()
        self.queue.end_all(lambda: thread.BrokenThreadPool(message))

    def _refuse(self) -> NoReturn:
        if self._broken:
            raise thread.BrokenThreadPool(self._broken)
        after = "shutdown" if self._shutdown else "interpreter shutdown"
        raise RuntimeError(f"cannot schedule new futures after {after}")

    def _forget(self) -> None:
        """Forget the parent's threads and tasks, in a forked child."""
        self._shutdown_lock = threading.Lock()
        self._threads = set()
        self.queue.forget()

    # ---- The methods of an executor

    def map(
        self,
        fn: Callable[..., _R],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[_R]:
        """Return an iterator over the results of ``fn`` for each item, in the order of the items.

        Parameters
        ----------
        fn : callable
            Called in threads of this executor, for several items at the same time.
        *iterables : iterable
            The shortest one determines the number of calls. They are read at once,
            unless ``buffersize`` is given.
        timeout : float, optional
            Seconds from this call after which ``next()`` raises TimeoutError.
        chunksize : int, default 1
            Has no effect, as in ThreadPoolExecutor.
        buffersize : int, optional
            Maximum number of items that are read before their results are given, in
            every Python version.

        Returns
        -------
        generator

        Raises
        ------
        TypeError, ValueError
            If buffersize is not an integer, or less than 1.
        RuntimeError
            After ``shutdown()``.

        Notes
        -----
        Calls that have not begun are cancelled when a call raises, at a timeout and
        when the generator is closed.

        Examples
        --------
        >>> with gilkit.Executor() as executor:
        ...     list(executor.map(pow, [2, 3], [10, 20]))
        [1024, 3486784401]
        """
        if buffersize is not None:
            if not isinstance(buffersize, int):
                raise TypeError("buffersize must be an integer or None")
            if buffersize < 1:
                raise ValueError("buffersize must be None or > 0")
        deadline = None if timeout is None else timeout + time.monotonic()
        arguments = zip(*iterables, strict=False)
        own_submit = self.plain or type(self).submit is not Submitter.submit or "submit" in self.__dict__
        if buffersize is not None or own_submit or any(type(iterable) not in _PROMPT for iterable in iterables):
            return self._map_futures(fn, arguments, deadline, buffersize)
        star = len(iterables) != 1
        items = list(arguments if star else iterables[0])
        return _results(self.submit_batch(fn, items, star) if items else None, len(items), deadline)

    def _map_futures(
        self, fn: Callable[..., Any], arguments: Iterator[Any], deadline: float | None, buffersize: int | None
    ) -> Iterator[Any]:
        futures = deque(self.submit(fn, *each) for each in islice(arguments, buffersize))
        return _results_of_futures(futures, weakref.ref(self), fn, arguments if buffersize else iter(()), deadline)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Accept no more tasks.

        Parameters
        ----------
        wait : bool, default True
            Return after all tasks have ended.
        cancel_futures : bool, default False
            Cancel the tasks that have not begun.
        """
        if self.plain:
            return super().shutdown(wait, cancel_futures=cancel_futures)
        with self._shutdown_lock:
            self._shutdown = True
            self.queue.close()
        if cancel_futures:
            self.queue.end_all()
        while self.queue.needs_thread() and self._start_thread():
            pass  # for a task that another thread is submitting
        if wait:
            with self._shutdown_lock:  # a thread in the set may not have started yet
                threads = list(self._threads)
            for each in threads:
                each.join()


def _closer(queue: WorkQueue) -> Callable[[object], None]:
    """Return a callback of a weak reference. It must not refer to the executor."""
    return lambda reference: queue.close()


def _run(
    reference: weakref.ref[Executor],
    queue: WorkQueue,
    initializer: Callable[..., object] | None,
    initargs: tuple[Any, ...],
) -> None:
    """Run tasks. This is the target of an executor's threads."""

    def start_thread() -> None:
        executor = reference()
        if executor is not None:
            executor._start_thread()

    if initializer is not None:
        try:
            initializer(*initargs)
        except BaseException:
            _base.LOGGER.critical("Exception in initializer:", exc_info=True)
            executor = reference()
            if executor is not None:
                executor._initializer_failed()
            queue.count_threads(-1)
            return
    work(queue, start_thread)


def _results(batch: Batch | None, n: int, deadline: float | None) -> Iterator[Any]:
    if batch is None:
        return
    index = 0
    try:
        while index < n:
            ready = batch.take(index, None if deadline is None else deadline - time.monotonic())
            index += len(ready)
            while ready:
                yield ready.pop()  # keeps no reference
    finally:
        batch.end_rest()


def _results_of_futures(
    futures: deque[Future[Any]],
    reference: weakref.ref[Executor],
    fn: Callable[..., Any],
    arguments: Iterator[Any],
    deadline: float | None,
) -> Iterator[Any]:
    try:
        while futures:
            executor = reference()
            if executor is not None:
                futures.extend(executor.submit(fn, *each) for each in islice(arguments, 1))
            del executor
            yield _base._result_or_cancel(  # type: ignore[attr-defined]
                futures.popleft(), None if deadline is None else deadline - time.monotonic()
            )
    finally:
        for future in futures:
            future.cancel()


# ---- as_completed

_CHECK_EVERY = 0.005  # seconds between two checks of a cancel token


class _Waiter:
    """A queue of futures that are done."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[Future[Any]] = SimpleQueue()
        # concurrent.futures calls one of these when a future is done.
        self.add_result = self.add_exception = self.add_cancelled = self.queue.put
        self.attached: set[Future[Any]] = set()

    def attach(self, future: Future[Any]) -> bool:
        """Return whether the future is not done yet, and will be in the queue when it is."""
        if future._state == _base.FINISHED:  # this is final, so the lock is not needed
            return False
        if isinstance(future, FutureState):
            future.check_process()
            if future.collect(self.queue.put):
                return True
        with future._condition:
            if future._state in (_base.FINISHED, _base.CANCELLED_AND_NOTIFIED):
                return False
            future._waiters.append(self)  # type: ignore[arg-type]
        self.attached.add(future)
        return True

    def detach(self, future: Future[Any]) -> None:
        if future in self.attached:
            self.attached.remove(future)
            with future._condition:
                future._waiters.remove(self)  # type: ignore[arg-type]
        else:
            future.end_collecting()  # type: ignore[attr-defined]

    def get(self, deadline: float | None) -> Future[Any]:
        """Return the next future. Raise Empty when the deadline has passed."""
        while True:
            left = None if deadline is None else max(0, deadline - time.monotonic())
            if scope_variable.get() is None:
                return self.queue.get(timeout=left)
            _call.check()
            try:
                return self.queue.get(timeout=_CHECK_EVERY if left is None else min(left, _CHECK_EVERY))
            except Empty:
                if left is not None and left <= _CHECK_EVERY:
                    raise


def as_completed(fs: Iterable[Future[_R]], timeout: float | None = None) -> Iterator[Future[_R]]:
    """Return an iterator over futures that gives each one when it is done.

    This is ``concurrent.futures.as_completed``, with futures of any executor.

    Parameters
    ----------
    fs : iterable of concurrent.futures.Future
        Futures of one or several executors. One that is in it twice is given once.
    timeout : float, optional
        Seconds from this call until the last future is done.

    Returns
    -------
    iterator of concurrent.futures.Future
        First those that are done already, in the order of fs, then each as it is done.

    Raises
    ------
    TypeError
        If fs has anything but such futures.
    TimeoutError
        From ``next()``, if no future is done and the time is over.
    RuntimeError
        From ``next()`` in a forked child, if a task of the parent is not done.

    Notes
    -----
    It differs from the function of the standard library in that futures which are done already
    cost less, that the time begins with the call and not with the first ``next()``, and that
    ``gilkit.timeout`` and cancel tokens around ``next()`` end the wait, and with it the iterator.
    The iterator keeps no reference to a future that it has given. Where gevent or eventlet
    has replaced threads by greenlets, this is the function of the standard library.

    For the results of one function and many items, ``gilkit.imap`` with ``ordered=False``
    costs less and reads its items as they are needed.

    Examples
    --------
    >>> with gilkit.Executor() as executor:
    ...     numbers = {executor.submit(pow, 2, n): n for n in range(3)}
    ...     sorted((numbers[future], future.result()) for future in gilkit.as_completed(numbers))
    [(0, 1), (1, 2), (2, 4)]
    """
    given: Any = fs  # an intersection of types has no name that stubtest finds
    if callable(given):
        raise TypeError(
            "as_completed takes futures, as concurrent.futures.as_completed does; for a function and its items, use "
            "gilkit.imap(..., ordered=False)"
        )
    futures = deque(dict.fromkeys(fs))
    for future in futures:
        if not isinstance(future, Future):
            raise TypeError(f"as_completed takes futures of concurrent.futures, not {future!r}")
    if threads_are_greenlets():
        return _base.as_completed(futures, timeout)
    return _completed(futures, None if timeout is None else time.monotonic() + timeout)


def _completed(futures: deque[Future[_R]], deadline: float | None) -> Iterator[Future[_R]]:
    total, waiter = len(futures), _Waiter()
    waited_for: set[Future[_R]] = set()
    try:
        for _ in range(total):  # those that are done stay in the deque
            future = futures.popleft()
            if waiter.attach(future):
                waited_for.add(future)
            else:
                futures.append(future)
            del future
        while futures:
            yield futures.popleft()
        while waited_for:
            try:
                futures.append(waiter.get(deadline))
            except Empty:
                raise TimeoutError(f"{len(waited_for)} (of {total}) futures unfinished") from None
            waited_for.remove(futures[0])
            waiter.detach(futures[0])
            yield futures.popleft()
    finally:
        for future in waited_for:
            waiter.detach(future)


# ---- Fork


def _after_fork_in_child() -> None:
    after_fork_in_child()
    for executor in list(_executors):
        executor._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
