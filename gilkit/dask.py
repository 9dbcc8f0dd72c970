"""gilkit in the workers of a Dask cluster: threads that never multiply.

Every worker process has a pool of its own, as large as the machine unless it is told otherwise; four workers on one host
would compute with four times as many threads as there are cores. ``ThreadBudget`` tells them::

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

from distributed.diagnostics.plugin import SchedulerPlugin
from distributed.protocol import Serialized
from distributed.protocol.pickle import dumps
from distributed.protocol.serialize import deserialize

from gilkit import runtime

__all__ = ["ThreadBudget", "budgets"]

_logger = logging.getLogger("gilkit.dask")


def budgets(cores: int, task_threads: Sequence[int]) -> list[int]:
    """The threads of a gilkit call in each worker of a host.

    cores: of the host. task_threads: how many tasks each worker runs at a time. The cores that these leave are handed out
    evenly as helpers, for all tasks of a worker together: tasks and helpers are as many as cores, and just the tasks
    where there are more of them. Each worker gets one more than its helpers, since the calling task computes, too.
    """
    workers, spare = len(task_threads), max(cores - sum(task_threads), 0)
    return [1 + spare * (i + 1) // workers - spare * i // workers for i in range(workers)]


def _usable_cores() -> int:
    """The cores that this worker may use: its affinity mask, or less by the cgroup's quota."""
    found = runtime.info()
    quota = found["quota"]
    return found["affinity"] if quota is None else min(found["affinity"], math.ceil(quota))


def _set_threads(threads: int) -> None:
    runtime.set_num_threads(threads)
    runtime.stop()  # those that are too many; where a call is running, it goes on as it is


class ThreadBudget(SchedulerPlugin):
    """A scheduler plugin that shares each host's cores among its workers' gilkit calls.

    cores: of each host; None: as many as a worker there may use (affinity and cgroup quota).

    The scheduler tells a worker its number of threads, by ``gilkit.set_num_threads``, as soon as it has joined, and all
    workers of a host again when one comes or goes: first those that get fewer. A worker's tasks and the
    threads that help them are then never more than its share of the cores, and all workers' together never more than the
    host's; but Dask itself may run more tasks at a time than there are cores (``threads_per_worker``): then gilkit
    adds no thread, and says so in the log. One task at a time in each worker lets each call use the whole
    share. ``threads=`` and ``with gilkit.threads(n)`` in a task hold against the budget; calls that are running when it
    changes end as they began. The scheduler and the workers need gilkit installed.
    """

    name = "gilkit-thread-budget"
    idempotent = True

    def __init__(self, cores: SupportsIndex | None = None) -> None:
        self._cores = None if cores is None else operator.index(cores)
        if self._cores is not None and self._cores < 1:
            raise ValueError(f"cores must be at least 1, not {self._cores}")
        self._told: dict[str, int] = {}  # what each worker's budget is
        self._lock: asyncio.Lock | None = None
        self._tasks: set[asyncio.Task[None]] = set()  # so that nobody collects them

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
        """Not awaited: a worker answers once it has been added, and adding it waits for the plugins."""
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
                return  # one has gone meanwhile, and remove_worker is waiting for the lock
            if sum(tasks) > cores:
                _logger.warning("%s: %d tasks at a time on %d cores", host, sum(tasks), cores)
            wanted = dict(zip(workers, budgets(cores, tasks), strict=True))
            # A worker that is new believes that the machine is its own.
            fewer = {w: n for w, n in wanted.items() if n < self._told.get(w, math.inf)}
            more = {w: n for w, n in wanted.items() if n > self._told.get(w, math.inf)}
            for change in (fewer, more):
                await asyncio.gather(*(self._run(scheduler, [w], _set_threads, n) for w, n in change.items()))
                self._told.update(change)

    async def _run(self, scheduler: Any, workers: list[str], function: Any, *arguments: Any) -> dict[str, Any]:
        """function(*arguments) of each worker that could tell."""
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
