"""What each candidate would gain: the wall time expected, from the samples, measured speeds and Amdahl's law.

The rule of every prediction: time that a candidate does not touch stays as it is. Time that it touches is divided by a
speed that was measured on this machine, or by the number of cores where nothing keeps the parts from running at the same
time. Other assumptions are listed with the figure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean

from ..program import allocator
from ..text import duration, listed, shorten
from .loops import LoopFigures
from .operations import Array, Items, Operation, Scalar, Value, Work, in_numpy
from .sampler import Look, Recording, Sample, State
from .summary import Summary, importing

LOOP_SHARE = 0.1  # of the wall time; shorter loops are no candidates
BESIDE = 0.1  # fraction of a loop's time in which other threads run; beyond it, the program already runs in parallel
CROWDED = 0.05  # of the wall time, in calls that gain nothing only because other threads use the cores
WAITING = 0.5  # of a loop's time, beyond which the number of cores is not its limit
KERNEL_GAIN = 0.02  # of the wall time; kernels that gain less are no candidates
MOST_KERNELS = 3
CONFIDENCE = 1.96  # standard deviations
DOUBT = 0.1  # of the wall time; what is known less exactly is not predicted
CHANCE = 0.075  # of the wall time, for what differs from run to run
MUCH_LONGER = 1.5  # times as long, for a large block of bytes
MEMORY_TOLD = 0.01  # of the wall time; less is not worth a word
USUAL_ITEM = 8  # bytes

Kind = tuple[object, ...]  # what operations have in common that take about the same time per item


@dataclass(frozen=True)
class Speed:
    """The measured times of one operation, in seconds: NumPy's, with NumPy patched, and of gilkit's own function."""

    numpy: float
    patched: float
    kernel: float | None = None
    kernel_name: str = ""

    @property
    def gain(self) -> float:
        return self.numpy / self.patched if self.patched > 0 else 1.0

    @property
    def kernel_gain(self) -> float:
        return self.numpy / self.kernel if self.kernel else 1.0


@dataclass(frozen=True)
class OtherPython:
    """How many times as long another interpreter takes as this one, on one core."""

    work: Mapping[Work, float]
    functions: Mapping[str, float] = field(default_factory=dict)  # in C, by their names or those of their modules
    numpy: Mapping[Kind, float] = field(default_factory=dict)
    imports: float = 1.0
    start: float = 0.0  # seconds by which it starts later
    page: float = 0.0  # seconds in which the kernel provides a page of memory

    def times(self, look: Look, usual: float) -> float:
        """Return the factor for what a thread does at a moment; ``usual`` is that of Python code of an unknown kind."""
        if importing(look.stack):
            return self.imports
        operation = look.operation
        if operation is not None and operation.numpys:
            return self.numpy.get(kind_of(operation), 1.0)
        if operation is not None:
            for name in names_of(operation):
                if name in self.functions:
                    return self.functions[name]
        if look.state is State.FREE:  # C that is not known; the compiler makes the same of it
            return 1.0
        return usual if look.work is None else self.work[look.work]


def names_of(operation: Operation) -> tuple[str, str]:
    """Return the module or name of an operation's function, and the name of its method.

    These are hashlib and .sha256 for hashlib.sha256, hashlib and .update for _hashlib.HASH.update, and min for min.
    """
    return operation.name.partition(".")[0].lstrip("_"), f".{operation.name.partition('(')[0].rpartition('.')[2]}"


@dataclass
class Prediction:
    """The wall time expected, or the reason why there is none. ``verify`` names the way to measure it without an edit."""

    candidate: str
    wall: float | None
    margin: float = 0.0  # of the wall time: 95 % from the number of samples alone
    why: str = ""
    assumes: list[str] = field(default_factory=list)
    verify: str = ""
    measured: bool = False  # it depends on the speeds of NumPy's functions


# ---- Operations of one kind


def kind_of(operation: Operation) -> Kind:
    """Return what operations have in common that take about the same time per item."""
    return (
        operation.name,
        operation.in_place,
        tuple(map(_kind, operation.operands)),
        tuple((name, _kind(value)) for name, value in operation.keywords),
    )


def _kind(value: Value) -> object:
    if isinstance(value, Array):
        size = round(2 * math.log2(value.size)) if value.size else -1
        return value.type, len(value.shape), size, _contiguous(value)
    if isinstance(value, Scalar) and isinstance(value.value, float):
        return "float"
    if isinstance(value, Items):
        return value.kind, tuple(map(_kind, value.values))
    return value


def _contiguous(array: Array) -> bool:
    expected = None
    for length, stride in zip(reversed(array.shape), reversed(array.strides), strict=True):
        if length > 1 and expected is not None and stride != expected:
            return False
        expected = stride * length
    return True


@dataclass
class Group:
    """The operations of one kind: one of them, and the seconds in which a thread was in such an operation."""

    operation: Operation
    seconds: float = 0.0
    free: float = 0.0  # of these, without the GIL
    samples: int = 0


def groups(samples: Sequence[Sample]) -> dict[Kind, Group]:
    """Return the operations of NumPy by kind, those with the most time first."""
    found: dict[Kind, Group] = {}
    for sample in samples:
        for look in sample.looks:
            if look.operation is not None and look.operation.numpys:
                key = kind_of(look.operation)
                group = found.setdefault(key, Group(look.operation))
                group.seconds += sample.seconds
                group.samples += 1
                if look.state is State.FREE:
                    group.free += sample.seconds
    return dict(sorted(found.items(), key=lambda pair: -pair[1].seconds))


# ---- The candidates


def predict(
    found: Recording,
    summary: Summary,
    loops: Sequence[LoopFigures],
    speeds: Mapping[Kind, Speed],
    cores: int,
    *,
    patch_start: float = 0.0,
    process_start: float = 0.05,
    page: float | None = None,
    other: OtherPython | None = None,
    lacking: Sequence[str] = (),
) -> list[Prediction]:
    """Return the predictions.

    ``patch_start`` is the time to import gilkit and patch NumPy, ``process_start`` that of an interpreter, and ``page`` that
    in which the kernel provides a page of memory, in seconds; None if ``gilkit run`` cannot keep memory. ``other`` is a free-threaded interpreter, and ``lacking`` the packages of the program that it does not have.
    """
    slower = None if other is None else mean_slower(found, other)
    rows = [patched(found, summary, speeds, cores, patch_start, page)]
    rows += kernels(found, summary, speeds, cores, patch_start)
    rows += looped(summary, loops, cores, process_start, None if lacking else slower)
    rows.append(free_threaded(found, summary, cores, other, lacking))
    return rows


def mean_slower(found: Recording, other: OtherPython) -> float:
    """Return how many times as long another interpreter takes for what the program does while it holds the GIL."""
    usual = fmean(other.work.values())
    seconds = took = 0.0
    for sample in found.samples:
        for look in sample.looks:
            if look.state is State.HOLDS and not importing(look.stack):
                known = look.work is not None or look.operation is not None
                seconds += sample.seconds * known
                took += sample.seconds * known * other.times(look, usual)
    return took / seconds if seconds else usual


def margin(summary: Summary, touched: float, gain: float) -> float:
    """Return the 95 % margin of a wall time, since the touched part is known from a number of samples only."""
    if not summary.samples or summary.wall <= 0:
        return 0.0
    # Agresti and Coull: two more samples inside and two outside, so that few samples do not seem exact.
    count = summary.samples + 4
    part = (min(1.0, max(0.0, touched / summary.wall)) * summary.samples + 2) / count
    return CONFIDENCE * math.sqrt(part * (1 - part) / count) * summary.wall * (1 - 1 / gain)


def uses_small_arrays(look: Look) -> bool:
    """Whether a thread runs a function of NumPy on arrays whose memory ``gilkit run`` keeps when they are freed."""
    operation = look.operation
    if not look.runs or operation is None or not operation.numpys:
        return False
    return all(
        each.size * USUAL_ITEM < allocator.LARGEST_KEPT for each in operation.operands if isinstance(each, Array)
    )


def memory_share(found: Recording, page: float) -> float:
    """Return the part of the time in functions on such arrays that the kernel needs for memory that was there before."""
    seconds = system = 0.0
    fewest, most = math.inf, 0
    for before, sample in pairwise(found.samples):
        if any(map(uses_small_arrays, sample.looks)):
            seconds += sample.seconds
            system += sample.system - before.system
            fewest, most = min(fewest, before.pages), max(most, sample.pages)
    if not seconds:
        return 0.0
    return min(1.0, max(0.0, system - (most - fewest) * page) / seconds)


def patched(
    found: Recording,
    summary: Summary,
    speeds: Mapping[Kind, Speed],
    cores: int,
    start: float = 0.0,
    page: float | None = None,
) -> Prediction:
    """Predict the program under ``gilkit run``."""
    name = "NumPy patched (gilkit run)"
    if not any(
        in_numpy(place.file) for sample in found.samples for look in sample.looks for place in look.stack
    ) and not (groups(found.samples)):
        return Prediction(name, None, why="no call of NumPy was seen")
    kept = 0.0 if page is None else memory_share(found, page)
    memory = saved = touched = crowded = 0.0
    for sample in found.samples:
        running = [look for look in sample.looks if look.runs]
        if running:
            seconds = sample.seconds
            if any(map(uses_small_arrays, running)):
                memory += kept * seconds
                seconds -= kept * seconds
            # With several threads, the work of this sample ends when the slowest thread is done.
            gain = min(gain_of(look, speeds, len(running), cores) for look in running)
            saved += seconds * (1 - 1 / gain)
            touched += seconds * (gain > 1.0)
            alone = max(gain_of(look, speeds, 1, cores) for look in running)
            crowded += seconds * (alone > 1.0 >= gain)
    wall = summary.wall - memory - saved + start
    average = touched / (touched - saved) if 0 < saved < touched else 1.0
    if not groups(found.samples):
        why = "no call of NumPy that can be measured alone was seen; --verify runs the program"
    elif average == 1.0:
        why = "the calls of NumPy that were seen gain nothing"
    else:
        why = f"{100 * summary.share(touched):.0f} % of the time is in calls of NumPy that become {average:.2f} times as fast"
    if memory > MEMORY_TOLD * summary.wall:
        why += f"; {100 * summary.share(memory):.0f} % is the kernel's, for memory that gilkit run keeps"
    if crowded > CROWDED * summary.wall:
        why += f"; {100 * summary.share(crowded):.0f} % is in others, while other threads use the cores"
    return Prediction(
        name,
        wall,
        margin(summary, touched, average),
        why + beginning("patching NumPy", start, summary.wall),
        ["each function gains as much as it did when measured alone, on arrays of the same type, size and strides"]
        if average != 1.0
        else [],
        "patched",
        measured=bool(speeds),
    )


def beginning(what: str, start: float, wall: float) -> str:
    """Return how long a candidate takes to start, if that changes the figures."""
    return f"; {what} takes {duration(start)}" if start > 0.005 * wall else ""


def gain_of(look: Look, speeds: Mapping[Kind, Speed], running: int, cores: int) -> float:
    """Return how many times as fast a thread's operation is when NumPy is patched and ``running`` threads run."""
    if look.operation is None or not look.operation.numpys:
        return 1.0
    speed = speeds.get(kind_of(look.operation))
    if speed is None:
        return 1.0
    idle = max(0, cores - running)  # the cores that are left for the parts of a call
    return 1 + (speed.gain - 1) * idle / (cores - 1) if cores > 1 else 1.0


def kernels(
    found: Recording, summary: Summary, speeds: Mapping[Kind, Speed], cores: int, start: float = 0.0
) -> list[Prediction]:
    """Predict gilkit's own functions in place of single calls of NumPy."""
    names: dict[Kind, str] = {}
    for key, group in groups(found.samples).items():
        speed = speeds.get(key)
        if speed and speed.kernel and speed.kernel_gain > 1:
            names[key] = f"{speed.kernel_name} in place of {shorten(group.operation.text or group.operation.name, 40)}"
    seconds = dict.fromkeys(names.values(), 0.0)
    saved = dict.fromkeys(names.values(), 0.0)
    for sample in found.samples:
        running = sum(look.runs for look in sample.looks)
        for look in sample.looks:
            key = kind_of(look.operation) if look.operation is not None and look.operation.numpys else ()
            if key in names:
                # The least that is left of the gain, as if it came from the cores alone.
                usable = max(1, cores - max(0, running - 1))
                gain = max(1.0, speeds[key].kernel_gain * usable / cores)
                seconds[names[key]] += sample.seconds
                saved[names[key]] += sample.seconds * (1 - 1 / gain)
    rows = []
    for name in sorted(saved, key=lambda each: -saved[each])[:MOST_KERNELS]:
        if saved[name] - start > KERNEL_GAIN * summary.wall:
            gain = seconds[name] / (seconds[name] - saved[name])
            rows.append(
                Prediction(
                    name,
                    summary.wall - saved[name] + start,
                    margin(summary, seconds[name], gain),
                    f"{100 * summary.share(seconds[name]):.0f} % of the time is in this call, which becomes {gain:.2f} "
                    f"times as fast{beginning('importing gilkit', start, summary.wall)}",
                    ["gilkit's function gains as much as it did when measured alone, on arrays of this layout"],
                    measured=True,
                )
            )
    return rows


def looped(
    summary: Summary, loops: Sequence[LoopFigures], cores: int, process_start: float, slower: float | None
) -> list[Prediction]:
    """Predict the longest loop in threads, in processes, and in threads of a free-threaded interpreter."""
    long = [each for each in loops if each.seconds >= LOOP_SHARE * summary.wall and not summary.free_threaded]
    possible = [each for each in long if not each.obstacle and each.beside <= BESIDE * each.seconds]
    if not possible:
        if not long:
            why = "no `for` loop of the program was seen to take a tenth of its time"
        elif all(each.obstacle for each in long):
            why = f"the loop at {long[0].where} cannot be divided: {long[0].obstacle}"
        else:
            why = "other threads run already while the main thread is in the program's loops"
        return [
            Prediction("gilkit.map over a loop", None, why=why),
            Prediction("a process pool over a loop", None, why=why),
        ]
    loop = possible[0]
    rest = summary.wall - loop.seconds
    assumes = [
        f"the iterations of `{loop.text}` do not depend on one another (checked: the names that they store; not "
        "checked: the functions that they call)",
        f"there are many iterations of about equal length, and {cores} idle cores",
    ]
    part = summary.share(loop.seconds)
    threads = max(loop.held, loop.seconds / cores)
    with_gil = "which does not hold the GIL"
    if loop.held >= 0.005 * loop.seconds:
        with_gil = f"{percent(loop.held, loop.seconds)} of it with the GIL, which only one thread can hold at a time"
    waiting = ""
    if loop.sleeps > WAITING * loop.seconds:
        waiting = (
            f"; {percent(loop.sleeps, loop.seconds)} of it is waiting, which needs no core, so more than {cores} at once "
            "gain more"
        )
    rows = [
        Prediction(
            f"gilkit.map over {loop.where}",
            rest + threads,
            margin(summary, loop.seconds, loop.seconds / threads if threads else 1.0),
            f"{100 * part:.0f} % of the time is in the loop, {with_gil}{waiting}",
            assumes,
        )
    ]
    # Each process imports what the program did, all at the same time.
    begin = process_start + summary.imports
    pool = loop.seconds / cores + begin
    rows.append(
        Prediction(
            f"a process pool over {loop.where}",
            rest + pool,
            margin(summary, loop.seconds, cores),
            f"{100 * part:.0f} % of the time is divided among {cores} processes, which start in {duration(begin)}{waiting}",
            [
                *assumes,
                "arguments and results are small and can be pickled, and many short iterations are handed out in chunks",
            ],
        )
    )
    if slower is not None:
        python = loop.held * slower + loop.free + loop.waits
        others = rest + (summary.held - loop.held) * (slower - 1)
        rows.append(
            Prediction(
                f"gilkit.map over {loop.where}, free-threaded",
                max(others, 0.0) + python / cores,
                margin(summary, loop.seconds, cores),
                f"no GIL, and Python code that takes {slower:.2f} times as long on one core",
                assumes,
            )
        )
    return rows


def free_threaded(
    found: Recording, summary: Summary, cores: int, other: OtherPython | None, lacking: Sequence[str] = ()
) -> Prediction:
    """Predict the program, unchanged, on a free-threaded interpreter."""
    name = "a free-threaded build"
    if summary.free_threaded:
        return Prediction(name, None, why="the program runs without a GIL already")
    if other is None:
        return Prediction(
            name,
            None,
            why="no free-threaded interpreter was found to measure (python3.14t, or GILKIT_FREE_THREADED_PYTHON)",
        )
    if lacking:
        return Prediction(
            name,
            None,
            why=f"the free-threaded interpreter that was found lacks {listed(lacking)}, which the program uses",
        )
    slower = mean_slower(found, other)
    parts = [(sample.seconds, without_gil(sample, cores, other, slower)) for sample in found.samples]
    sampled = sum(seconds * factor for seconds, factor in parts)
    wall = summary.unseen + other.start + sampled
    mean = sampled / max(1e-9, sum(seconds for seconds, _ in parts))
    # Each sample is taken for a moment of its own. Rare moments that take many times as long make the figure uncertain.
    doubt = CONFIDENCE * math.sqrt(sum((seconds * (factor - mean)) ** 2 for seconds, factor in parts))
    if doubt > DOUBT * wall:
        longest = max(factor for _, factor in parts)
        why = f"parts of the program take up to {longest:.1f} times as long there, and few samples show how large they are"
        return undecidable(name, wall - doubt, wall + doubt, why)
    blocks = sum(
        sample.seconds
        for sample in found.samples
        if any(look.runs and look.operation is not None and look.operation.block for look in sample.looks)
    )
    longer = other.functions.get("bytes", 1.0)
    if blocks > DOUBT * summary.wall and longer > MUCH_LONGER:
        why = (
            f"not decided: functions work on large blocks of bytes {100 * summary.share(blocks):.0f} % of the time. To make such a "
            f"block takes {longer:.1f} times as long there, where its memory is returned to the system sooner, and how often "
            "they are made is not known"
        )
        return Prediction(name, None, why=why, verify="free-threaded")
    memory = summary.faults * other.page
    if memory > CHANCE * wall:
        why = (
            f"the kernel provides memory page by page for {100 * summary.share(memory):.0f} % of the time, and how often "
            "another allocator needs that depends on where its blocks happen to lie"
        )
        return undecidable(name, wall - memory, wall + memory, why)
    part = summary.share(summary.wanted)
    why = (
        f"threads wait for the GIL {100 * part:.0f} % of the time; without one, code like this program's takes {slower:.2f} "
        "times as long on one core"
    )
    return Prediction(
        name,
        wall,
        doubt,
        why,
        [
            "the threads that wait for the GIL share nothing else that only one of them may use at a time",
            "functions in C that were not measured on that interpreter take as long there",
        ],
        "free-threaded",
        measured=bool(other.numpy),
    )


def undecidable(name: str, low: float, high: float, why: str) -> Prediction:
    """Return a prediction without a number, since it could be any within wide limits. ``--verify`` measures it."""
    why = f"not decided, between {duration(max(0.0, low))} and {duration(high)}: {why}"
    return Prediction(name, None, why=why, verify="free-threaded")


def without_gil(sample: Sample, cores: int, other: OtherPython, usual: float) -> float:
    """Return the time that the work of a moment takes without a GIL, divided by the time that it took.

    Threads that waited for the GIL would run at the same time, up to the number of cores, so the work would end sooner.
    """
    running = [look for look in sample.looks if look.runs]
    if not running:
        return 1.0
    able = len(running)
    if any(look.state is State.HOLDS for look in running):
        able += sum(look.state is State.WANTS for look in sample.looks)
    return sum(other.times(look, usual) for look in running) / min(able, max(cores, len(running)))


def undecided(rows: Sequence[Prediction], others: float) -> None:
    """Withdraw the predictions that depend on measured speeds of NumPy, because other programs used the cores
    meanwhile."""
    for row in rows:
        if row.measured:
            row.wall, row.margin, row.assumes = None, 0.0, []
            row.why = (
                f"not decided: other programs used {others:.0f} % of a core while the speed of NumPy's functions was "
                "measured; close them, and run again"
            )


def percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole > 0 else "0 %"
