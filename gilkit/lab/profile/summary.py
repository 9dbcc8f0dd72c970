"""The figures of the report, from the samples alone: threads, functions, the GIL, and the cores over time."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from .operations import in_library, in_numpy, installed
from .reader import Place
from .sampler import Look, Recording, Sample, State

BINS = 60  # of the timeline, at most
IMPORTS = "importing modules"


@dataclass
class ThreadFigures:
    """The seconds that a thread spent in each state."""

    number: int
    name: str
    seconds: dict[State, float] = field(default_factory=dict)

    def __getitem__(self, state: State) -> float:
        return self.seconds.get(state, 0.0)

    @property
    def runs(self) -> float:
        return self[State.HOLDS] + self[State.FREE]


def merged(name: str, members: Sequence[ThreadFigures]) -> ThreadFigures:
    """Return the sum of several threads' figures."""
    if len(members) == 1:
        return members[0]
    result = ThreadFigures(members[0].number, f"{len(members)} × {name}")
    for each in members:
        for state, seconds in each.seconds.items():
            result.seconds[state] = result[state] + seconds
    return result


@dataclass
class FunctionFigures:
    """The seconds of a function's own work. ``kept`` is the total time that other threads waited while it held the
    GIL."""

    name: str
    file: str
    held: float = 0.0
    free: float = 0.0
    kept: float = 0.0

    @property
    def seconds(self) -> float:
        return self.held + self.free


@dataclass
class Bin:
    """A stretch of the timeline: the cores that the process used, and the part of the time that the GIL was held."""

    start: float
    end: float
    cores: float
    held: float


@dataclass
class Summary:
    wall: float
    cpu: float
    children_cpu: float
    samples: int
    unseen: float  # seconds that no sample stands for: the start of the interpreter, and gaps
    held: float = 0.0  # seconds that some thread held the GIL
    blocked: float = 0.0  # of these, seconds that the holder itself waited
    wanted: float = 0.0  # seconds that at least one thread waited for the GIL
    idle: float = 0.0  # seconds that no thread ran
    alone: float = 0.0  # seconds that exactly one thread ran
    imports: float = 0.0  # seconds of the main thread in imports
    faults: int = 0  # pages of memory that the kernel provided, without those for imports
    threads: list[ThreadFigures] = field(default_factory=list)
    functions: list[FunctionFigures] = field(default_factory=list)
    timeline: list[Bin] = field(default_factory=list)
    free_threaded: bool = False

    @property
    def cores(self) -> float:
        return self.cpu / self.wall if self.wall > 0 else 0.0

    def share(self, seconds: float) -> float:
        """Return seconds as a part of the wall time."""
        return seconds / self.wall if self.wall > 0 else 0.0


def summarize(found: Recording) -> Summary:
    """Return the figures of a recording."""
    sampled = sum(sample.seconds for sample in found.samples)
    result = Summary(
        found.wall,
        found.cpu,
        found.children_cpu,
        len(found.samples),
        max(0.0, found.wall - sampled),
        free_threaded=found.free_threaded,
    )
    threads: dict[int, ThreadFigures] = {}
    functions: dict[tuple[str, str], FunctionFigures] = {}
    faults = 0
    for sample in found.samples:
        seconds = sample.seconds
        if faults and not any(importing(look.stack) for look in sample.looks):
            result.faults += sample.faults - faults
        faults = sample.faults
        states = [look.state for look in sample.looks]
        waiting = states.count(State.WANTS)
        running = sum(look.runs for look in sample.looks)
        held, blocked = State.HOLDS in states or State.BLOCKS in states, State.BLOCKS in states
        result.held += seconds * held
        result.blocked += seconds * blocked
        result.wanted += seconds * bool(waiting)
        result.idle += seconds * (running == 0)
        result.alone += seconds * (running == 1)
        for look in sample.looks:
            thread = threads.get(look.thread)
            if thread is None:
                thread = threads[look.thread] = ThreadFigures(look.thread, "")
            if not thread.name:
                thread.name = name_of(look, found)
            thread.seconds[look.state] = thread[look.state] + seconds
            if look.thread == found.pid and importing(look.stack):
                result.imports += seconds
            if look.state in (State.HOLDS, State.BLOCKS, State.FREE) and look.stack:
                key = function_of(look.stack)
                figures = functions.setdefault(key, FunctionFigures(*key))
                if look.state is State.FREE:
                    figures.free += seconds
                else:
                    figures.held += seconds
                    figures.kept += seconds * waiting
    for thread in threads.values():
        thread.name = thread.name or found.names.get(thread.number, f"thread {thread.number}")
    main = found.pid
    result.threads = sorted(threads.values(), key=lambda each: (each.number != main, -each.runs))
    result.functions = sorted(functions.values(), key=lambda each: -each.seconds)
    result.timeline = timeline(found.samples)
    return result


def timeline(samples: Sequence[Sample], bins: int = BINS) -> list[Bin]:
    """Return the use of cores in stretches of equal numbers of samples."""
    if len(samples) < 2:
        return []
    # The kernel counts CPU time in ticks of 10 ms, so each stretch has a few samples.
    size = max(5, -(-len(samples) // bins))
    found: list[Bin] = []
    begin, cpu = max(0.0, samples[0].when - samples[0].seconds), 0.0
    for first in range(0, max(1, len(samples) - size + 1), size):
        last = (
            first + size if first + 2 * size <= len(samples) else len(samples)
        )  # the rest belongs to the last stretch
        group = samples[first:last]
        end = group[-1].when
        seconds = sum(sample.seconds for sample in group)
        held = sum(
            sample.seconds
            for sample in group
            if any(look.state in (State.HOLDS, State.BLOCKS) for look in sample.looks)
        )
        if first == 0:  # the CPU time before the first sample belongs to the start
            cores = fmean(sum(look.runs for look in sample.looks) for sample in group)
        else:
            cores = max(0.0, group[-1].cpu - cpu) / (end - begin) if end > begin else 0.0
        found.append(Bin(begin, end, cores, held / seconds if seconds > 0 else 0.0))
        begin, cpu = end, group[-1].cpu
    return found


def name_of(look: Look, found: Recording) -> str:
    """Return the name of a thread: "main", or the function that it was started with."""
    if look.thread == found.pid:
        return "main"
    outer = [place for place in reversed(look.stack) if not place.file.endswith(f"{os.sep}threading.py")]
    return f"{short(outer[0].function)} ({os.path.basename(outer[0].file)})" if outer else ""


def short(function: str) -> str:
    """Return a function's qualified name without the functions that it is defined in."""
    return function.rpartition("<locals>.")[2]


def importing(stack: Sequence[Place]) -> bool:
    return any(place.file.startswith("<frozen importlib") for place in stack)


def function_of(stack: Sequence[Place]) -> tuple[str, str]:
    """Return the name and file of the function to which a thread's time belongs: the innermost one outside NumPy."""
    if importing(stack):
        return IMPORTS, ""
    place = next((each for each in stack if not in_numpy(each.file)), stack[0])
    return short(place.function), place.file


def own(file: str) -> bool:
    """Whether a file is the program's, and not of an installed package or the standard library."""
    return not file.startswith("<") and not installed(file) and not in_library(file)


_INSTALLED = re.compile(r"[/\\](?:site|dist)-packages[/\\]([A-Za-z]\w*)")


def packages(found: Recording) -> list[str]:
    """Return the names of the installed packages, or modules, in whose code the program was seen."""
    files = {place.file for sample in found.samples for look in sample.looks for place in look.stack}
    return sorted({match[1] for match in map(_INSTALLED.search, files) if match})
