"""The report of a profile: everything that was measured and predicted, and its words."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .. import interpreters, machine
from ..program import allocator
from ..runner import standing_warnings
from ..text import duration, plural
from . import loops, predict, pythons, speeds, summary
from .loops import LoopFigures
from .others import Others, limit
from .predict import Group, Kind, Prediction, Speed
from .sampler import Recording, State
from .summary import Summary

FORMAT = "gilkit-profile"
FEW_SAMPLES = 50
OTHERS_SECONDS = 0.2  # the kernel counts CPU time in steps of 10 ms, too coarse for shorter runs
NEAR = 0.15  # of the measured time: a prediction within it is right
ROWS = 12  # of the tables of functions and operations
LEAST_SHARE = 0.01  # of the wall time; functions and operations with less are not listed


@dataclass
class Verification:
    """The measured time of a candidate, as a fraction of the unchanged program's time, and the predicted one, if any."""

    candidate: str
    predicted: float | None
    measured: float | None
    low: float = 0.0
    high: float = 0.0
    wall: float = 0.0
    why: str = ""  # why it could not be measured, or why the prediction was off
    others: float = 0.0  # per cent of a core that other programs used meanwhile
    rounds: int = 0  # rounds that count

    @property
    def error(self) -> float | None:
        return None if self.measured is None or self.predicted is None else self.predicted / self.measured - 1

    @property
    def forecast(self) -> str:
        return "–" if self.predicted is None else f"{self.predicted:.2f}"


@dataclass
class Report:
    program: list[str]
    found: Recording
    summary: Summary
    loops: list[LoopFigures]
    groups: dict[Kind, Group]
    speeds: dict[Kind, Speed]
    predictions: list[Prediction]
    machine: dict[str, Any]
    cores: int
    free_threaded: interpreters.Interpreter | None = None
    verifications: list[Verification] = field(default_factory=list)
    baseline: float | None = None  # median wall time of the unchanged program, not sampled
    notes: list[str] = field(default_factory=list)

    @property
    def unmeasured(self) -> float:
        """Return the part of the time in NumPy's functions whose speed was not measured."""
        whole = sum(group.seconds for group in self.groups.values())
        known = sum(group.seconds for kind, group in self.groups.items() if kind in self.speeds)
        return 1 - known / whole if whole > 0 else 0.0


def build(
    found: Recording,
    program: Sequence[str],
    free: interpreters.Interpreter | None = None,
    threads: int | None = None,
) -> Report:
    """Summarize a recording, measure what the predictions need, and predict. ``free`` is a free-threaded interpreter."""
    import gilkit

    facts = machine.describe()
    cores = threads or gilkit.num_threads()
    figures = summary.summarize(found)
    groups = predict.groups(found.samples)
    here = interpreters.running()
    used = summary.packages(found)
    if groups and "numpy" not in used:
        used.append("numpy")
    other, lacking = None, []
    if free is not None and here.gil:
        lacking = interpreters.lacks(free, used)
        other = pythons.compare(free, ["numpy"] if "numpy" in used and "numpy" not in lacking else [])
    interrupted = False
    measured = speeds.Measured()
    disturbed = 0.0
    if groups:
        kinds = plural(len(speeds.chosen(groups)), "kind")
        print(
            f"gilkit profile: measuring NumPy's speed on this machine: {kinds} of call, {speeds.BUDGET:.0f} s at most",
            file=sys.stderr,
        )
        others = Others()
        try:
            measured = speeds.measure(groups, threads, other=free if other is not None and not lacking else None)
        except KeyboardInterrupt:
            interrupted = True
        disturbed = others.percent()
        if other is not None:
            other = replace(other, numpy=measured.there)
    long = loops.find_loops(found)
    predictions = predict.predict(
        found,
        figures,
        long,
        measured.speeds,
        cores,
        patch_start=measured.start,
        process_start=pythons.start(rounds=pythons.ROUNDS),
        page=pythons.page() if allocator.can_keep() else None,
        other=other,
        lacking=lacking,
    )
    result = Report(
        list(program), found, figures, long, groups, measured.speeds, predictions, facts, cores, free_threaded=free
    )
    result.notes = notes(result)
    if disturbed > limit(facts["cores"]):
        predict.undecided(predictions, disturbed)
    if interrupted:
        result.notes.append("Interrupted; the speed of NumPy's functions was not measured.")
    return result


def notes(done: Report) -> list[str]:
    """Return what limits the figures."""
    figures, found = done.summary, done.found
    lines = []
    if figures.samples < FEW_SAMPLES:
        lines.append(f"Only {plural(figures.samples, 'sample')}: the program is too short for exact figures.")
    if found.others_percent > limit(done.machine["cores"]) and figures.wall >= OTHERS_SECONDS:
        lines.append(
            f"Other programs used {found.others_percent:.0f} % of a core during the run, so the program may have waited for "
            "cores, and its shares are those of a busy machine. Close them, and run again."
        )
    if figures.unseen > 0.1 * figures.wall and figures.unseen > 0.3:
        lines.append(
            f"{duration(figures.unseen)} were not sampled: the interpreter was starting or ending, or the sampler got no "
            "core. The predictions leave that time as it is."
        )
    if found.version != sys.version_info[:2]:
        lines.append(
            f"The process runs Python {found.version[0]}.{found.version[1]}. Only gilkit on the same version can see which "
            "functions of NumPy it calls."
        )
    if found.missed > 0.05 * max(1, figures.samples):
        lines.append(f"{plural(found.missed, 'sample')} could not be read, because the interpreter changed meanwhile.")
    if figures.children_cpu > LEAST_SHARE * figures.wall:
        lines.append(
            f"Child processes used {duration(figures.children_cpu)} of CPU time. They are not sampled, and the predictions "
            "do not concern them; `gilkit profile --pid PID` profiles one of them while it runs."
        )
    if done.unmeasured > 0.05 and done.groups:
        lines.append(
            f"{100 * done.unmeasured:.0f} % of the time in NumPy's functions is in calls that could not be repeated "
            "alone to measure them. The predictions leave that time as it is."
        )
    return lines + standing_warnings(done.machine)


def headline(done: Report) -> str:
    figures = done.summary
    return (
        f"gilkit profile: {duration(figures.wall)}, CPU {100 * figures.cores:.0f} % of one core, "
        f"{plural(done.cores, 'core')}, {plural(figures.samples, 'sample')}; sampling took "
        f"{100 * done.found.own_cpu / figures.wall if figures.wall else 0:.1f} % of a core"
    )


def sentences(done: Report) -> list[str]:
    """Return who holds the GIL and how many threads run, in sentences."""
    figures = done.summary
    several = max(0.0, figures.wall - figures.unseen - figures.idle - figures.alone)
    unseen = f"; {_percent(figures, figures.unseen)} was not sampled" if figures.share(figures.unseen) >= 0.01 else ""
    lines = [
        f"One thread runs {_percent(figures, figures.alone)} of the time, several at once {_percent(figures, several)}, "
        f"and none {_percent(figures, figures.idle)}{unseen}."
    ]
    if figures.free_threaded:
        return [*lines, "There is no GIL in this process."]
    held = f"The GIL is held {_percent(figures, figures.held)} of the time"
    if figures.blocked > 0.01 * figures.wall:
        held += f" ({_percent(figures, figures.blocked)} while its holder itself waits)"
    wanted = (
        f"other threads wait for it {_percent(figures, figures.wanted)} of the time"
        if figures.wanted > 0.001 * figures.wall
        else "no other thread waits for it"
    )
    return [*lines, f"{held}; {wanted}."]


def _percent(figures: Summary, seconds: float) -> str:
    return f"{100 * figures.share(seconds):.0f} %"


def operations(done: Report) -> list[tuple[str, float, float, Speed | None]]:
    """Return text, seconds, seconds without the GIL and measured speed of each operation of NumPy, by its source."""
    rows: dict[str, list[Any]] = {}
    for kind, group in done.groups.items():
        name = group.operation.text or group.operation.name
        row = rows.setdefault(name, [0.0, 0.0, done.speeds.get(kind)])
        row[0] += group.seconds
        row[1] += group.free
    return [
        (name, *row)
        for name, row in sorted(rows.items(), key=lambda pair: -pair[1][0])
        if row[0] >= LEAST_SHARE * done.summary.wall
    ][:ROWS]


def functions(done: Report) -> list[summary.FunctionFigures]:
    return [each for each in done.summary.functions if each.seconds >= LEAST_SHARE * done.summary.wall][:ROWS]


def judged(each: Verification) -> str:
    """Return how close a prediction was, in words."""
    if each.measured is None:
        return f"not measured: {each.why}"
    if each.error is None:
        return each.why
    text = f"{100 * each.error:+.0f} %"
    return f"{text}: {each.why}" if each.why else text


def threads(done: Report) -> list[summary.ThreadFigures]:
    """Return the figures of the threads. If they do not fit in a table, those of one name are added up."""
    found = done.summary.threads
    if len(found) <= ROWS:
        return found
    groups: dict[str, list[summary.ThreadFigures]] = {}
    for each in found:
        groups.setdefault("unnamed" if each.name == f"thread {each.number}" else each.name, []).append(each)
    rows = [summary.merged(name, members) for name, members in groups.items()]
    return [rows[0], *sorted(rows[1:], key=lambda each: -each.runs)]


def states(done: Report) -> list[State]:
    """Return the states that a table of threads shows: the rare ones only if a thread was in them."""
    seen = {state for thread in done.summary.threads for state, seconds in thread.seconds.items() if seconds > 0}
    return [state for state in State if state in seen or state not in (State.BLOCKS, State.QUEUES)]


def document(done: Report) -> dict[str, Any]:
    """Return everything in values that JSON can hold. The samples themselves are left out; the figures are complete."""
    figures = asdict(done.summary)
    for thread in figures["threads"]:
        thread["seconds"] = {str(state): seconds for state, seconds in thread["seconds"].items()}
    return {
        "format": FORMAT,
        "version": 1,
        "program": done.program,
        "python": list(done.found.version),
        "machine": done.machine,
        "cores": done.cores,
        "sampler_cpu": done.found.own_cpu,
        "summary": figures,
        "loops": [asdict(each) for each in done.loops],
        "operations": [
            {
                "name": group.operation.name,
                "text": group.operation.text,
                "operands": [speeds.value_to_json(each) for each in group.operation.operands],
                "seconds": group.seconds,
                "free": group.free,
                "samples": group.samples,
                "speed": asdict(done.speeds[kind]) if kind in done.speeds else None,
            }
            for kind, group in done.groups.items()
        ],
        "predictions": [asdict(each) for each in done.predictions],
        "verifications": [{**asdict(each), "error": each.error} for each in done.verifications],
        "baseline": done.baseline,
        "notes": done.notes,
    }
