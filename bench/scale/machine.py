"""The simulated computer: cache lines, memory, cores, and the threads that run on them.

The cost of each step is measured (measure.py). Whatever differs on a larger machine is an assumption, and a field of
`Machine`:

- A cache line that threads write to is in one core at a time, and moves between cores in the order of their requests.
  A change costs `atomic` on the core that has the line and `transfer` on another one (more from another node). Copies
  for readers are also served one at a time, but overlap: each holds the line for `atomic`.
- Threads that read from one node share its bandwidth equally, each up to the bandwidth of one core.
- Cores run the runnable threads in time slices of equal length. A thread that wakes up runs as soon as a core is free.

Time is in nanoseconds.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import simpy

Steps = Generator[simpy.Event, Any, Any]


@dataclass(frozen=True)
class Costs:
    """Costs of the protocol's steps in nanoseconds; memory bandwidth in bytes per nanosecond."""

    atomic: float  # fetch-and-add on a line that this core has
    transfer: float  # the same on a line that another core has just changed
    swap: float  # a compare-and-swap loop there
    notice: float  # from a change until the answer of a thread that spins on it
    clock: float
    wake_call: float  # the call that wakes one sleeper
    wake_more: float  # each further sleeper in the same call
    wake_nobody: float
    wake_latency: float  # from the call until the sleeper runs
    start_call: float  # of a new thread
    start_latency: float
    chunk: float  # of an empty body
    region: float  # an empty region on one thread
    turn: float  # time slice of a thread when there are more threads than cores
    read_one: float  # bytes per nanosecond
    read_all: float


@dataclass(frozen=True)
class Machine:
    """The computer: the measured costs, and the assumptions about a larger machine."""

    costs: Costs
    cores: int
    node_cores: int = 64  # cores that share a memory
    far: float = 2.5  # cost of a line from another node, relative to one of the same node
    far_read: float = 0.6  # bandwidth of one core from another node's memory, relative to its own
    node_streams: float = 10.0  # number of cores that saturate a node's bandwidth

    @property
    def nodes(self) -> int:
        return -(-self.cores // self.node_cores)

    @property
    def node_bandwidth(self) -> float:
        return self.costs.read_one * self.node_streams

    def node(self, core: int) -> int:
        return core % self.cores // self.node_cores


class Line:
    """A cache line that several threads change."""

    def __init__(self, env: simpy.Environment, machine: Machine) -> None:
        self.env, self.machine = env, machine
        self.free_at = 0.0
        self.owner: Thread | None = None
        self.readers: set[Thread] = set()

    def _cost(self, me: Thread, near: float) -> float:
        far = self.owner is not None and self.machine.node(self.owner.core) != self.machine.node(me.core)
        return near * (self.machine.far if far else 1.0)

    def change(self, me: Thread, swap: bool = False) -> float:
        """Return the time until this thread's change is complete."""
        costs, now = self.machine.costs, self.env.now
        mine = self.owner is me and not self.readers - {me}
        cost = costs.atomic if mine or self.owner is None else self._cost(me, costs.swap if swap else costs.transfer)
        self.free_at = max(now, self.free_at) + cost
        self.owner = me
        self.readers.clear()
        return self.free_at - now

    def read(self, me: Thread) -> float:
        """Return the time until this thread has read the line."""
        if self.owner is me or me in self.readers:
            return 0.0
        costs, now = self.machine.costs, self.env.now
        start = max(now, self.free_at)
        self.free_at = start + costs.atomic
        self.readers.add(me)
        return start + self._cost(me, costs.transfer) - now


class Memory:
    """One node's memory, whose bandwidth all readers share equally (a fluid model)."""

    def __init__(self, env: simpy.Environment, total: float) -> None:
        self.env, self.total = env, total
        self.flowed, self.since = 0.0, 0.0  # bytes that each reader has received so far
        self.readers: list[tuple[float, int, simpy.Event]] = []
        self.cap, self.count = 0.0, 0
        self.generation = 0

    def _rate(self) -> float:
        return min(self.cap, self.total / len(self.readers)) if self.readers else 0.0

    def _advance(self) -> None:
        self.flowed += self._rate() * (self.env.now - self.since)
        self.since = self.env.now

    def read(self, size: float, cap: float) -> simpy.Event:
        """Return an event that fires when `size` bytes are read, at most `cap` per nanosecond."""
        self._advance()
        if not self.readers:
            self.cap = cap
        self.cap = min(self.cap, cap) if cap < self.cap else self.cap
        done = self.env.event()
        self.count += 1
        heapq.heappush(self.readers, (self.flowed + size, self.count, done))
        self._plan()
        return done

    def _plan(self) -> None:
        self.generation += 1
        if self.readers:
            generation = self.generation
            delay = max(self.readers[0][0] - self.flowed, 0.0) / self._rate()
            self.env.timeout(delay).callbacks.append(lambda _: self._finish(generation))

    def _finish(self, generation: int) -> None:
        if generation != self.generation:
            return  # another reader arrived in the meantime
        self._advance()
        slack = 1e-9 * max(self.flowed, 1.0)
        while self.readers and self.readers[0][0] <= self.flowed + slack:
            heapq.heappop(self.readers)[2].succeed()
        self._plan()


class Cores:
    """Run threads; in time slices when there are more threads than cores."""

    def __init__(self, env: simpy.Environment, cores: int, turn: float) -> None:
        self.env, self.turn = env, turn
        self.free = cores
        self.queue: deque[tuple[Thread, simpy.Event]] = deque()

    def take(self, me: Thread, woken: bool = False) -> Steps:
        if self.free > 0:
            self.free -= 1
        else:
            mine = self.env.event()
            (self.queue.appendleft if woken else self.queue.append)((me, mine))
            yield mine
        me.running, me.turn_ends = True, self.env.now + self.turn

    def give(self, me: Thread) -> None:
        me.running = False
        if self.queue:
            self.queue.popleft()[1].succeed()
        else:
            self.free += 1

    def run(self, me: Thread, duration: float) -> Steps:
        while True:
            if not me.running:
                yield from self.take(me)
            piece = min(duration, max(me.turn_ends - self.env.now, 0.0))
            yield self.env.timeout(piece)
            duration -= piece
            if self.env.now >= me.turn_ends:
                me.turn_ends = self.env.now + self.turn
                if self.queue:
                    self.give(me)
                    yield from self.take(me)
            if duration <= 0:
                return


class Thread:
    def __init__(self, core: int) -> None:
        self.core = core
        self.running, self.turn_ends = False, 0.0
        self.wake: simpy.Event | None = None
        self.last_end, self.alone_for = float("-inf"), 0.0
