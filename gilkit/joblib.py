"""gilkit's threads as a backend of joblib, and so of scikit-learn.

Once gilkit and joblib are imported, in either order, joblib knows the backend "gilkit"::

    with joblib.parallel_config(backend="gilkit"):
        scores = cross_val_score(model, X, y)

It needs joblib 1.5 or later (pip install joblib).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from types import TracebackType
from typing import Any

from gilkit import _scopes, runtime
from gilkit._optional import needed_by
from gilkit._scopes import CancelToken
from gilkit.executor import Executor

with needed_by("gilkit.joblib", "joblib"):
    import joblib
    from joblib.parallel import FallbackToBackend, ParallelBackendBase, SequentialBackend, register_parallel_backend

if not hasattr(ParallelBackendBase, "submit"):
    raise ImportError(f"gilkit.joblib needs joblib 1.5 or later, not {joblib.__version__}", name="joblib")

__all__ = ["GilkitBackend", "register"]

_logger = logging.getLogger("gilkit.joblib")

# With batch_size="auto", about this many seconds of work go into a batch. joblib's own work for a batch takes 50 to
# 100 µs.
_BATCH_SECONDS = 0.005


class GilkitBackend(ParallelBackendBase):
    """The backend "gilkit" of joblib: the threads of a ``gilkit.Executor``.

    Parameters
    ----------
    nesting_level : int, optional
        Set by joblib: number of calls of ``Parallel`` around this one.
    inner_max_num_threads : int, optional
        Maximum number of threads of gilkit's calls in each task. Default: the setting
        of the thread that calls ``Parallel``.
    cores : int, optional
        Number of cores to share. Default: ``gilkit.num_threads()``.

    Notes
    -----
    joblib creates it. Like the backend
    "threading", it runs tasks in threads that share memory. It differs in this:

    - Without ``n_jobs``, it uses all cores (``n_jobs=-1``).
    - ``batch_size="auto"`` puts tasks into batches of about 5 ms.
    - Tasks see the caller's context variables, among them ``gilkit.threads``,
      ``gilkit.timeout`` and cancel tokens.
    - When a call ends early, by an error, a timeout, Ctrl-C or a closed generator,
      the calls of gilkit in its tasks end, too.
    - An exception keeps the traceback of its task.
    - In a task, ``n_jobs=-1`` stands for an equal share of the cores.
    """

    uses_threads = True
    supports_sharedmem = True
    supports_retrieve_callback = True
    supports_inner_max_num_threads = True
    default_n_jobs = -1

    def __init__(
        self,
        nesting_level: int | None = None,
        inner_max_num_threads: int | None = None,
        *,
        cores: int | None = None,
        parallel: Any = None,
    ) -> None:
        super().__init__(nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads)
        self._cores = cores
        self.parallel = parallel
        self._n_jobs = 1
        self._batch_size = 1
        self._workers: _Executor | None = None
        self._call: _Call | None = None

    # ---- The number of jobs

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return the number of tasks that run at a time."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if n_jobs is None:
            n_jobs = self.default_n_jobs
        if n_jobs > 0:
            return n_jobs
        return max((self._cores or runtime.num_threads()) + 1 + n_jobs, 1)

    def configure(self, n_jobs: int = 1, parallel: Any = None, **options: Any) -> int:
        """Return the number of tasks that run at a time.

        joblib gives one backend to all calls in a ``parallel_config`` block. Each Parallel gets a backend of its own
        here, so that one may end while another, such as a generator, goes on."""
        n_jobs = self.effective_n_jobs(n_jobs)
        limit = self.inner_max_num_threads
        if limit is not None:
            runtime.threads(limit)  # raises if it is not a number of threads
        if n_jobs == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        if self.parallel is not parallel:
            raise FallbackToBackend(
                type(self)(self.nesting_level, self.inner_max_num_threads, cores=self._cores, parallel=parallel)
            )
        self._n_jobs = n_jobs
        return n_jobs

    def get_nested_backend(self) -> tuple[Any, int | None]:
        """Return the backend of calls in tasks, and the number of jobs of those that set none."""
        level = (self.nesting_level or 0) + 1
        if level > 1:
            return SequentialBackend(nesting_level=level), None
        cores = max((self._cores or runtime.num_threads()) // self._n_jobs, 1)
        return type(self)(level, self.inner_max_num_threads, cores=cores), 1

    # ---- One call of Parallel

    def start_call(self) -> None:
        """Begin a call of Parallel."""
        self._call = _Call(self.inner_max_num_threads)
        # joblib 1.6 keeps batches that a failed call did not begin, and would begin them in the next call.
        left = getattr(self.parallel, "_ready_batches", None)
        while left is not None and not left.empty():
            left.get_nowait()

    def submit(self, func: Callable[[], list[Any]], callback: Callable[[object], object] | None = None) -> Any:
        """Schedule a batch of tasks and return its future."""
        if self._workers is None:
            self._workers = _Executor(self._n_jobs, "gilkit.joblib")
        if self._call is None:
            self.start_call()
        call = self._call
        assert call is not None
        call.begin_batch()
        try:
            return self._workers.submit(self._run, call, func, callback)
        except BaseException:
            call.end_batch()
            raise

    def _run(self, call: _Call, func: Callable[[], list[Any]], callback: Callable[[object], object] | None) -> None:
        """Run a batch, and give its outcome to joblib, in a thread of the executor."""
        failure: _Failure | None = None
        began = time.perf_counter()
        try:
            # Another thread may be running in the same context.
            outcome: object = call.context.copy().run(func)
        except BaseException as error:
            outcome = failure = _Failure(error)
        self._adapt(len(func) if hasattr(func, "__len__") else 1, time.perf_counter() - began)
        try:
            # Not as a done callback of the future: one that is done already would make callbacks call each other.
            if callback is not None:
                with call.callbacks:
                    callback(outcome)
        except BaseException as error:
            # joblib's callback does not raise, but what it calls may: the source of the tasks, or a print.
            call.error = error
            _logger.critical("Exception in a callback of joblib.Parallel:", exc_info=True)
        if failure is not None:
            failure.restore_traceback()
        if call.error is not None or getattr(self.parallel, "_aborting", False):
            call.end()
        call.end_batch()

    def retrieve_result_callback(self, out: object) -> object:
        """Return the results of a batch, or raise its exception. joblib calls this in its callback."""
        if isinstance(out, _Failure):
            raise out.error
        return out

    @contextmanager
    def retrieval_context(self) -> Iterator[None]:
        """Wait for the end of all tasks if joblib's caller gets a list. joblib would look for it every 10 ms."""
        parallel, call = self.parallel, self._call
        if call is not None and parallel.timeout is None and getattr(parallel, "return_as", "list") == "list":
            call.finished.wait()
            if call.error is not None:
                raise call.error
        yield

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Begin no more tasks, and end gilkit's calls in those that run."""
        call, self._call = self._call, None
        workers, self._workers = self._workers, None
        if call is not None:
            call.token.cancel()
            call.end()
        if workers is not None:
            # Other code in tasks goes on, and may take long.
            workers.shutdown(wait=False, cancel_futures=True)

    def terminate(self) -> None:
        """End the threads."""
        workers, self._workers, self._call = self._workers, None, None
        if workers is not None:
            workers.shutdown()

    # ---- The size of batches

    def compute_batch_size(self) -> int:
        """Return the number of tasks of the next batch, for ``batch_size="auto"``."""
        return self._batch_size

    def _adapt(self, tasks: int, seconds: float) -> None:
        if seconds < _BATCH_SECONDS / 2:
            self._batch_size = max(self._batch_size, min(2 * tasks, int(_BATCH_SECONDS * tasks / max(seconds, 1e-9))))
        elif seconds > 2 * _BATCH_SECONDS:
            self._batch_size = max(1, int(_BATCH_SECONDS * tasks / seconds))


class _Executor(Executor):
    _daemon = True  # the interpreter does not wait for tasks of calls that have ended early


class _Call:
    """The batches of one call of Parallel."""

    def __init__(self, threads: int | None) -> None:
        self.token = CancelToken()
        self.context = copy_context()
        self.context.run(_scopes.enter_scope, self.token, threads, 0, self.token)
        self.error: BaseException | None = None  # of joblib's callback
        # joblib would lose an error of the tasks' source if its callback ran in two threads at a time.
        self.callbacks = threading.RLock()
        self.finished = threading.Event()
        self.finished.set()
        self._lock = threading.Lock()
        self._unfinished = 0
        self._over = False

    def begin_batch(self) -> None:
        with self._lock:
            self._unfinished += 1
            if not self._over:
                self.finished.clear()

    def end_batch(self) -> None:
        with self._lock:
            self._unfinished -= 1
            if self._unfinished == 0:  # batches are submitted by the caller or in the callback of another batch
                self.finished.set()

    def end(self) -> None:
        """Let nobody wait for the batches that are left."""
        with self._lock:
            self._over = True
            self.finished.set()


class _Failure:
    """The exception of a task."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        assert error.__traceback__ is not None
        self.traceback: TracebackType | None = error.__traceback__.tb_next  # without GilkitBackend._run

    def restore_traceback(self) -> None:
        """joblib drops the traceback, because it refers to the Parallel. That of the task does not."""
        self.error.__traceback__ = self.traceback


def register(*, make_default: bool = False) -> None:
    """Make the backend "gilkit" known to joblib.

    Parameters
    ----------
    make_default : bool, default False
        Use it wherever no other backend is asked for.

    Notes
    -----
    This happens without ``make_default`` as soon as both gilkit and joblib are imported.

    Examples
    --------
    >>> import joblib
    >>> with joblib.parallel_config(backend="gilkit"):
    ...     joblib.Parallel()(joblib.delayed(pow)(2, n) for n in range(4))
    [1, 2, 4, 8]
    """
    register_parallel_backend("gilkit", GilkitBackend, make_default=make_default)


register()
