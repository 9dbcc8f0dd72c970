"""Sample a process: which thread holds the GIL, which ones compute without it, wait for it, or wait for something else.

The moments are random, and do not depend on what the program does. The holder is read from the interpreter's own
structure, before and after the kernel is asked whether the thread runs; a thread that gave the GIL up in between is
judged by the second reading. So a thread in ``time.sleep`` never counts as a holder, and a thread whose call of NumPy has
released the GIL counts as computing without it.
"""

from __future__ import annotations

import collections
import contextlib
import gc
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import NamedTuple

from ..errors import LabError
from ..machine import affinity
from .memory import Unreadable
from .operations import Decoder, Operation, Work
from .reader import Frame, Place, Reader
from .tasks import Task, Tasks

INTERVAL = 0.01  # seconds between two samples, on average
# The part of one core that the sampler may use; if it needs more, it samples less often. A core that the program leaves
# idle costs it nothing. If it uses them all, the sampler takes a third of a per cent of them.
BUSY_SHARE, IDLE_SHARE = 0.0033, 0.05
IDLE = 0.7  # cores left
RECENT = 12  # samples that show how many cores the program uses now
LONGEST = (
    0.25  # maximum seconds that a sample stands for; if the sampler itself got no core for longer, that time is unknown
)
MOST_SAMPLES = 40_000  # then every second one is dropped, and the interval doubled
TRIES = 3  # of a sample during which memory could not be read


class State(StrEnum):
    HOLDS = "holds the GIL"
    BLOCKS = "holds the GIL and waits"  # for a disk, a page or a lock: no thread runs Python meanwhile
    FREE = "computes without the GIL"
    WANTS = "waits for the GIL"
    QUEUES = "waits for a core"
    WAITS = "waits"


class Look(NamedTuple):
    """One thread at one moment. The innermost call is first in the stack."""

    thread: int
    state: State
    core: int = 0
    stack: tuple[Place, ...] = ()
    operation: Operation | None = None
    work: Work | None = None  # of a thread that holds the GIL
    frames: tuple[Frame, ...] = ()  # during the run; they are decoded after it
    contended: bool = False  # another thread holds the GIL

    @property
    def runs(self) -> bool:
        return self.state in (State.HOLDS, State.FREE)


class Sample(NamedTuple):
    when: float  # seconds since the start
    seconds: float  # that it stands for: those since the last one
    looks: tuple[Look, ...]
    cpu: float = 0.0  # CPU seconds of the process so far
    faults: int = 0  # pages of memory that the kernel has provided so far
    system: float = 0.0  # the CPU seconds in the kernel
    pages: int = 0  # of memory that the process has


@dataclass
class Recording:
    """The samples of a process."""

    pid: int
    wall: float = 0.0
    cpu: float = 0.0
    own_cpu: float = 0.0  # CPU seconds of the sampler itself
    children_cpu: float = 0.0  # CPU seconds of the processes that the program started
    samples: list[Sample] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    others_percent: float = 0.0  # per cent of a core that other programs used
    missed: int = 0  # samples that could not be read
    free_threaded: bool = False
    version: tuple[int, int] = (0, 0)


def share_of(used: float, cores: int) -> float:
    """Return the part of a core that the sampler may use while the program uses this many of them."""
    return IDLE_SHARE if cores - used >= IDLE else BUSY_SHARE * min(cores, 8)


def next_interval(costs: Sequence[float], share: float, shortest: float = INTERVAL) -> float:
    """Return the seconds to the next sample, given the CPU seconds of the last ones, so that the share stays small.

    The median counts: a sample that meets a new file has to read it, once.
    """
    return max(shortest, median(costs) / share)


def state_of(task: Task, holds: bool, wants: bool) -> State:
    """Return the state of a thread. The kernel says whether it runs, and the interpreter whether it holds the GIL."""
    if holds:
        return State.HOLDS if task.runs else State.BLOCKS
    if task.runs:
        return State.FREE
    if task.queued:
        return State.QUEUES
    return State.WANTS if wants else State.WAITS


class Sampler:
    """Samples one process until it ends or is told to stop."""

    def __init__(self, pid: int, reader: Reader, begun: float | None = None) -> None:
        self.reader = reader
        self.tasks = Tasks(pid)
        self.decoder = Decoder(reader)
        self.begun = time.perf_counter() if begun is None else begun
        self.shortest = INTERVAL
        self._cores = affinity()
        self._missed = 0
        self._costs: collections.deque[float] = collections.deque(maxlen=15)
        self.found = Recording(
            pid, version=reader.version, free_threaded=reader.layout.free_threaded and not self._has_gil()
        )
        self._last = time.perf_counter()  # the start of the interpreter belongs to no sample
        self._random = random.Random(pid)

    def _has_gil(self) -> bool:
        try:
            return any(thread.gil for thread in self.reader.threads())
        except Unreadable:
            return True

    def run(self, wait: Callable[[float], bool]) -> Recording:
        """Sample until ``wait(seconds)``, which is called after each sample, returns True."""
        collects = gc.isenabled()
        gc.disable()  # all samples are kept, so collecting garbage finds nothing, and takes longer and longer
        try:
            self._run(wait)
        finally:
            if collects:
                gc.enable()
        return self.finish()

    def _run(self, wait: Callable[[float], bool]) -> None:
        pause = 0.0
        while not wait(pause):
            before = time.thread_time()
            try:
                self._sample()
            except OSError:  # the process is gone
                break
            cost = time.thread_time() - before
            self.found.own_cpu += cost
            self._costs.append(cost)
            pause = next_interval(self._costs, self._share(), self.shortest) * self._random.uniform(0.5, 1.5)

    def _share(self) -> float:
        last = self.found.samples[-RECENT:]
        if len(last) < 2 or last[-1].when <= last[0].when:
            return IDLE_SHARE
        return share_of((last[-1].cpu - last[0].cpu) / (last[-1].when - last[0].when), self._cores)

    def finish(self) -> Recording:
        found = self.found
        found.wall = time.perf_counter() - self.begun
        found.cpu = max(found.cpu, self.tasks.cpu())
        self.tasks.close()
        self.reader.close()
        found.samples[:] = [
            sample._replace(looks=tuple(self._finished(look) for look in sample.looks)) for sample in found.samples
        ]
        return found

    def _finished(self, look: Look) -> Look:
        """Return a look with all that follows from its frames. It takes a while, so it is done after the run."""
        frames = look.frames
        state, operation, work = look.state, look.operation, None
        if look.runs and not any(each.code.imports for each in frames):
            operation = operation or self.decoder.named(frames)
            if state is State.HOLDS:
                work = self.decoder.work(frames)
            # A waiting thread wakes up every few milliseconds to ask for the GIL, and runs when it is about to get it.
            elif look.contended and self.decoder.in_python(frames, operation):
                state = State.WANTS
        stack = tuple(frame.place for frame in frames)
        return Look(look.thread, state, look.core, stack, operation, work)

    def _sample(self) -> None:
        for _ in range(TRIES):
            try:
                looks = self._looks()
                break
            except Unreadable:  # the interpreter has changed meanwhile
                continue
        else:
            self.found.missed += 1
            self._missed += 1
            if self._missed % TRIES == 0:
                self._attach_again()
            return
        self._missed = 0
        now = time.perf_counter()
        found = self.found
        found.cpu = self.tasks.cpu()
        seconds = min(now - self._last, max(LONGEST, 3 * self.shortest))
        tasks = self.tasks
        found.samples.append(
            Sample(now - self.begun, seconds, looks, found.cpu, tasks.faults(), tasks.system(), tasks.pages())
        )
        self._last = now
        if len(found.samples) > MOST_SAMPLES:
            found.samples[:] = thinned(found.samples)
            self.shortest *= 2

    def _attach_again(self) -> None:
        """Look for the interpreter again, because the process may have started another program (os.exec)."""
        try:
            reader = Reader(self.found.pid)
        except LabError:
            return
        if reader.ready:
            self.reader.close()
            self.reader, self.decoder = reader, Decoder(reader)
        else:
            reader.close()

    def _looks(self) -> tuple[Look, ...]:
        reader = self.reader
        threads = reader.threads()
        gils = {each.gil for each in threads}
        before = {gil: reader.holder(gil) for gil in gils}
        tasks = self.tasks.look()
        after = {gil: reader.holder(gil) for gil in gils}
        looks = []
        known = {each.native_id: each for each in threads}
        for number, task in tasks.items():
            thread = known.get(number)
            if thread is None:
                if task.runs:
                    looks.append(Look(number, State.FREE, task.core))
                    self._name(number)
                continue
            # The GIL was read before and after the threads. For a thread that runs, the first counts: it may release the
            # GIL meanwhile. For one that waits, the second counts: it may have got or given up the GIL before it waited.
            holds = thread.address == (before if task.runs else after)[thread.gil]
            wants = False
            if not holds and not task.runs and thread.gil:
                wants = reader.waits_for(thread.gil, self.tasks.sleeps_on(number))
            state = state_of(task, holds, wants)
            frames = reader.stack(thread.address)
            operation = None
            if state in (State.HOLDS, State.FREE) and not any(each.code.imports for each in frames):
                with contextlib.suppress(Unreadable):  # an object that is gone
                    operation = self.decoder.operation(frames)
            contended = after[thread.gil] not in (0, thread.address)
            looks.append(Look(number, state, task.core, (), operation, frames=frames, contended=contended))
        return tuple(looks)

    def _name(self, number: int) -> None:
        """Keep the name of a thread that Python does not know."""
        if number not in self.found.names:
            try:
                with open(f"/proc/{self.found.pid}/task/{number}/comm", encoding="utf-8", errors="replace") as file:
                    self.found.names[number] = f"a native thread ({file.read().strip()})"
            except OSError:
                pass


def thinned(samples: list[Sample]) -> list[Sample]:
    """Return every second sample, each for the time of two."""
    return [
        later._replace(seconds=earlier.seconds + later.seconds)
        for earlier, later in zip(samples[::2], samples[1::2], strict=False)
    ] + (samples[-1:] if len(samples) % 2 else [])


def children_cpu(pid: int) -> float:
    """Return the CPU seconds of a process's children: those that it has waited for, and those that run."""
    import psutil

    found = 0.0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        times = process.cpu_times()
        found = times.children_user + times.children_system
        for child in process.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                found += sum(child.cpu_times()[:4])
    return found
