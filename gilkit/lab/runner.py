"""Run an experiment: every case once per round, each in its own worker process, with progress shown by a view."""

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

OTHERS_PERCENT = 15.0  # use of one core by other programs above which the run counts as disturbed
STEAL_PERCENT = 3.0
SHORT_STRETCH = 0.05  # seconds; threads take turns, and the kernel counts CPU time, in steps of milliseconds
ERROR_LENGTH = 300  # an error may quote all of its data before it gives the reason


class View(Protocol):
    """The receiver of a run's progress; see gilkit.lab.live."""

    def begin(self, result: Result, cases: Sequence[Case], rounds: int, seconds: float) -> None: ...
    def case(self, index: int, round: int) -> None: ...
    def tick(self, cores: Sequence[float], case_percent: float | None) -> None: ...
    def sample(self, index: int, row: Row) -> None: ...
    def end(self) -> None: ...
    def note(self, text: str) -> None: ...


class CoreSampler:
    """Samples the cores and the worker several times a second, for the view and for the report's strip chart."""

    def __init__(self, result: Result, view: View) -> None:
        import psutil

        self._psutil = psutil
        self._result = result
        self._view = view
        self._start = time.monotonic()
        self.case = 0
        self.worker: Worker | None = None
        self._last: tuple[float, float] | None = None
        psutil.cpu_percent(percpu=True)  # the first call has no interval to report on

    def focus(self, case: int, worker: Worker) -> None:
        self.case, self.worker = case, worker
        self._last = (time.monotonic(), tree_cpu(worker.pid))

    def tick(self) -> None:
        cores = self._psutil.cpu_percent(percpu=True)
        now = time.monotonic()
        self._result.strip.append([round(now - self._start, 3), self.case, *cores])
        percent = None
        if self.worker and self._last:
            # Since the start of this case; since the last sample, the figure would flicker.
            cpu = tree_cpu(self.worker.pid)
            percent = max(0.0, 100 * (cpu - self._last[1]) / max(1e-9, now - self._last[0]))
        self._view.tick(cores, percent)


def core_seconds() -> tuple[float, float]:
    """Return the busy seconds so far of the cores that this process may use, and those that the host took from them."""
    import psutil

    busy = steal = 0.0
    allowed = machine.allowed()
    for core, times in enumerate(psutil.cpu_times(percpu=True)):
        if core in allowed:
            steal += getattr(times, "steal", 0.0)
            # user already includes the time of virtual machines (guest)
            busy += sum(getattr(times, part, 0.0) for part in ("user", "nice", "system", "irq", "softirq"))
    return busy, steal


class Others:
    """The use of this process's cores by other programs: the total less the lab's and the worker's share.

    The worker's share includes its ended children. The kernel counts in ticks of 10 ms, so a short stretch gives a rough
    figure.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._before = self._read()

    def _read(self) -> tuple[float, float, float]:
        import psutil

        busy, steal = core_seconds()
        own = time.process_time() + tree_cpu(self._worker.pid)
        try:
            ended = psutil.Process(self._worker.pid).cpu_times()
            own += getattr(ended, "children_user", 0.0) + getattr(ended, "children_system", 0.0)
        except psutil.Error:
            pass
        return busy - own, steal, time.monotonic()

    def percent(self) -> dict[str, float]:
        """Return the per cent of one core used by others and taken by the host, since the object was created."""
        others, steal, wall = (now - before for now, before in zip(self._read(), self._before, strict=True))
        return {
            "others_percent": max(0.0, 100 * others / wall),
            "steal_percent": max(0.0, 100 * steal / wall),
        }


def disturbances(rows: Sequence[Row], lengthen: str = "a longer --seconds") -> list[str]:
    """Return the warnings about other programs' use of the cores, by the median over all samples.

    ``lengthen`` names the option that makes the measurement longer.
    """
    found = []
    others = [value for row in rows for value in row.values("others_percent")]
    steal = [value for row in rows for value in row.values("steal_percent")]
    if others and median(others) > OTHERS_PERCENT:
        found.append(
            f"Other programs used {median(others):.0f} % of a core during the run, so full use shows as less than all "
            f"cores. Close them, or run again with {lengthen}."
        )
    if steal and median(steal) > STEAL_PERCENT:
        found.append(
            f"The host took {median(steal):.0f} % of a core from this virtual machine during the run; compare ratios, "
            "not absolute times."
        )
    return found


def finish(sample: dict[str, Any]) -> Sample:
    """Add the derived figures to a sample."""
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
    """Measure and judge. After Ctrl-C the result holds the measurements so far and is marked interrupted."""
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
        sampler = CoreSampler(result, view)
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
                    sampler.focus(index, workers[index])
                    arguments = {**case.arguments, **case.passing}
                    if case.timed:
                        arguments["seconds"] = seconds / rounds
                    others = Others(workers[index])
                    answer = workers[index].call(
                        case.task, arguments, timeout=seconds + experiment.grace, tick=sampler.tick
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
            f"Each measurement lasted {duration(seconds / rounds)}, too short for steady figures; use --seconds "
            f"{SHORT_STRETCH * rounds:g} or more."
        )
    result.warnings += disturbances(result.rows)
    result.warnings += standing_warnings(result.machine)
    result.verdict = experiment.judge(result.rows, setting)
    return result


def standing_warnings(facts: dict[str, Any]) -> list[str]:
    """Return the warnings about limits of the machine itself."""
    found = []
    if facts["affinity"] < facts["cores"]:
        found.append(
            f"This process may run on only {facts['affinity']} of {facts['cores']} cores (taskset, a container's "
            "cpuset); the others stay idle whatever runs."
        )
    quota = facts["gilkit"].get("quota")
    if quota and quota < facts["affinity"]:
        found.append(f"The control group's quota is {quota:g} CPUs, so full use shows as {100 * quota:.0f} %.")
    if facts["threads_per_core"] > 1:
        found.append(
            f"Each core has {facts['threads_per_core']} hardware threads that share its execution units; CPU % counts "
            "each as a full core, but the work done does not double."
        )
    return found
