"""Runs an experiment: every case once in each round, each in a worker process of its own, watched by a view."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from statistics import median
from typing import Any, Protocol

from . import machine
from .experiment import Case, Experiment, Row, Sample, Setting
from .measure import tree_cpu
from .results import Result
from .text import duration, shorten_middle
from .workers import TaskError, Worker

OTHERS_PERCENT = 15.0  # of one core, used by others, before the run is called disturbed
STEAL_PERCENT = 3.0
SHORT_STRETCH = 0.05  # seconds; threads take turns, and the kernel counts, in pieces of some milliseconds
ERROR_LENGTH = 300  # an error may repeat all of its data before it says why


class View(Protocol):
    """Who watches a run; see gilkit.lab.live."""

    def begin(self, result: Result, cases: Sequence[Case], rounds: int, seconds: float) -> None: ...
    def case(self, index: int, round: int) -> None: ...
    def tick(self, cores: Sequence[float], case_percent: float | None) -> None: ...
    def sample(self, index: int, row: Row) -> None: ...
    def end(self) -> None: ...
    def note(self, text: str) -> None: ...


class Watcher:
    """Looks at the cores and at the worker some times a second, for the view and for the strip of the report."""

    def __init__(self, result: Result, view: View) -> None:
        import psutil

        self._psutil = psutil
        self._result = result
        self._view = view
        self._start = time.monotonic()
        self.case = 0
        self.worker: Worker | None = None
        self._last: tuple[float, float] | None = None
        psutil.cpu_percent(percpu=True)  # the first answer is about nothing

    def focus(self, case: int, worker: Worker) -> None:
        self.case, self.worker = case, worker
        self._last = (time.monotonic(), tree_cpu(worker.pid))

    def tick(self) -> None:
        cores = self._psutil.cpu_percent(percpu=True)
        now = time.monotonic()
        self._result.strip.append([round(now - self._start, 3), self.case, *cores])
        percent = None
        if self.worker and self._last:
            # So far: since this case was begun, not since the last look, which would flicker.
            cpu = tree_cpu(self.worker.pid)
            percent = max(0.0, 100 * (cpu - self._last[1]) / max(1e-9, now - self._last[0]))
        self._view.tick(cores, percent)


class Others:
    """How much of this process's cores everybody else used: all that was used, less the lab's and the worker's part.

    A worker's ended children count too, in what their parent has of them. The kernel counts in ticks of 10 ms, so a
    short stretch gives a rough figure.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._before = self._read()

    def _read(self) -> tuple[float, float, float]:
        import psutil

        busy = steal = 0.0
        allowed = machine.allowed()
        for core, times in enumerate(psutil.cpu_times(percpu=True)):
            if core in allowed:
                steal += getattr(times, "steal", 0.0)
                # Guests' time is in user's already.
                busy += sum(getattr(times, part, 0.0) for part in ("user", "nice", "system", "irq", "softirq"))
        own = time.process_time() + tree_cpu(self._worker.pid)
        try:
            ended = psutil.Process(self._worker.pid).cpu_times()
            own += getattr(ended, "children_user", 0.0) + getattr(ended, "children_system", 0.0)
        except psutil.Error:
            pass
        return busy - own, steal, time.monotonic()

    def percent(self) -> dict[str, float]:
        """Since the beginning, in per cent of one core: used by others, and taken away by the host."""
        others, steal, wall = (now - before for now, before in zip(self._read(), self._before, strict=True))
        return {
            "others_percent": max(0.0, 100 * others / wall),
            "steal_percent": max(0.0, 100 * steal / wall),
        }


def disturbances(rows: Sequence[Row]) -> list[str]:
    """What to say about others' use of the cores: the median over all samples, in per cent of one core."""
    found = []
    others = [value for row in rows for value in row.values("others_percent")]
    steal = [value for row in rows for value in row.values("steal_percent")]
    if others and median(others) > OTHERS_PERCENT:
        found.append(
            f"Other programs used {median(others):.0f} % of a core meanwhile, so full use shows less than all cores. "
            "Close them, or run again with a longer --seconds."
        )
    if steal and median(steal) > STEAL_PERCENT:
        found.append(
            f"The host took {median(steal):.0f} % of a core away from this virtual machine meanwhile: compare ratios, "
            "not absolute times."
        )
    return found


def finish(sample: dict[str, Any]) -> Sample:
    """Adds what follows from a sample's raw figures."""
    if sample.get("wall") and "user" in sample:
        sample["cpu"] = sample["user"] + sample["system"]
        sample["cpu_percent"] = 100 * sample["cpu"] / sample["wall"]
    if sample.get("wall") and sample.get("count"):
        sample["each"] = sample["wall"] / sample["count"]
    return sample


def run(
    experiment: Experiment,
    setting: Setting,
    view: View,
    *,
    seconds: float | None = None,
    rounds: int | None = None,
) -> Result:
    """Measures and judges. After Ctrl-C the result holds what was measured until then, and is marked interrupted."""
    seconds = experiment.seconds if seconds is None else seconds
    rounds = experiment.rounds if rounds is None else rounds
    cases = experiment.cases(setting)
    announcement = experiment.announcement(setting)
    if announcement:
        view.note(announcement)
    result = Result(
        name=experiment.name,
        claim=experiment.claim,
        setting=setting,
        machine=machine.describe(),
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        seconds=seconds,
        rounds=rounds,
        rows=[Row(case.label, case.strategy, case.interpreter, case.threads, dict(case.arguments)) for case in cases],
    )
    view.begin(result, cases, rounds, seconds)
    workers: dict[int, Worker] = {}
    try:
        watcher = Watcher(result, view)
        begun = time.monotonic()
        for turn in range(rounds):
            if turn and experiment.budget and time.monotonic() - begun > experiment.budget:
                break
            for index, case in enumerate(cases):
                row = result.rows[index]
                if row.error:
                    continue
                view.case(index, turn)
                try:
                    if index not in workers:
                        workers[index] = Worker(case.interpreter)
                    watcher.focus(index, workers[index])
                    arguments = dict(case.arguments)
                    if case.timed:
                        arguments["seconds"] = seconds / rounds
                    others = Others(workers[index])
                    answer = workers[index].call(
                        case.task, arguments, timeout=seconds + experiment.grace, tick=watcher.tick
                    )
                    row.samples.append(finish({**answer, **others.percent()}))
                except (TaskError, OSError) as error:
                    row.error = shorten_middle(str(error), ERROR_LENGTH)
                view.sample(index, row)
    except KeyboardInterrupt:
        result.interrupted = True
    finally:
        for worker in workers.values():
            worker.close()
        view.end()
    if seconds / rounds < SHORT_STRETCH and any(case.timed for case in cases):
        result.warnings.append(
            f"Each stretch measured was {duration(seconds / rounds)} long, too short for steady figures: give "
            f"--seconds {SHORT_STRETCH * rounds:g} or more."
        )
    result.warnings += disturbances(result.rows)
    result.warnings += standing_warnings(result.machine)
    result.verdict = experiment.judge(result.rows, setting)
    return result


def standing_warnings(facts: dict[str, Any]) -> list[str]:
    """What about the machine itself limits the figures."""
    found = []
    if facts["affinity"] < facts["cores"]:
        found.append(
            f"This process may run on {facts['affinity']} of {facts['cores']} cores (taskset, a cpuset of the "
            "container): the rest stay idle whatever runs."
        )
    quota = facts["gilkit"].get("quota")
    if quota and quota < facts["affinity"]:
        found.append(f"The control group allows {quota:g} CPUs' worth of time: full use shows {100 * quota:.0f} %.")
    if facts["threads_per_core"] > 1:
        found.append(
            f"Each core has {facts['threads_per_core']} hardware threads that share its units: CPU % counts them as "
            "full cores, the work done does not double."
        )
    return found
