"""What the kernel says about the threads of a process: whether each runs, on which core, and what it sleeps on."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Iterable
from typing import NamedTuple

TICK = 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01
MOST_OPEN = 1.0  # seconds
MOST_FILES = 384  # of the process's threads that stay open
THREAD_FILES = ("stat", "schedstat", "syscall")
FUTEX = {"x86_64": (202,), "aarch64": (98,), "riscv64": (98, 422), "ppc64le": (221,), "s390x": (238,)}


class Task(NamedTuple):
    """The state of a thread at one moment."""

    state: str  # R: it runs, or would if a core were free; S, D and others: it waits
    cpu: float  # seconds of CPU time so far
    core: int
    queued: bool = False  # it would run, but other threads have the cores
    faults: int = 0  # pages of memory that the kernel has provided so far
    system: float = 0.0  # seconds of the CPU time in the kernel
    pages: int = 0  # of memory that the process has

    @property
    def runs(self) -> bool:
        return self.state == "R" and not self.queued


def parse(line: bytes) -> Task:
    """Return what ``/proc/PID/task/ID/stat`` says. The name in parentheses may hold anything."""
    fields = line[line.rindex(b")") + 2 :].split()
    user, system = int(fields[11]) * TICK, int(fields[12]) * TICK
    return Task(
        fields[0].decode(), user + system, int(fields[36]), faults=int(fields[7]), system=system, pages=int(fields[21])
    )


def futex(line: bytes, numbers: Iterable[int]) -> int:
    """Return the address on which a thread sleeps, from ``/proc/PID/task/ID/syscall``, or 0 if it does not."""
    words = line.split()
    if len(words) > 1 and words[0].isdigit() and int(words[0]) in numbers:
        return int(words[1], 16)
    return 0


class Queue:
    """Finds the moments when threads would run, but get no core.

    The kernel does not say whether a thread that is able to run has a core. It counts how long each one has waited, once the
    wait is over. So samples count as waits until they add up to the time that the kernel has counted.
    """

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, float]] = {}  # nanoseconds of waiting so far, and when that was read
        self._open: dict[int, float] = {}  # seconds of waiting that no sample accounts for yet

    def sleeps(self, number: int, now: float) -> None:
        """Record that a thread neither runs nor is ready to run."""
        if number in self._last:
            self._last[number] = self._last[number][0], now

    def waits(self, number: int, waited: int, now: float) -> bool:
        """Whether this sample of a thread that runs, or would, stands for a wait. ``now`` is in seconds."""
        before, then = self._last.get(number, (waited, now))
        self._last[number] = waited, now
        elapsed = now - then
        still = min(MOST_OPEN, self._open.get(number, 0.0) + (waited - before) / 1e9)
        found = elapsed > 0 and still >= elapsed / 2
        self._open[number] = still - elapsed if found else still
        return found

    def forget(self, number: int) -> None:
        self._last.pop(number, None)
        self._open.pop(number, None)


class Tasks:
    """The threads of a process, by number. Their files stay open, since opening costs more than reading."""

    def __init__(self, pid: int) -> None:
        self._folder = f"/proc/{pid}/task"
        self._pid = pid
        self._process: int | None = None  # the open file that counts for all threads, ended ones too
        self._whole = Task("", 0.0, 0)
        self._files: dict[tuple[int, str], int] = {}
        self._futex = FUTEX.get(platform.machine(), ())
        self._seen: set[int] = set()  # numbers of the threads at the last look
        self._queue = Queue()

    def look(self) -> dict[int, Task]:
        """Return all threads. Raise OSError if the process has ended."""
        found = {}
        names = os.listdir(self._folder)
        if not names:
            raise ProcessLookupError
        for name in names:
            number = int(name)
            try:
                task = parse(self._read(number, "stat"))
                queued, now = False, time.monotonic()
                if task.state == "R":
                    queued = self._queue.waits(number, self._waited(number), now)
                else:
                    self._queue.sleeps(number, now)
                found[number] = task._replace(queued=queued)
            except (OSError, ValueError, IndexError):  # the thread has just ended
                self._forget(number)
        for number in self._seen - found.keys():
            self._forget(number)
        self._seen = set(found)
        with contextlib.suppress(OSError, ValueError, IndexError):  # the process has just ended
            if self._process is None:
                self._process = os.open(f"/proc/{self._pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
            self._whole = parse(os.pread(self._process, 1024, 0))
        return found

    def _read(self, number: int, name: str) -> bytes:
        """Return what a file of a thread says now."""
        file = self._files.get((number, name))
        if file is not None:
            return os.pread(file, 1024, 0)
        file = os.open(f"{self._folder}/{number}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        if len(self._files) < MOST_FILES:
            self._files[number, name] = file
            return os.pread(file, 1024, 0)
        try:
            return os.pread(file, 1024, 0)
        finally:
            os.close(file)

    def _waited(self, number: int) -> int:
        """Return the nanoseconds that a thread has waited for a core, or 0 if the kernel does not count them."""
        try:
            return int(self._read(number, "schedstat").split()[1])
        except (OSError, ValueError, IndexError):
            return 0

    def _forget(self, number: int) -> None:
        self._queue.forget(number)
        for name in THREAD_FILES:
            file = self._files.pop((number, name), None)
            if file is not None:
                os.close(file)
        self._seen.discard(number)

    def sleeps_on(self, number: int) -> int:
        """Return the address of the futex on which a thread sleeps, or 0."""
        with contextlib.suppress(OSError):
            return futex(self._read(number, "syscall"), self._futex)
        return 0

    def cpu(self) -> float:
        """Return the CPU seconds of the process at the last look. Threads that ended before or between two looks count."""
        return self._whole.cpu

    def system(self) -> float:
        """Return the part of them in the kernel."""
        return self._whole.system

    def pages(self) -> int:
        """Return the number of pages of memory that the process has."""
        return self._whole.pages

    def faults(self) -> int:
        """Return the pages of memory that the kernel had provided to the process at the last look."""
        return self._whole.faults

    def close(self) -> None:
        for number in list(self._seen):
            self._forget(number)
        if self._process is not None:
            os.close(self._process)
            self._process = None
