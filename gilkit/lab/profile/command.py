"""The command ``gilkit profile``: start or find the process, sample it, predict, and print the report."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .. import interpreters
from ..errors import LabError
from ..program import command

PID_SECONDS = 10.0
START_SECONDS = 20.0  # seconds within which the interpreter of a program must have started
UNKNOWN = "no thread of it runs Python, or its interpreter was built in an unusual way, such as for debugging"
POLL = 0.004  # seconds between two checks of whether the interpreter has started
ROUNDS = 3
FORWARDED = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2
) if os.name == "posix" else ()  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Profile and return the exit status: that of the program, or 0 for a process that was watched."""
    import psutil  # noqa: F401 - if it is missing, say so before the program runs, not after

    from .. import results
    from . import show  # noqa: F401 - needs rich

    if not sys.platform.startswith("linux"):
        raise LabError("gilkit profile reads /proc, so it needs Linux")
    for path in (options.html, options.save):
        if path is not None:
            results.check_writable(path)
    free = next(iter(interpreters.find_free_threaded()), None)
    return watch(options, free) if options.pid is not None else launch(options, free)


# ---- A process that is already running


def watch(options: argparse.Namespace, free: interpreters.Interpreter | None) -> int:
    from . import report, show
    from .others import Others
    from .reader import Reader
    from .sampler import Sampler, children_cpu

    pid = options.pid
    if pid == os.getpid():
        raise LabError("gilkit profile cannot watch itself")
    if not os.path.exists(f"/proc/{pid}"):
        raise LabError(f"there is no process {pid}")
    reader = Reader(pid)
    if not reader.ready:
        reader.close()
        raise LabError(f"process {pid} cannot be examined: {UNKNOWN}")
    seconds = options.seconds or PID_SECONDS
    print(f"gilkit profile: watching process {pid} for {seconds:g} s; Ctrl-C ends it sooner", file=sys.stderr)
    sampler = Sampler(pid, reader)
    before, children = process_cpu(pid), children_cpu(pid)
    others = Others(before + children)
    end = sampler.begun + seconds
    try:
        with ended_of(pid) as wait:
            found = sampler.run(lambda pause: wait(pause) or time.perf_counter() >= end)
    except KeyboardInterrupt:
        found = sampler.finish()
    after = process_cpu(pid)
    found.cpu = max(0.0, (after or found.cpu) - before)
    found.children_cpu = max(0.0, children_cpu(pid) - children)
    if after:
        found.others_percent = others.percent(after + children_cpu(pid))
    done = report.build(found, [f"process {pid}"], free, options.threads)
    try:
        show.show(done, sys.stdout)
    finally:
        write(options, done)
    return 0


def process_cpu(pid: int) -> float:
    from ..measure import process_cpu as of

    return sum(of(pid))


@contextlib.contextmanager
def ended_of(pid: int) -> Iterator[Callable[[float], bool]]:
    """Yield a function that waits some seconds, or until the process has ended, and returns whether it has."""
    try:
        file = os.pidfd_open(pid)
    except OSError as error:
        raise LabError(f"process {pid} cannot be watched: {error.strerror}") from None
    poll = select.poll()
    poll.register(file, select.POLLIN)
    try:
        yield lambda seconds: bool(poll.poll(max(0.0, seconds) * 1000))
    finally:
        os.close(file)


# ---- A program


def launch(options: argparse.Namespace, free: interpreters.Interpreter | None) -> int:
    from . import report, show, verify

    way = command.unpatched(options)
    rounds = options.rounds or ROUNDS
    with tempfile.TemporaryDirectory(prefix="gilkit-profile-") as folder:
        if options.verify:
            # Each run gets the same input, so it is read first.
            from ..program.comparison import read_input

            read_input(Path(folder) / "input", ignore_terminal=options.program[0] != "-")
            with open(Path(folder) / "input", "rb") as stdin:
                status, found, problem = sample_program(way, stdin)
        else:
            status, found, problem = sample_program(way, None)
        if found is None or not found.samples:
            print(f"gilkit profile: no report: {problem or 'the program ended too soon'}", file=sys.stderr)
            return status
        done = report.build(found, options.program, free, options.threads)
        try:
            if options.verify:
                verify.verify(done, options, rounds, Path(folder))
        finally:
            try:
                show.show(done, sys.stderr)
            finally:
                write(options, done)
    return status


def sample_program(way: command.Command, stdin: BinaryIO | None) -> tuple[int, Any, str]:
    """Run a program to its end. Return its exit status, and the recording, or None and the reason why there is none."""
    from .operations import warm_up
    from .others import Others
    from .sampler import Sampler, children_cpu

    warm_up()
    others = Others()
    for file in (sys.stdout, sys.stderr):
        if file is not None and not file.closed:
            file.flush()
    begun = time.perf_counter()
    process = subprocess.Popen(way.words, env=way.environment, stdin=stdin)
    found, problem = None, ""
    with signals_to(process), ended_of(process.pid) as ended:
        try:
            reader = attach(process.pid, ended)
            if reader is not None:
                sampler = Sampler(process.pid, reader, begun)
                found = sampler.run(ended)
        except LabError as error:
            problem = str(error)
        while not ended(60.0):
            pass
        if found is not None:
            found.wall = time.perf_counter() - begun
            # The process is not waited for yet, so the kernel still knows its times.
            found.children_cpu = children_cpu(process.pid)
            found.cpu = own_cpu(process.pid) or found.cpu
        code = process.wait()
        if found is not None:
            found.others_percent = others.percent()
    return (code if code >= 0 else 128 - code), found, problem


def own_cpu(pid: int) -> float:
    """Return the CPU seconds of a process, which may have ended but must not have been waited for."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def attach(pid: int, ended: Callable[[float], bool]) -> Any:
    """Return a reader as soon as the interpreter has started, or None if it ends before. Raise LabError if it never has."""
    from .memory import Denied
    from .reader import Reader

    limit = time.perf_counter() + START_SECONDS
    reader = None
    while not ended(POLL):
        if reader is None:
            try:
                reader = Reader(pid)
            except Denied:
                raise
            except LabError:
                if time.perf_counter() > limit:
                    raise
                continue
        if reader.ready:
            return reader
        if time.perf_counter() > limit:
            reader.close()
            raise LabError(UNKNOWN)
    return None


@contextlib.contextmanager
def signals_to(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Forward signals to the program, whose end is also the end of the profile.

    Ctrl-C and Ctrl-\\ at a terminal reach both processes by themselves, so they are forwarded only if they came in another
    way.
    """

    def hand_on(number: int, frame: object) -> None:
        if number not in (signal.SIGINT, signal.SIGQUIT) or not at_terminal():
            process.send_signal(number)

    before = {}
    for number in FORWARDED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            with contextlib.suppress(ValueError):  # not the main thread
                before[number] = signal.signal(number, hand_on)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def at_terminal() -> bool:
    """Whether this process belongs to the foreground of its terminal."""
    try:
        file = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(file) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(file)


def write(options: argparse.Namespace, done: Any) -> None:
    """Write the files that were asked for."""
    from .. import results
    from . import page, report

    if options.save:
        results.write(options.save, json.dumps(report.document(done), indent=1) + "\n")
    if options.html:
        results.write(options.html, page.page(done))
