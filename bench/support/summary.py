"""The summary of a run of the benchmarks, at most 100 columns wide: every suite, with gilkit and its best peer."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import PurePath
from statistics import median
from typing import Any, NamedTuple

from load import SCALES

from gilkit import num_threads
from gilkit.lab import machine
from gilkit.lab.text import duration, factor, shorten_middle

WIDTH = 100
BASE = "serial"
PEERS = ("peer", "module", "way", "mapper")  # names that suites give to the contender's parameter
OURS, ALONE = "gilkit", "gilkit-1"  # on all threads, and on one
TIME_IS_UP = "time is up"


class Line(NamedTuple):
    text: str
    bold: bool = False


class Entry(NamedTuple):
    """One benchmark as the summary shows it."""

    label: str
    seconds: float  # median
    disturbed: bool
    info: dict[str, Any]


def plain(value: Any) -> str:
    if isinstance(value, (str, int, float, tuple)):
        return str(value)
    return getattr(value, "__name__", "…").partition(".")[0]


def labels(members: list[Any]) -> list[str]:
    """Name the members of a group by the parameters and functions in which they differ."""
    parameters = [{key: plain(value) for key, value in (each.params or {}).items()} for each in members]
    functions = [each.name.partition("[")[0].removeprefix("test_") for each in members]
    names = dict.fromkeys(key for each in parameters for key in each)
    telling = [name for name in names if len({each.get(name) for each in parameters}) > 1 or name in PEERS]
    found = []
    for function, each in zip(functions, parameters, strict=True):
        words = [function] if len(set(functions)) > 1 else []
        words += [each[name] for name in telling if name in each]
        found.append(" ".join(words) or function)
    return found


def entries(members: list[Any]) -> list[Entry]:
    return [
        Entry(
            each.extra_info.get("label", label),
            each.stats.median,
            bool(each.extra_info.get("others_percent")),
            each.extra_info,
        )
        for each, label in zip(members, labels(members), strict=True)
    ]


def mark(*disturbed: bool) -> str:
    return "*" if any(disturbed) else " "


def rows(group: str, members: list[Entry]) -> Iterator[Line]:
    """Show a line for each contender. The base is one pure-Python thread, if there is one."""
    base = next((each.seconds for each in members if each.info.get("strategy") == BASE), None)
    used = any("threads" in each.info for each in members)
    title = (
        f"{shorten_middle(group, 61):62}" + (f"{'threads':>8}{'CPU %':>7}" if used else " " * 15) + f"{'median':>11}"
    )
    yield Line(title + (f"{'speed-up':>11}" if base else ""), bold=True)
    for each in members:
        cpu = each.info.get("cpu_percent")
        yield Line(
            f"{mark(each.disturbed)} {shorten_middle(each.label, 59):60}{each.info.get('threads', ''):>8}"
            f"{'' if cpu is None else format(cpu, '.0f'):>7}{duration(each.seconds):>11}"
            + (f"{factor(base / each.seconds):>11}" if base else "")
        )


def compact(group: str, members: list[Entry]) -> Line | None:
    """Return one line for a group: gilkit, gilkit on one thread, and the best peer. None if the group has another
    form."""
    times = {each.label: each.seconds for each in members}
    peers = [each for each in members if not each.label.startswith(OURS)]
    if OURS not in times or not peers or len(times) > len(peers) + 1 + (ALONE in times):
        return None
    if any("strategy" in each.info for each in members):
        return None  # has CPU % to show
    best = min(peers, key=lambda each: each.seconds)
    alone = duration(times[ALONE]) if ALONE in times else ""
    return Line(
        f"{mark(*(each.disturbed for each in members))} {shorten_middle(group, 43):44}{duration(times[OURS]):>10}"
        f"{alone:>10}{duration(best.seconds):>11}{factor(best.seconds / times[OURS]):>8}  "
        f"{shorten_middle(best.label, 13)}"
    )


COMPACT = Line(f"{'':46}{'gilkit':>10}{'1 thread':>10}{'best peer':>11}{'gilkit':>8}", bold=True)


def wrapped(text: str) -> Iterator[Line]:
    for line in textwrap.wrap(text, WIDTH, break_on_hyphens=False):
        yield Line(line)


def table(measured: list[Any]) -> Iterator[Line]:
    """Show every suite: first the groups that fit on one line each, then the others."""
    for suite, members in groupby(measured, key=lambda each: PurePath(each.fullname.partition("::")[0]).stem):
        groups: dict[str, list[Any]] = {}
        for each in members:
            groups.setdefault(each.group or suite, []).append(each)
        short, long = [], []
        for name, group in groups.items():
            contenders = entries(group)
            line = compact(name, contenders)
            if line:
                short.append(line)
            else:
                long += [Line(""), *rows(name, contenders)]
        if short:
            yield Line("")
            yield Line(suite.removeprefix("bench_").ljust(46) + COMPACT.text[46:], bold=True)
            yield from short
        yield from long


def disturbances(measured: list[Any], scaling: list[float]) -> Iterator[str]:
    """Report how much other programs used the cores, as far as that was measured."""
    looked = [each.extra_info["others_percent"] for each in measured if "others_percent" in each.extra_info]
    disturbed = [percent for percent in looked if percent]
    if disturbed:
        yield (
            f"Disturbed: other programs or the host used the cores during {len(disturbed)} of {len(measured)} benchmarks "
            f"({median(disturbed):.0f} % of a core in the median). These lines are marked * and show too little."
        )
    threads = num_threads()
    if threads > 1 and min(scaling) < SCALES * threads:
        speeds = " and ".join(f"{speed:.2f}" for speed in scaling)
        yield (
            f"Disturbed: a busy loop on {threads} threads ran {speeds} times as fast as on one, before and after: the "
            "cores were not all ours. Speed-ups by threads show too little."
        )


def lines(benchmarks: list[Any], skipped: list[Any], run: Any) -> Iterator[Line]:
    """Show the machine, the disturbances, each suite, and the benchmarks that are missing."""
    yield from wrapped(machine.one_line(machine.describe()))
    measured = [each for each in benchmarks if not each.has_error]
    said = list(disturbances(measured, run.scaling))
    for text in said or ["Nothing else used the cores meanwhile."]:
        yield from wrapped(text)
    yield from table(measured)
    yield Line("")
    if run.left_out:
        yield from wrapped(
            f"Time was up for {run.left_out} benchmarks, the last ones of their suites: this machine is slow or busy. "
            "`pytest --benchmark --full` runs all, however long they take."
        )
    reasons = {str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped} - {TIME_IS_UP}
    for reason in sorted(reasons):
        yield from wrapped(f"Left out: {reason}.")
