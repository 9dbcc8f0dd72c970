"""The pool of csrc/runtime as a discrete-event simulation, on the computer of machine.py.

Each thread is a simulated process that takes the steps of csrc/runtime in the same order. A function here has the name
of its counterpart there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

import simpy
from machine import Cores, Line, Machine, Memory, Steps, Thread

MICROSECOND = 1_000.0


@dataclass(frozen=True)
class Policy:
    """The runtime's constants; the defaults are those of csrc/runtime."""

    spin: float = 50 * MICROSECOND  # GK_DEFAULT_SPIN
    wake_cost: float = 20 * MICROSECOND
    worth_waking: float = 40 * MICROSECOND
    telling: float = 5 * MICROSECOND
    ran_alone: float = 200 * MICROSECOND
    batch: float = 50 * MICROSECOND
    share: int = 4  # a claim takes at most 1 / (share * threads) of the remaining chunks
    least: float = 1 * MICROSECOND  # MIN_BATCH: the batch that a claim may always take
    fanout: int = 3  # WAKES_EACH: the number of workers that each woken worker wakes
    starts: int = 1  # the number of workers that a new worker starts
    # Redesigns that csrc/runtime does not have. The defaults are what it does.
    words: int = 1  # through which helpers join and leave, each used by an equal number of neighbouring cores
    timed_alone: bool = False  # the time of a batch, which decides the next one's size, does not include its claim
    heralds: bool = False  # one worker of each node spins on `work_mask`, the others on a word of their node


@dataclass(frozen=True)
class Region:
    """One call of gk_parallel_for: the cost of each chunk, and the location of its data."""

    work: Sequence[float]
    threads: int
    eager: bool = False
    bytes: float = 0.0  # bytes that each chunk reads
    home: Callable[[int], int] | None = None  # the node of a chunk's data; None: that of its reader
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
    """The outcome of one region."""

    region: Region
    begin: float = 0.0
    end: float = 0.0
    alone_until: float = 0.0  # time at which the last helper joined
    runs: list[int] = field(default_factory=list)  # how often each chunk was run
    joined: int = 0
    claims: int = 0

    @property
    def time(self) -> float:
        return self.end - self.begin


@dataclass
class Published:
    """A region in its slot."""

    call: Call
    caller: Thread
    words: list[Line]  # the slot's; more than one only with Policy.words
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

    run() runs each caller's regions in order and returns their outcomes. At first, `workers` workers exist and sleep;
    with None, as many as the regions ask for.
    """

    def __init__(self, machine: Machine, policy: Policy | None = None, workers: int | None = None) -> None:
        self.env = simpy.Environment()
        self.machine, self.policy = machine, policy or Policy()
        self.work_mask, self.sleeping = self.line(), self.line()
        self.published: list[Published] = []
        self.parked: deque[Thread] = deque()
        self.spinning: dict[Thread, simpy.Event] = {}
        self.callers = self.sleepers = self.workers = 0
        self.starting = False
        self.first_workers = workers
        self.memory = [Memory(self.env, machine.node_bandwidth) for _ in range(machine.nodes)]
        self.item: dict[str, float] = {}
        self.cores = Cores(self.env, machine.cores, machine.costs.turn)

    def line(self) -> Line:
        return Line(self.env, self.machine)

    # ---- Steps that take time

    def elapse(self, me: Thread, duration: float) -> Steps:
        if self.threads <= self.machine.cores:
            yield self.env.timeout(duration)
        else:
            yield from self.cores.run(me, duration)

    def change(self, me: Thread, line: Line, swap: bool = False) -> Steps:
        yield from self.elapse(me, line.change(me, swap))

    def compute(self, me: Thread, region: Region, first: int, last: int) -> Steps:
        """Run the body over chunks, including the cost of calling it."""
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

    def word_of(self, me: Thread, p: Published) -> Line:
        return p.words[me.core % self.machine.cores * len(p.words) // self.machine.cores]

    def find_region(self, me: Thread) -> Steps:
        if self.policy.heralds:  # the word of the node is close by
            yield from self.elapse(me, self.machine.costs.transfer)
        else:
            yield from self.elapse(me, self.work_mask.read(me))
        for p in list(self.published):
            if not p.offered:
                continue
            yield from self.change(me, self.word_of(me, p), swap=True)
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
        if len(p.words) == 1:  # else the word gives the number, too
            yield from self.change(me, p.status)  # `participants` is on the line of `status`
        p.participants += 1
        yield from self.elapse(me, p.fields.read(me))
        missing = p.call.region.threads - 1 - p.participants
        if woken and missing > 0 and p.offered:
            yield from self.wake(me, min(missing, self.policy.fanout), p.call.region.threads)
        yield from self.work(me, p)
        # leave
        yield from self.change(me, self.word_of(me, p))
        p.inside -= 1
        if p.inside == 0 and p.waited is not None:
            waited, p.waited = p.waited, None
            yield from self.elapse(me, self.machine.costs.wake_call)
            waited.succeed()

    def spin(self, me: Thread) -> Steps:
        """Spin for an offer; return whether one came."""
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
        """Spin while there are more threads than cores, checking every microsecond."""
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
            thread = Thread(self.workers)
            began = self.env.now
            yield from self.elapse(me, costs.start_call)
            delay = max(began + costs.start_latency - self.env.now, 0.0)
            self.env.timeout(delay).callbacks.append(lambda _: self.env.process(self.worker(thread)))
        self.starting = False

    def wake(self, me: Thread, count: int, threads: int) -> Steps:
        """Simulate gk_pool_wake."""
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
            yield from self.change(me, self.work_mask)

    def wake_meanwhile(self, me: Thread, p: Published) -> Steps:
        chunks, elapsed = len(p.call.region.work), self.env.now - p.call.begin
        left = chunks - p.claimed
        if p.eager or (  # noqa: SIM102
            elapsed >= self.policy.telling and left >= 2 and elapsed * left >= self.policy.worth_waking * p.claimed
        ):
            if not p.offered or (yield from self.wake(me, 1, p.call.region.threads)):
                p.asleep = False

    def work(self, me: Thread, p: Published) -> Steps:
        """Simulate work_on_chunks."""
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
            if policy.timed_alone:
                yield from self.elapse(me, costs.clock)
                before = self.env.now
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
        """Simulate gk_parallel_for."""
        costs, policy, now = self.machine.costs, self.policy, self.env.now
        chunks = len(region.work)
        region = replace(region, threads=min(region.threads, chunks))
        call = Call(region, begin=now, runs=[0] * chunks, alone_until=now)
        yield from self.elapse(me, costs.region)
        words = [self.line() for _ in range(policy.words)]
        p = Published(call, me, words, *(self.line() for _ in range(3)), region.threads - 1)
        for line in (*words, p.next, p.status, p.fields):
            line.owner = me
        if region.threads == 1:
            yield from self.compute(me, region, 0, chunks)
            call.runs = [1] * chunks
            call.end = self.env.now
            return call
        # publish
        self.published.append(p)
        self.callers += 1
        for word in p.words:
            yield from self.change(me, word)
        yield from self.change(me, self.work_mask)
        self.notify(me)
        if now - me.last_end > policy.spin:
            me.alone_for = 0.0
        p.eager = region.eager or me.alone_for > policy.ran_alone or self.is_expected_to_be_long(region)
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
        yield from self.change(me, self.work_mask, swap=True)
        self.callers -= 1
        self.notify(me)
        for word in p.words:
            yield from self.change(me, word)
        p.open = False
        self.published.remove(p)
        yield from self.wait_for_helpers(me, p)
        call.end = self.env.now
        return call

    def notify(self, me: Thread) -> None:
        """Let spinning threads see that `work_mask` has changed."""
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
            # The caller's checks take the line from the helpers that leave.
            reads = sum(word.read(me) for word in p.words)
            yield from self.elapse(me, max(reads, self.machine.costs.clock))
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
        self.threads = len(scripts) + most  # the maximum number of workers
        self.workers = self.sleepers = most if self.first_workers is None else min(self.first_workers, most)
        for place in range(self.workers):
            thread = Thread(len(scripts) + place)
            thread.wake = self.env.event()
            self.parked.append(thread)
            self.env.process(self.sleeper(thread))
        calls: list[list[Call]] = [[] for _ in scripts]
        ends = [
            self.env.process(self.caller(Thread(place), script, calls[place])) for place, script in enumerate(scripts)
        ]
        self.env.run(self.env.all_of(ends))
        return calls

    def sleeper(self, me: Thread) -> Steps:
        """Simulate a worker that is parked at the start."""
        yield me.wake
        if self.threads > self.machine.cores:
            yield from self.cores.take(me, woken=True)
        yield from self.change(me, self.sleeping)
        self.sleepers -= 1
        if me.running:
            self.cores.give(me)
        yield from self.worker(me)
