"""Detection of deadlocks: who holds which lock, who waits for which, and whether
the one leads back to the other.

A thread notes a lock after it took it, and forgets it before it gives it back;
it notes what it waits for, and looks for a cycle, in one step. So no cycle is
seen that is not there, and the last of the threads to close one sees it.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

from gilkit.sync._wait import set_watcher


class Link(NamedTuple):
    """A thread of a deadlock, what it waits for, and who holds that."""

    thread: str
    lock: object
    mode: str  # "lock", "read" or "write"
    waits_at: str
    holder: str
    taken_at: str  # where the holder took it, or waits to write


class DeadlockError(RuntimeError):
    """A wait that would never have ended: ``cycle`` has a Link for each thread."""

    def __init__(self, cycle: tuple[Link, ...]):
        self.cycle = cycle
        lines = ["this wait would never end:"]
        for link in cycle:
            lines.append(
                f"  thread {link.thread!r} waits {purpose(link.mode)}{link.lock!r} at {link.waits_at}, "
                f"which thread {link.holder!r} {link.taken_at}"
            )
        super().__init__("\n".join(lines))


DeadlockError.__module__ = "gilkit.sync"


class LockOrderWarning(RuntimeWarning):
    """Two locks were taken in both orders: a deadlock that has not happened yet."""


LockOrderWarning.__module__ = "gilkit.sync"


def purpose(mode: str) -> str:
    return "for " if mode == "lock" else f"to {mode} under "


def where() -> str:
    """The place in the user's code that called."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"


class Thread:
    """A thread; unlike an ident, never used again."""

    def __init__(self) -> None:
        self.name = threading.current_thread().name
        self.held: list[Holding] = []
        self.wait: Wait | None = None


class Holding(NamedTuple):
    lock: object  # kept alive, so that its id stays its own
    mode: str
    thread: Thread
    place: str


class Wait(NamedTuple):
    lock: object
    mode: str
    place: str


class Order(NamedTuple):
    """One lock was taken while another was held."""

    thread: str
    first: str
    second: str


class Watcher:
    """What the locks report to. Its own lock is one that threads of a signal
    handler or a finaliser may take again."""

    def __init__(self, inversions: bool):
        self.inversions = inversions
        self.guard = threading.RLock()
        self.local = threading.local()
        self.holdings: dict[int, list[Holding]] = {}
        self.writers: dict[int, list[Thread]] = {}  # that wait for an RWLock
        self.orders: weakref.WeakKeyDictionary[Any, weakref.WeakKeyDictionary[Any, Order]]
        self.orders = weakref.WeakKeyDictionary()

    def this_thread(self) -> Thread:
        try:
            thread: Thread = self.local.thread
        except AttributeError:
            thread = self.local.thread = Thread()
        return thread

    # Called by the locks.

    def wants(self, lock: object, mode: str) -> None:
        """Before a lock is taken, if the thread would wait for it."""
        if not self.inversions:
            return
        me, place = self.this_thread(), where()
        with self.guard:
            found = self.note_order(me, lock, place)
        for message in found:
            warnings.warn(LockOrderWarning(message), stacklevel=2)

    def waits(self, lock: object, mode: str, forever: bool) -> None:
        """Before a wait. One that ends by itself closes no cycle."""
        if not forever:
            return
        me = self.this_thread()
        with self.guard:
            me.wait = Wait(lock, mode, where())
            if mode == "write":
                self.writers.setdefault(id(lock), []).append(me)
            cycle = self.cycle(me, me, [])
            if cycle is not None:
                self.waits_no_more()
                raise DeadlockError(tuple(cycle))

    def waits_no_more(self) -> None:
        me = self.this_thread()
        with self.guard:
            wait, me.wait = me.wait, None
            if wait is not None and wait.mode == "write":
                waiting = self.writers[id(wait.lock)]
                waiting.remove(me)
                if not waiting:
                    del self.writers[id(wait.lock)]

    def took(self, lock: object, mode: str) -> None:
        me = self.this_thread()
        with self.guard:
            if mode != "read":
                # Nobody else can hold it: code without the GIL gave it back.
                self.forget([*self.holdings.get(id(lock), ())])
            holding = Holding(lock, mode, me, where())
            self.holdings.setdefault(id(lock), []).append(holding)
            me.held.append(holding)

    def released(self, lock: object, mode: str) -> None:
        """Before a release. A Lock may be released by another thread; locks
        taken before the detection began are not known."""
        me = self.this_thread()
        with self.guard:
            held = self.holdings.get(id(lock), [])
            mine = [holding for holding in held if holding.mode == mode and (holding.thread is me or mode == "lock")]
            self.forget(mine[-1:])

    # Under the guard.

    def forget(self, gone: list[Holding]) -> None:
        for holding in gone:
            held = self.holdings[id(holding.lock)]
            held.remove(holding)
            holding.thread.held.remove(holding)
            if not held:
                del self.holdings[id(holding.lock)]

    def blockers(self, wait: Wait) -> Iterator[tuple[Thread, str]]:
        """The threads that have to go on before this one can."""
        for holding in self.holdings.get(id(wait.lock), ()):
            if wait.mode != "read" or holding.mode == "write":
                yield holding.thread, f"took at {holding.place}"
        if wait.mode == "read":
            for writer in self.writers.get(id(wait.lock), ()):
                assert writer.wait is not None  # it is noted and forgotten together with its place here
                yield writer, f"waits to write under at {writer.wait.place}"

    def cycle(self, thread: Thread, goal: Thread, seen: list[Thread]) -> list[Link] | None:
        """The way from what the thread waits for to the goal."""
        wait = thread.wait
        if wait is None or thread in seen:
            return None
        seen.append(thread)
        for blocker, why in self.blockers(wait):
            link = Link(thread.name, wait.lock, wait.mode, wait.place, blocker.name, why)
            if blocker is goal:
                return [link]
            rest = self.cycle(blocker, goal, seen)
            if rest is not None:
                return [link, *rest]
        return None

    def note_order(self, me: Thread, lock: Any, place: str) -> list[str]:
        """Notes that `lock` comes after all that are held; the inversions that
        this makes, each told once."""
        found = []
        for holding in me.held:
            if holding.lock is lock:
                continue
            after = self.orders.setdefault(holding.lock, weakref.WeakKeyDictionary())
            if lock in after:
                continue
            after[lock] = Order(me.name, holding.place, place)
            opposite = self.way(lock, holding.lock, [])
            if opposite is not None:
                found.append(
                    f"thread {me.name!r} takes {lock!r} at {place} while it holds {holding.lock!r}, taken at "
                    f"{holding.place}; thread {opposite.thread!r} took them the other way round, at {opposite.first} "
                    f"and {opposite.second}: two threads that do so at once wait for each other for ever"
                )
        return found

    def way(self, first: Any, last: Any, seen: list[object]) -> Order | None:
        """The first step from one lock to another along the orders noted."""
        seen.append(first)
        for following, order in list(self.orders.get(first, {}).items()):
            if following is last or (
                not any(following is other for other in seen) and self.way(following, last, seen) is not None
            ):
                return order
        return None


class Detection:
    """Returned by ``detect_deadlocks``: as a context manager, restores at the end what was before."""

    def __init__(self, before: Watcher | None):
        self.before = before

    def __enter__(self) -> Detection:
        return self

    def __exit__(self, *exc: object) -> None:
        install(self.before)


installed: Watcher | None = None


def install(watcher: Watcher | None) -> Watcher | None:
    global installed
    before, installed = installed, watcher
    set_watcher(watcher)
    return before


def detect_deadlocks(enabled: bool = True, *, inversions: bool = False) -> Detection:
    """From now on, for the whole process, has a wait that would close a cycle of
    threads waiting for one another raise ``DeadlockError`` instead of hanging.

    It covers Lock, RLock and RWLock, mixed, as taken by Python code; waits with
    a timeout end by themselves and close no cycle. It takes for granted that
    the thread that took a Lock gives it back: where one thread waits for another
    to release a Lock for it, use a Semaphore. Locks taken before, or by code
    without the GIL (``acquire_nogil`` and its like, the C interface), are not
    known: a deadlock that goes through such a lock hangs as it would otherwise.
    ``inversions`` adds a ``LockOrderWarning`` where two locks are taken in both
    orders, though nothing hangs yet.

    ``enabled=False`` ends it; then it costs nothing. In a ``with`` statement it
    lasts as long as the block. The environment variable GILKIT_DEADLOCK turns it
    on from the start: ``raise``, or ``warn`` for inversions as well.
    """
    return Detection(install(Watcher(bool(inversions)) if enabled else None))


def follow_environment() -> None:
    wanted = os.environ.get("GILKIT_DEADLOCK", "")
    if wanted not in ("", "off", "raise", "warn"):
        warnings.warn(f"GILKIT_DEADLOCK must be raise, warn or off, not {wanted!r}", RuntimeWarning, stacklevel=1)
    if wanted in ("raise", "warn"):
        detect_deadlocks(inversions=wanted == "warn")


follow_environment()
