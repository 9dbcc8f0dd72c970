"""A race as a small program, and every execution that a multiprocessor could give it.

The threads of a race are Python functions that take their atomic steps through a `Thread`. Each step names the
operation of the C code that it stands for, from which the memory order is read. Steps on plain variables stand for
everything that the C code reads and writes without atomics.

An execution says which write each read sees (rf) and in which order the writes of a location reach memory (co). Here
are all executions in which every location by itself is coherent and read-modify-writes are atomic, since no machine
and no compiler gives others; `models.py` decides which of them an architecture or C11 allows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, combinations, product
from typing import Any, NamedTuple

from source import Site, atomics

INIT = -1  # the thread of the initial values


class Event(NamedTuple):
    """A read, a write or a fence. A read-modify-write is a read and a write."""

    thread: int
    index: int  # in its thread
    kind: str  # R, W or F
    location: str
    value: int
    site: Site | None  # None: not atomic, unless `order` says otherwise
    failure: bool  # a compare_exchange that failed
    order: str  # for events without a site
    data: frozenset[int]  # the reads of the thread that its value comes from
    control: frozenset[int]  # the reads that decide whether it happens
    exclusive: int  # the index of the read that belongs to this write; or -1


class Value:
    """A number that a thread computes with, and the reads that it depends on."""

    __slots__ = ("depends", "number", "thread")

    def __init__(self, thread: Thread, number: int, depends: frozenset[int]):
        self.thread, self.number, self.depends = thread, number, depends

    def __bool__(self) -> bool:
        self.thread.control |= self.depends
        return self.number != 0

    def __hash__(self) -> int:
        raise TypeError("only the thread itself may look at its values")


def _operator(compute: Callable[[int, int], int], swapped: bool = False) -> Callable[[Value, Any], Value]:
    def apply(self: Value, other: Any) -> Value:
        number, depends = (other.number, other.depends) if isinstance(other, Value) else (int(other), frozenset())
        pair = (number, self.number) if swapped else (self.number, number)
        return Value(self.thread, int(compute(*pair)), self.depends | depends)

    return apply


for _name in ("add", "sub", "and", "or", "xor", "eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Value, f"__{_name}__", _operator(getattr(int, f"__{_name}__")))
for _name in ("add", "sub", "and", "or"):
    setattr(Value, f"__r{_name}__", _operator(getattr(int, f"__{_name}__"), swapped=True))


class _NeedsValue(Exception):
    """The thread reads this location, and no value is chosen for it yet."""


class _Ends(Exception):
    """The thread stops here: "blocked" in a loop, or "asleep"."""


def at(place: str, operation: str, location: str) -> Site:
    """Return the operation of the C code at "file function", or at "file function #2" if several are alike. The C code
    may know the variable by another name: "file function(name)"."""
    file, function, *number = place.split()
    function, _, name = function.rstrip(")").partition("(")
    name = name or location.rpartition(".")[2]
    site = Site(file, function, operation, name, int(number[0].lstrip("#")) if number else 1)
    if site not in atomics():
        raise LookupError(f"csrc has no operation {site}")
    return site


class Thread:
    """The steps of a thread if its reads see the given values."""

    def __init__(self, number: int, reads: tuple[int, ...]):
        self.number, self.reads = number, reads
        self.used = 0
        self.events: list[Event] = []
        self.control: frozenset[int] = frozenset()
        self.wakes: list[tuple[str, int]] = []  # locations, and the number of events before
        self.sleep: tuple[str, int] | None = None  # the location, and the index of the read before the sleep

    # ---- Steps

    def _read(self, location: str, site: Site | None, order: str = "", failure: bool = False) -> Value:
        if self.used == len(self.reads):
            raise _NeedsValue(location)
        value = self.reads[self.used]
        self.used += 1
        index = len(self.events)
        self.events.append(
            Event(self.number, index, "R", location, value, site, failure, order, frozenset(), self.control, -1)
        )
        return Value(self, value, frozenset([index]))

    def _write(self, location: str, value: Any, site: Site | None, order: str = "", exclusive: int = -1) -> None:
        number, depends = (value.number, value.depends) if isinstance(value, Value) else (int(value), frozenset())
        index = len(self.events)
        self.events.append(
            Event(self.number, index, "W", location, number, site, False, order, depends, self.control, exclusive)
        )

    def load(self, location: str, place: str) -> Value:
        return self._read(location, at(place, "load", location))

    def store(self, location: str, value: Any, place: str) -> None:
        self._write(location, value, at(place, "store", location))

    def _modify(self, operation: str, location: str, place: str, compute: Callable[[Value], Any]) -> Value:
        site = at(place, operation, location)
        before = self._read(location, site)
        self._write(location, compute(before), site, exclusive=len(self.events) - 1)
        return before

    def fetch_add(self, location: str, value: int, place: str) -> Value:
        return self._modify("fetch_add", location, place, lambda before: before + value)

    def fetch_sub(self, location: str, value: int, place: str) -> Value:
        return self._modify("fetch_sub", location, place, lambda before: before - value)

    def fetch_and(self, location: str, value: int, place: str) -> Value:
        return self._modify("fetch_and", location, place, lambda before: before & value)

    def fetch_or(self, location: str, value: int, place: str) -> Value:
        return self._modify("fetch_or", location, place, lambda before: before | value)

    def exchange(self, location: str, value: int, place: str) -> Value:
        return self._modify("exchange", location, place, lambda before: value)

    def compare_exchange(self, location: str, expected: Any, desired: Any, place: str) -> bool:
        """A weak compare_exchange that fails spuriously only reads once more, so the strong one stands for both."""
        site = at(place, "compare_exchange", location)
        expected = expected.number if isinstance(expected, Value) else expected
        if self.used < len(self.reads) and self.reads[self.used] != expected:
            self._read(location, site, failure=True)
            return False
        self._read(location, site)
        self._write(location, desired, site, exclusive=len(self.events) - 1)
        return True

    def swap_loop(self, location: str, compute: Callable[[Value], Any], place: str) -> Value:
        """A loop around a weak compare_exchange, of which the last round succeeds."""
        return self._modify("compare_exchange", location, place, compute)

    def get(self, location: str) -> Value:
        """Read a plain variable."""
        return self._read(location, None, "plain")

    def set(self, location: str, value: Any) -> None:
        """Write a plain variable."""
        self._write(location, value, None, "plain")

    # ---- For known litmus tests: operations with a given order

    def r(self, location: str, order: str) -> Value:
        return self._read(location, None, order)

    def w(self, location: str, value: Any, order: str) -> None:
        self._write(location, value, None, order)

    def rmw(self, location: str, value: int, order: str) -> Value:
        before = self._read(location, None, order)
        self._write(location, value, None, order, exclusive=len(self.events) - 1)
        return before

    def fence(self, order: str) -> None:
        self.events.append(
            Event(self.number, len(self.events), "F", "", 0, None, False, order, frozenset(), self.control, -1)
        )

    # ---- Waiting

    def until(self, condition: Any) -> None:
        """In a loop that waits for something, only the last round counts."""
        if not condition:
            raise _Ends("blocked")

    def sleep_while(self, word: str, expected: Any) -> None:
        """gk_wait(): the thread sleeps if the word has this value, and else goes on. One that sleeps and is woken
        checks everything again, so the race is about those that are not woken."""
        expected = expected.number if isinstance(expected, Value) else expected
        seen = self._read(word, None, "relaxed")
        if seen == expected:
            self.sleep = (word, len(self.events) - 1)
            raise _Ends("asleep")

    def wake(self, word: str) -> None:
        """gk_wake()."""
        self.wakes.append((word, len(self.events)))


Chain = tuple[tuple[tuple[int, str], int], ...]


def join(*chains: Chain, step: tuple[int, str]) -> Chain:
    """Return the chain of a write that computes its value from the ends of other chains."""
    counts: dict[tuple[int, str], int] = {}
    for known in chains:
        for key, count in known:
            counts[key] = max(count, counts.get(key, 0))
    counts[step] = counts.get(step, 0) + 1
    return tuple(sorted(counts.items()))


class Run(NamedTuple):
    """How far a thread has got."""

    events: tuple[Event, ...]
    status: str  # done, blocked, asleep, or needs
    needs: str  # the location that it reads next
    result: Any
    wakes: tuple[tuple[str, int], ...]
    sleep: tuple[str, int] | None


def _plain(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(_plain(item) for item in result)
    return result.number if isinstance(result, Value) else result


@dataclass
class Race:
    """A small program, and what must not happen in it."""

    name: str
    way: str  # which of the possible paths
    initial: dict[str, int]
    threads: dict[str, Callable[[Thread], Any]] = field(default_factory=dict)
    forbidden: Callable[[Execution], bool] = lambda x: False
    _runs: dict[tuple[int, tuple[int, ...]], Run] = field(default_factory=dict)

    def thread(self, body: Callable[[Thread], Any]) -> Callable[[Thread], Any]:
        self.threads[body.__name__] = body
        return body

    def run(self, number: int, reads: tuple[int, ...]) -> Run:
        """Return what thread `number` does if its reads see these values."""
        if (number, reads) not in self._runs:
            thread = Thread(number, reads)
            status, needs, result = "done", "", None
            try:
                result = _plain(list(self.threads.values())[number](thread))
            except _NeedsValue as location:
                status, needs = "needs", str(location)
            except _Ends as end:
                status = str(end)
            self._runs[number, reads] = Run(
                tuple(thread.events), status, needs, result, tuple(thread.wakes), thread.sleep
            )
        return self._runs[number, reads]

    def _next_values(self, run: Run, foreign: set[int], limit: int) -> set[int]:
        """Return the values that the next read of a thread may see: the one it has written last, or one of the few that
        other threads write."""
        own, seen = self.initial[run.needs], set()
        for event in run.events:
            if event.location == run.needs:
                if event.kind == "W":
                    own = event.value
                elif event.value != own:
                    seen.add(event.value)
        return {own} | (foreign if len(seen) < limit else foreign & seen)

    def values(self) -> list[dict[str, tuple[set[int], int]]]:
        """Return, for each thread, which values later threads may write to each location (possibly too many), and how
        many of them at most.

        A value comes from a chain of writes, each of which computes it from what the one before has written. `chains`
        keeps, for each value, how often each thread writes to each location in such a chain, since no chain passes
        the same write twice. A value that depends only on itself would come out of thin air, which no model allows."""
        threads = range(len(self.threads))
        chains: dict[str, dict[int, set[Chain]]] = {loc: {value: {()}} for loc, value in self.initial.items()}
        most: dict[tuple[int, str], int] = {}  # writes of a thread to a location
        written: list[dict[str, set[int]]] = [{loc: set() for loc in self.initial} for _ in threads]
        changed = True
        while changed:
            changed = False
            for number in threads:
                stack: list[tuple[int, ...]] = [()]
                while stack:
                    run = self.run(number, reads := stack.pop())
                    if run.status == "needs":
                        others = [t for t in threads if t != number]
                        foreign = set().union(*(written[t][run.needs] for t in others))
                        limit = sum(most.get((t, run.needs), 0) for t in others)
                        choices = self._next_values(run, foreign, limit)
                        stack += [(*reads, value) for value in choices]
                    writes = Counter(event.location for event in run.events if event.kind == "W")
                    for loc, count in writes.items():
                        if count > most.get((number, loc), 0):
                            most[number, loc] = count
                            changed = True
                    for event in run.events:
                        if event.kind != "W":
                            continue
                        sources = [run.events[i] for i in event.data]
                        before = [chains[source.location].get(source.value, set()) for source in sources]
                        for combination in product(*before):
                            made = join(*combination, step=(number, event.location))
                            if any(count > most[key] for key, count in made):
                                continue
                            known = chains[event.location].setdefault(event.value, set())
                            counts = dict(made)
                            if not any(all(n <= counts.get(key, 0) for key, n in shorter) for shorter in known):
                                known.add(made)
                                changed = True
                            if event.value not in written[number][event.location]:
                                written[number][event.location].add(event.value)
                                changed = True
        return [
            {
                loc: (
                    set().union(*(later[loc] for later in written[number + 1 :])),
                    sum(most.get((later, loc), 0) for later in threads[number + 1 :]),
                )
                for loc in self.initial
            }
            for number in threads
        ]

    def forbid(self, forbidden: Callable[[Execution], bool]) -> None:
        self.forbidden = forbidden

    def sites(self) -> list[Site]:
        """Return the operations of the C code that occur in some execution."""
        self.values()
        events = chain.from_iterable(run.events for run in self._runs.values())
        return sorted({event.site for event in events if event.site is not None})

    def executions(self) -> Iterator[Execution]:
        return _Search(self).executions()


@dataclass
class Execution:
    """One candidate execution of the program, before a memory model accepts or rejects it."""

    race: Race
    events: list[Event]  # those of the initial values first
    rf: dict[int, int]  # from reads to the writes that they see
    co: dict[str, list[int]]
    runs: list[Run]
    base: list[int]  # the first event of each thread

    def __getitem__(self, thread: str) -> Any:
        """Return what the thread has returned."""
        return self.runs[list(self.race.threads).index(thread)].result

    def done(self, thread: str) -> bool:
        """Whether it has come to its end, and does not sleep."""
        return self.runs[list(self.race.threads).index(thread)].status == "done"

    def final(self, location: str) -> int:
        return self.events[self.co[location][-1]].value

    def sleeps_forever(self, thread: str) -> bool:
        """Whether no gk_wake() comes after this thread's gk_wait() has put it to sleep. One that comes before has made
        the writes to the word that precede it in its thread visible to the comparison in gk_wait()."""
        number = list(self.race.threads).index(thread)
        sleep = self.runs[number].sleep
        if sleep is None:
            return False
        word, index = sleep
        order = self.co[word]
        seen = order.index(self.rf[self.base[number] + index])
        for other, run in enumerate(self.runs):
            for woken, before in run.wakes:
                if woken != word or other == number:
                    continue
                earlier = range(self.base[other], self.base[other] + before)
                if any(e in earlier and position > seen for position, e in enumerate(order)):
                    return False
        return True


class _Search:
    """Goes through the threads one after another. A read may see a write of a thread that follows: then its value is
    guessed, and the write is found later, or the guess was wrong."""

    def __init__(self, race: Race):
        self.race = race
        self.later = race.values()
        self.events: list[Event] = []
        self.co: dict[str, list[int]] = {}
        self.rf: dict[int, int] = {}
        self.pending: set[int] = set()
        self.base: list[int] = []
        self.runs: list[Run] = []
        for location, value in race.initial.items():
            self.co[location] = [len(self.events)]
            self.events.append(
                Event(INIT, len(self.events), "W", location, value, None, False, "plain", frozenset(), frozenset(), -1)
            )

    def executions(self) -> Iterator[Execution]:
        yield from self._begin_thread(0)

    def _begin_thread(self, number: int) -> Iterator[Execution]:
        if number == len(self.race.threads):
            if not self.pending:
                co = {location: list(order) for location, order in self.co.items()}
                yield Execution(self.race, list(self.events), dict(self.rf), co, list(self.runs), list(self.base))
            return
        for location in {self.events[r].location for r in self.pending}:
            guesses = {self.events[r].value for r in self.pending if self.events[r].location == location}
            values, count = self.later[number - 1][location]
            if len(guesses) > count or not guesses <= values:
                return  # no other thread can make them true
        self.base.append(len(self.events))
        yield from self._continue(number, ())
        self.base.pop()

    def _continue(self, number: int, reads: tuple[int, ...]) -> Iterator[Execution]:
        run = self.race.run(number, reads)
        done = len(self.events) - self.base[number]
        if done < len(run.events):
            yield from self._add(number, reads, run.events[done])
        elif run.status == "needs":
            writes = list(self.co[run.needs])
            for value in {self.events[w].value for w in writes} | self.later[number][run.needs][0]:
                yield from self._continue_with_read(number, (*reads, value), run.needs, value)
        elif run.status != "blocked":
            self.runs.append(run)
            yield from self._begin_thread(number + 1)
            self.runs.pop()

    def _continue_with_read(
        self, number: int, reads: tuple[int, ...], location: str, value: int
    ) -> Iterator[Execution]:
        run = self.race.run(number, reads)
        event = run.events[len(self.events) - self.base[number]]
        assert event.kind == "R"
        me = len(self.events)
        self.events.append(event)
        for write in list(self.co[location]):
            if self.events[write].value == value:
                self.rf[me] = write
                if self._coherent(location):
                    yield from self._continue(number, reads)
                del self.rf[me]
        if value in self.later[number][location][0]:
            self.pending.add(me)
            yield from self._continue(number, reads)
            self.pending.remove(me)
        self.events.pop()

    def _add(self, number: int, reads: tuple[int, ...], event: Event) -> Iterator[Execution]:
        me = len(self.events)
        self.events.append(event)
        if event.kind == "F":
            yield from self._continue(number, reads)
        else:
            location, order = event.location, self.co[event.location]
            places: Any = range(1, len(order) + 1)
            if event.exclusive >= 0 and (source := self.rf.get(self.base[number] + event.exclusive)) is not None:
                places = [order.index(source) + 1]
            waiting = [
                r
                for r in self.pending
                if self.events[r].location == location
                and self.events[r].value == event.value
                and self.events[r].thread != event.thread
            ]
            for place in places:
                order.insert(place, me)
                for seeing in chain.from_iterable(combinations(waiting, n) for n in range(len(waiting) + 1)):
                    for r in seeing:
                        self.rf[r] = me
                        self.pending.remove(r)
                    if self._coherent(location):
                        yield from self._continue(number, reads)
                    for r in seeing:
                        del self.rf[r]
                        self.pending.add(r)
                order.remove(me)
        self.events.pop()

    def _coherent(self, location: str) -> bool:
        """Whether the accesses to the location are in an order that each thread agrees with."""
        order = self.co[location]
        position = {write: i for i, write in enumerate(order)}
        thread, last = INIT, 0
        for i in range(len(self.race.initial), len(self.events)):
            event = self.events[i]
            if event.location != location:
                continue
            if event.thread != thread:
                thread, last = event.thread, 0
            if event.kind == "R":
                source = self.rf.get(i)
                if source is None:
                    continue
                now = position[source]
                if now < last:
                    return False
                last = now
            else:
                now = position[i]
                if now <= last:
                    return False
                if event.exclusive >= 0:
                    source = self.rf.get(self.base[event.thread] + event.exclusive)
                    if source is not None and position[source] != now - 1:
                        return False
                last = now
        return True
