"""The pool of csrc/runtime as a discrete-event simulation.

Each thread is a process that takes the steps of csrc/runtime in their order: what stands in brackets there
stands here as a line of the same name. What a step takes is measured (measure.py); what lies beyond the machine that was
measured is an assumption, and a field of `Machine`:

- A cache line that threads write to is in one core at a time and goes from one to the next in the order in which they
  ask; a change by the core that has it costs `atomic`, by another one `transfer` (more from another node). Copies
  for reading are handed out one by one too, but overlap: the line is held for `atomic`.
- Memory gives all threads that read from one node equal shares of its bandwidth, to each at most what one core can take.
- Cores run the threads that can run in turns of equal length. A thread that wakes up runs as soon as a core is free.

Time is in nanoseconds.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

import simpy

Steps = Generator[simpy.Event, Any, Any]
MICROSECOND = 1_000.0


@dataclass(frozen=True)
class Costs:
    """Nanoseconds of the protocol's steps, and bytes per nanosecond of memory."""

    atomic: float  # fetch-and-add on a line that this core has
    transfer: float  # the same on a line that another core has just changed
    swap: float  # a compare-and-swap loop there
    notice: float  # from a change until a thread that spins on it has answered
    clock: float
    wake_call: float  # waking one sleeper: what the call takes
    wake_more: float  # each further one of the same call
    wake_nobody: float
    wake_latency: float  # from the call until the sleeper runs
    start_call: float  # of a thread
    start_latency: float
    chunk: float  # of an empty body
    region: float  # an empty one on one thread
    turn: float  # how long a thread runs where there are more of them than cores
    read_one: float  # bytes per nanosecond
    read_all: float


@dataclass(frozen=True)
class Machine:
    """The computer: what was measured, and what is assumed of a larger one."""

    costs: Costs
    cores: int
    node_cores: int = 64  # cores that share a memory
    far: float = 2.5  # a line from another node, over one of the same
    far_read: float = 0.6  # what one core reads from another node's memory, over its own
    node_streams: float = 10.0  # cores that take a node's whole bandwidth

    @property
    def nodes(self) -> int:
        return -(-self.cores // self.node_cores)

    @property
    def node_bandwidth(self) -> float:
        return self.costs.read_one * self.node_streams

    def node(self, core: int) -> int:
        return core % self.cores // self.node_cores


@dataclass(frozen=True)
class Policy:
    """The runtime's constants; the defaults are those of csrc/runtime."""

    spin: float = 50 * MICROSECOND  # GK_DEFAULT_SPIN
    wake_cost: float = 20 * MICROSECOND
    worth_waking: float = 40 * MICROSECOND
    telling: float = 5 * MICROSECOND
    lonely: float = 200 * MICROSECOND
    batch: float = 50 * MICROSECOND
    share: int = 4  # a claim takes at most a share of 1 / (share * threads) of what is left
    least: float = 1 * MICROSECOND  # LEAST_BATCH: what a claim may always take
    fanout: int = 3  # WAKES_EACH: how many each woken worker wakes
    starts: int = 1  # how many a new worker starts


@dataclass(frozen=True)
class Region:
    """One call of gk_parallel_for: what each of its chunks takes, and where its data lie."""

    work: Sequence[float]
    threads: int
    eager: bool = False
    bytes: float = 0.0  # that each chunk reads
    home: Callable[[int], int] | None = None  # the node of a chunk's data; None: the node that reads them
    body: str = "body"
    pause: float = 0.0  # before the call
    sums: list[float] = field(init=False, repr=False, compare=False, default_factory=list)

    def __post_init__(self) -> None:
        self.sums.extend(accumulate(self.work, initial=0.0))

    def takes(self, first: int, last: int) -> float:
        return self.sums[last] - self.sums[first]

    @property
    def serial(self) -> float:
        return self.sums[-1]


@dataclass
class Call:
    """What became of one region."""

    region: Region
    begin: float = 0.0
    end: float = 0.0
    alone_until: float = 0.0  # when the last of its helpers joined
    runs: list[int] = field(default_factory=list)  # how often each chunk was run
    joined: int = 0
    claims: int = 0

    @property
    def time(self) -> float:
        return self.end - self.begin


class Line:
    """A cache line that several threads change."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.free_at = 0.0
        self.owner: Thread | None = None
        self.readers: set[Thread] = set()

    def _cost(self, me: Thread, near: float) -> float:
        far = self.owner is not None and self.pool.machine.node(self.owner.core) != self.pool.machine.node(me.core)
        return near * (self.pool.machine.far if far else 1.0)

    def change(self, me: Thread, swap: bool = False) -> float:
        """How long until this thread's change is made."""
        costs, now = self.pool.machine.costs, self.pool.env.now
        mine = self.owner is me and not self.readers - {me}
        cost = costs.atomic if mine or self.owner is None else self._cost(me, costs.swap if swap else costs.transfer)
        self.free_at = max(now, self.free_at) + cost
        self.owner = me
        self.readers.clear()
        return self.free_at - now

    def read(self, me: Thread) -> float:
        """How long until this thread has read it."""
        if self.owner is me or me in self.readers:
            return 0.0
        costs, now = self.pool.machine.costs, self.pool.env.now
        start = max(now, self.free_at)
        self.free_at = start + costs.atomic
        self.readers.add(me)
        return start + self._cost(me, costs.transfer) - now


class Memory:
    """One node's memory: a fluid that flows to all who read, equally."""

    def __init__(self, env: simpy.Environment, total: float) -> None:
        self.env, self.total = env, total
        self.flowed, self.since = 0.0, 0.0  # what each reader of weight 1 has got so far
        self.readers: list[tuple[float, int, simpy.Event]] = []
        self.cap, self.count = 0.0, 0
        self.generation = 0

    def _rate(self) -> float:
        return min(self.cap, self.total / len(self.readers)) if self.readers else 0.0

    def _advance(self) -> None:
        self.flowed += self._rate() * (self.env.now - self.since)
        self.since = self.env.now

    def read(self, size: float, cap: float) -> simpy.Event:
        """An event for when `size` bytes are read, at most `cap` per nanosecond."""
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
            return  # somebody came meanwhile
        self._advance()
        slack = 1e-9 * max(self.flowed, 1.0)
        while self.readers and self.readers[0][0] <= self.flowed + slack:
            heapq.heappop(self.readers)[2].succeed()
        self._plan()


class Cores:
    """Runs threads, in turns where there are more of them than cores."""

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
    def __init__(self, pool: Pool, core: int) -> None:
        self.pool, self.core = pool, core
        self.running, self.turn_ends = False, 0.0
        self.wake: simpy.Event | None = None
        self.last_end, self.alone_for = float("-inf"), 0.0


@dataclass
class Published:
    """A region in its slot."""

    call: Call
    caller: Thread
    word: Line  # the slot's
    next: Line
    status: Line
    fields: Line
    room: int
    inside: int = 0
    claimed: int = 0
    open: bool = True
    offered: bool = True
    waited: simpy.Event | None = None
    asleep: bool = True
    eager: bool = False
    own: int = 0
    participants: int = 0


class Pool:
    """The process: its callers and workers.

    run() takes each caller's regions, one after another, and gives what became of each. `workers` of them exist
    at first and sleep; None: all that the regions ask for.
    """

    def __init__(self, machine: Machine, policy: Policy | None = None, workers: int | None = None) -> None:
        self.env = simpy.Environment()
        self.machine, self.policy = machine, policy or Policy()
        self.offers, self.sleeping = Line(self), Line(self)
        self.published: list[Published] = []
        self.parked: deque[Thread] = deque()
        self.spinning: dict[Thread, simpy.Event] = {}
        self.callers = self.sleepers = self.workers = 0
        self.starting = False
        self.first_workers = workers
        self.memory = [Memory(self.env, machine.node_bandwidth) for _ in range(machine.nodes)]
        self.item: dict[str, float] = {}
        self.cores = Cores(self.env, machine.cores, machine.costs.turn)

    # ---- What passes the time

    def elapse(self, me: Thread, duration: float) -> Steps:
        if self.threads <= self.machine.cores:
            yield self.env.timeout(duration)
        else:
            yield from self.cores.run(me, duration)

    def change(self, me: Thread, line: Line, swap: bool = False) -> Steps:
        yield from self.elapse(me, line.change(me, swap))

    def compute(self, me: Thread, region: Region, first: int, last: int) -> Steps:
        """Runs the body over chunks, with what calling it takes."""
        duration = region.takes(first, last) + (last - first) * self.machine.costs.chunk
        if region.bytes:
            node = self.machine.node(me.core)
            home = region.home(first) if region.home else node
            cap = self.machine.costs.read_one * (1.0 if home == node else self.machine.far_read)
            start = self.env.now
            yield self.memory[home].read(region.bytes * (last - first), cap)
            duration = max(duration - (self.env.now - start), 0.0)
        if duration > 0:
            yield from self.elapse(me, duration)

    # ---- The pool: pool.c

    @property
    def busy(self) -> int:
        return self.callers + self.workers - self.sleepers

    def may_spin(self) -> bool:
        return self.busy <= self.machine.cores

    def find_region(self, me: Thread) -> Steps:
        yield from self.elapse(me, self.offers.read(me))
        for p in list(self.published):
            if not p.offered:
                continue
            yield from self.change(me, p.word, swap=True)
            if not p.open or p.room == 0:
                continue
            p.inside += 1
            p.room -= 1
            if p.room == 0:
                yield from self.withdraw(me, p)
            return p
        return None

    def help(self, me: Thread, p: Published, woken: bool) -> Steps:
        p.call.joined += 1
        p.call.alone_until = self.env.now
        yield from self.change(me, p.status)  # `participants` is on the line of `status`
        p.participants += 1
        yield from self.elapse(me, p.fields.read(me))
        missing = p.call.region.threads - 1 - p.participants
        if woken and missing > 0 and p.offered:
            yield from self.wake(me, min(missing, self.policy.fanout), p.call.region.threads)
        yield from self.work(me, p)
        # leave
        yield from self.change(me, p.word)
        p.inside -= 1
        if p.inside == 0 and p.waited is not None:
            waited, p.waited = p.waited, None
            yield from self.elapse(me, self.machine.costs.wake_call)
            waited.succeed()

    def spin(self, me: Thread) -> Steps:
        """Whether an offer came."""
        if any(p.offered for p in self.published):
            return True
        if self.policy.spin <= 0:
            return False
        offer = self.spinning[me] = self.env.event()
        if self.threads > self.machine.cores:
            yield from self.spin_in_turns(me, offer)
        else:
            yield offer | self.env.timeout(self.policy.spin)
        self.spinning.pop(me, None)
        return offer.triggered

    def spin_in_turns(self, me: Thread, offer: simpy.Event) -> Steps:
        """The same where spinning takes a core from others: looked at every microsecond."""
        until = self.env.now + self.policy.spin
        while self.env.now < until and not offer.triggered and self.may_spin():
            yield from self.elapse(me, MICROSECOND)

    def park(self, me: Thread) -> Steps:
        yield from self.change(me, self.sleeping)
        self.sleepers += 1
        if not any(p.offered for p in self.published):
            me.wake = self.env.event()
            self.parked.append(me)
            if me.running:
                self.cores.give(me)
            yield me.wake
            if self.threads > self.machine.cores:
                yield from self.cores.take(me, woken=True)
        yield from self.change(me, self.sleeping)
        self.sleepers -= 1

    def worker(self, me: Thread) -> Steps:
        if self.threads > self.machine.cores:
            yield from self.cores.take(me, woken=True)
        woken = True
        while True:
            p = yield from self.find_region(me)
            if p is not None:
                yield from self.help(me, p, woken)
                woken = False
                continue
            found = False
            if self.may_spin():
                found = yield from self.spin(me)
            if not found:
                yield from self.park(me)
                woken = True

    def start_worker(self, me: Thread, limit: int) -> Steps:
        if self.starting:
            return
        self.starting = True
        if self.workers < limit:
            costs = self.machine.costs
            self.workers += 1
            thread = Thread(self, self.workers)
            began = self.env.now
            yield from self.elapse(me, costs.start_call)
            delay = max(began + costs.start_latency - self.env.now, 0.0)
            self.env.timeout(delay).callbacks.append(lambda _: self.env.process(self.worker(thread)))
        self.starting = False

    def wake(self, me: Thread, count: int, threads: int) -> Steps:
        """gk_pool_wake."""
        costs = self.machine.costs
        if self.busy >= max(threads, self.machine.cores):
            return False
        yield from self.elapse(me, self.sleeping.read(me))
        if self.sleepers > 0:
            count = min(count, self.sleepers)
            yield from self.change(me, self.sleeping)
            began, woken = self.env.now, []
            while self.parked and len(woken) < count:
                woken.append(self.parked.popleft())
            for place, thread in enumerate(woken):
                event, delay = thread.wake, costs.wake_latency + place * costs.wake_more
                self.env.timeout(delay).callbacks.append(lambda _, event=event: event.succeed())
            cost = costs.wake_call + (len(woken) - 1) * costs.wake_more if woken else costs.wake_nobody
            yield from self.elapse(me, cost - (self.env.now - began))
        else:
            for _ in range(self.policy.starts if count > 1 else 1):
                if self.workers < threads - 1:
                    yield from self.start_worker(me, threads - 1)
        return True

    # ---- Regions: parallel.c, slots.c, waking.c

    def withdraw(self, me: Thread, p: Published) -> Steps:
        if p.offered:
            p.offered = False
            yield from self.change(me, self.offers)

    def wake_meanwhile(self, me: Thread, p: Published) -> Steps:
        chunks, elapsed = len(p.call.region.work), self.env.now - p.call.begin
        left = chunks - p.claimed
        if p.eager or (  # noqa: SIM102
            elapsed >= self.policy.telling and left >= 2 and elapsed * left >= self.policy.worth_waking * p.claimed
        ):
            if not p.offered or (yield from self.wake(me, 1, p.call.region.threads)):
                p.asleep = False

    def work(self, me: Thread, p: Published) -> Steps:
        """work_on_chunks."""
        region, policy, costs = p.call.region, self.policy, self.machine.costs
        chunks, threads = len(region.work), region.threads
        batch, least, nxt, before = 1, 1, 0, self.env.now
        while True:
            count = min(batch, max((chunks - nxt) // (policy.share * threads) + 1, least))
            yield from self.change(me, p.next)
            first = p.claimed
            p.claimed += count
            p.call.claims += 1
            if first >= chunks:
                break
            nxt = min(first + count, chunks)
            if nxt == chunks:
                yield from self.withdraw(me, p)
            yield from self.elapse(me, p.status.read(me))
            yield from self.compute(me, region, first, nxt)
            for chunk in range(first, nxt):
                p.call.runs[chunk] += 1
            if me is p.caller:
                p.own += nxt - first
            if nxt == chunks:
                break
            yield from self.elapse(me, costs.clock)
            taken, before = self.env.now - before, self.env.now
            batch = 2 * count if taken < policy.batch / 2 else (count + 1) // 2 if taken > policy.batch else count
            least = int(count * policy.least / (taken + 1.0))
            if me is p.caller and p.asleep:
                yield from self.wake_meanwhile(me, p)
        yield from self.withdraw(me, p)

    def expected(self, region: Region) -> float | None:
        item = self.item.get(region.body)
        return None if item is None else item * len(region.work)

    def is_expected_to_be_long(self, region: Region) -> bool:
        expected = self.expected(region)
        if expected is None:
            return len(region.work) < 4 * region.threads
        return expected >= 2 * self.policy.worth_waking

    def call(self, me: Thread, region: Region) -> Steps:
        """gk_parallel_for."""
        costs, policy, now = self.machine.costs, self.policy, self.env.now
        chunks = len(region.work)
        region = replace(region, threads=min(region.threads, chunks))
        call = Call(region, begin=now, runs=[0] * chunks, alone_until=now)
        yield from self.elapse(me, costs.region)
        p = Published(call, me, Line(self), Line(self), Line(self), Line(self), region.threads - 1)
        for line in (p.word, p.next, p.status, p.fields):
            line.owner = me
        if region.threads == 1:
            yield from self.compute(me, region, 0, chunks)
            call.runs = [1] * chunks
            call.end = self.env.now
            return call
        # publish
        self.published.append(p)
        self.callers += 1
        yield from self.change(me, p.word)
        yield from self.change(me, self.offers)
        self.notify(me)
        if now - me.last_end > policy.spin:
            me.alone_for = 0.0
        p.eager = region.eager or me.alone_for > policy.lonely or self.is_expected_to_be_long(region)
        started = self.env.now
        if p.eager:
            yield from self.wake_meanwhile(me, p)
        yield from self.work(me, p)
        # remember
        lasted = self.env.now - started
        self.item[region.body] = lasted / (p.own + 1)
        me.last_end = self.env.now
        if call.joined > 0 or not p.asleep:
            me.alone_for = 0.0
        elif lasted >= 2 * MICROSECOND:
            me.alone_for += lasted
        # retire
        yield from self.change(me, self.offers, swap=True)
        self.callers -= 1
        self.notify(me)
        yield from self.change(me, p.word)
        p.open = False
        self.published.remove(p)
        yield from self.wait_for_helpers(me, p)
        call.end = self.env.now
        return call

    def notify(self, me: Thread) -> None:
        """Lets those who spin see that `offers` has changed."""
        for thread, event in list(self.spinning.items()):
            if event.triggered or not any(p.offered for p in self.published):
                continue
            self.spinning.pop(thread)
            self.env.timeout(self.machine.costs.notice).callbacks.append(
                lambda _, event=event: None if event.triggered else event.succeed()
            )

    def wait_for_helpers(self, me: Thread, p: Published) -> Steps:
        until = self.env.now + self.policy.wake_cost
        while p.inside > 0 and self.env.now < until:
            # The caller's looks take the line from those who leave.
            yield from self.elapse(me, max(p.word.read(me), self.machine.costs.clock))
        if p.inside > 0:
            p.waited = self.env.event()
            if me.running:
                self.cores.give(me)
            waited = p.waited
            yield waited
            yield self.env.timeout(self.machine.costs.wake_latency)
            if self.threads > self.machine.cores:
                yield from self.cores.take(me, woken=True)

    # ---- Running

    def caller(self, me: Thread, regions: Sequence[Region], calls: list[Call]) -> Steps:
        if self.threads > self.machine.cores:
            yield from self.cores.take(me)
        for region in regions:
            if region.pause > 0:
                yield from self.elapse(me, region.pause)
            calls.append((yield from self.call(me, region)))
        if me.running:
            self.cores.give(me)

    def run(self, *scripts: Sequence[Region]) -> list[list[Call]]:
        most = max(region.threads for script in scripts for region in script) - 1
        self.threads = len(scripts) + most  # that there can be
        self.workers = self.sleepers = most if self.first_workers is None else min(self.first_workers, most)
        for place in range(self.workers):
            thread = Thread(self, len(scripts) + place)
            thread.wake = self.env.event()
            self.parked.append(thread)
            self.env.process(self.sleeper(thread))
        calls: list[list[Call]] = [[] for _ in scripts]
        ends = [
            self.env.process(self.caller(Thread(self, place), script, calls[place]))
            for place, script in enumerate(scripts)
        ]
        self.env.run(self.env.all_of(ends))
        return calls

    def sleeper(self, me: Thread) -> Steps:
        """A worker that is parked at the beginning."""
        yield me.wake
        if self.threads > self.machine.cores:
            yield from self.cores.take(me, woken=True)
        yield from self.change(me, self.sleeping)
        self.sleepers -= 1
        if me.running:
            self.cores.give(me)
        yield from self.worker(me)
