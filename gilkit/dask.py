"""gilkit in the workers of a Dask cluster: a budget of threads for each worker.

Each worker process has its own pool, which by default uses all cores of the machine. Four workers on one host would
compute with four times as many threads as there are cores. ``ThreadBudget`` gives each worker its share::

    client.register_plugin(gilkit.dask.ThreadBudget())

It needs the extra ``dask`` (pip install 'gilkit[dask]').
"""

from __future__ import annotations

import asyncio
import logging
import math
import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex

from gilkit import runtime
from gilkit._optional import needed_by

with needed_by("gilkit.dask", "distributed"):
    from distributed.diagnostics.plugin import SchedulerPlugin
    from distributed.protocol import Serialized
    from distributed.protocol.pickle import dumps
    from distributed.protocol.serialize import deserialize

__all__ = ["ThreadBudget", "budgets"]

_logger = logging.getLogger("gilkit.dask")


def budgets(cores: int, task_threads: Sequence[int]) -> list[int]:
    """Return the number of threads of a gilkit call in each worker of a host.

    Parameters
    ----------
    cores : int
        Number of cores of the host.
    task_threads : sequence of int
        Number of tasks that each worker runs at a time.

    Returns
    -------
    list of int
        One more than the worker's helpers, because the task that calls gilkit
        computes too. Helpers are the cores that the tasks leave free, divided evenly
        among the workers. Tasks and helpers together number as many as the cores, or
        just the tasks if there are more of them than cores.

    Examples
    --------
    >>> budgets(8, [1, 1])
    [4, 4]
    """
    workers, spare = len(task_threads), max(cores - sum(task_threads), 0)
    return [1 + spare * (i + 1) // workers - spare * i // workers for i in range(workers)]


def _usable_cores() -> int:
    """Return the number of cores that this worker may use, by its affinity mask and cgroup quota."""
    found = runtime.info()
    quota = found["quota"]
    return found["affinity"] if quota is None else min(found["affinity"], math.ceil(quota))


def _set_threads(threads: int) -> None:
    runtime.set_num_threads(threads)
    runtime.stop()  # surplus workers; a call that is running keeps its threads


class ThreadBudget(SchedulerPlugin):
    """Scheduler plugin that shares each host's cores among its workers' gilkit calls.

    Parameters
    ----------
    cores : int, optional
        Number of cores of each host. Default: the number that a worker there may use,
        by its affinity mask and cgroup quota.

    Raises
    ------
    TypeError
        If cores is not an integer.
    ValueError
        If cores is less than 1.

    Notes
    -----
    The scheduler sets each worker's number of threads with ``gilkit.set_num_threads``
    as soon as it has joined, and sets those of all workers of a host again when one
    joins or leaves, first of those that get fewer. So a worker's tasks and their
    helper threads never exceed its share of the cores, and all workers together never
    exceed the host's cores. Dask itself may run more tasks at a time than there are
    cores (``threads_per_worker``); gilkit then adds no threads and logs a warning. With
    one task at a time in each worker, each call can use the whole share.

    ``threads=`` and ``with gilkit.threads(n)`` in a task override the budget. Calls that
    are running when it changes keep their threads. gilkit must be installed on the
    scheduler and the workers.
    """

    name = "gilkit-thread-budget"
    idempotent = True

    def __init__(self, cores: SupportsIndex | None = None) -> None:
        self._cores = None if cores is None else operator.index(cores)
        if self._cores is not None and self._cores < 1:
            raise ValueError(f"cores must be at least 1, not {self._cores}")
        self._told: dict[str, int] = {}  # the budget of each worker
        self._lock: asyncio.Lock | None = None
        self._tasks: set[asyncio.Task[None]] = set()  # keeps them from being collected

    async def start(self, scheduler: Any) -> None:
        self._lock = asyncio.Lock()
        for host in {state.host for state in scheduler.workers.values()}:
            await self._share(scheduler, host)

    async def add_worker(self, scheduler: Any, worker: str) -> None:
        self._share_soon(scheduler, scheduler.workers[worker].host)

    async def remove_worker(self, scheduler: Any, worker: str, **kwargs: Any) -> None:
        self._told.pop(worker, None)
        for host in {state.host for state in scheduler.workers.values()}:
            self._share_soon(scheduler, host)

    def _share_soon(self, scheduler: Any, host: str) -> None:
        """Share later, because a worker answers only after it was added, and adding it awaits the plugins."""
        task = asyncio.create_task(self._share(scheduler, host))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _share(self, scheduler: Any, host: str) -> None:
        assert self._lock is not None
        async with self._lock:
            workers = sorted(address for address, state in scheduler.workers.items() if state.host == host)
            if not workers:
                return
            cores = self._cores
            if cores is None:
                answers = await self._run(scheduler, workers, _usable_cores)
                cores = max(answers.values(), default=1)
            tasks = [scheduler.workers[address].nthreads for address in workers if address in scheduler.workers]
            if len(tasks) < len(workers):
                return  # a worker has left meanwhile, and remove_worker waits for the lock
            if sum(tasks) > cores:
                _logger.warning("%s: %d tasks at a time on %d cores", host, sum(tasks), cores)
            wanted = dict(zip(workers, budgets(cores, tasks), strict=True))
            # A new worker still uses the whole machine.
            fewer = {w: n for w, n in wanted.items() if n < self._told.get(w, math.inf)}
            more = {w: n for w, n in wanted.items() if n > self._told.get(w, math.inf)}
            for change in (fewer, more):
                await asyncio.gather(*(self._run(scheduler, [w], _set_threads, n) for w, n in change.items()))
                self._told.update(change)

    async def _run(self, scheduler: Any, workers: list[str], function: Any, *arguments: Any) -> dict[str, Any]:
        """Return function(*arguments) of each worker that answers."""
        message = {"op": "run", "function": dumps(function), "args": dumps(arguments)}
        answers: dict[str, Any] = await scheduler.broadcast(msg=message, workers=workers, on_error="return")
        results = {}
        for worker, answer in answers.items():
            if isinstance(answer, dict) and answer.get("status") == "OK":
                result = answer["result"]
                results[worker] = (
                    deserialize(result.header, result.frames) if isinstance(result, Serialized) else result
                )
            else:
                _logger.warning("%s does not answer: %r", worker, answer)
        return results
