"""The report of a profile as one self-contained HTML page, in the style of the lab's other reports."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence

import gilkit

from .. import machine
from .. import report as lab
from ..charts import Bar, Bars, Chart, Line, Lines, Point, Strip
from ..escaping import escape
from ..text import duration
from . import report, show
from .report import Report

MOST_CORES = 16  # threads that get a lane each
MOST_POINTS = 300


def page(done: Report) -> str:
    """Return the whole HTML page."""
    style = lab.styles("picture.css", "report.css")
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    program = " ".join(done.program)
    parts = [
        "<section><h2>Who holds the GIL</h2>",
        *(f"<p>{escape(line)}</p>" for line in report.sentences(done)),
        *(f'<p class="note">{escape(note)}</p>' for note in done.notes),
        *(lab.figure(chart) for chart in over_time(done)),
        threads(done),
        functions(done),
        operations(done),
        "</section>\n<section><h2>What would be gained</h2>",
        *(lab.figure(chart) for chart in expected(done)),
        predictions(done),
        verified(done),
        *(f'<p class="why">{escape(line)}</p>' for line in show.assumptions(done)),
        "</section>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>gilkit profile: {escape(program)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<header><h1>{escape(program)}</h1>\n<p>{escape(report.headline(done))}. Measured by gilkit "
        f"{escape(gilkit.__version__)}, report of {when}.</p>\n"
        f"<ul><li>{escape(machine.one_line(done.machine))}</li></ul></header>\n<main>\n"
        + "\n".join(parts)
        + "\n</main>\n</body>\n</html>\n"
    )


def over_time(done: Report) -> list[Chart]:
    """Return the use of the cores and of the GIL over time."""
    bins = done.summary.timeline
    if not bins:
        return []
    middles = [(each.start + each.end) / 2 for each in bins]
    lines = [Line("cores used", [Point(x, each.cores) for x, each in zip(middles, bins, strict=True)])]
    if not done.summary.free_threaded:
        lines.append(Line("GIL held", [Point(x, each.held) for x, each in zip(middles, bins, strict=True)]))
    charts: list[Chart] = [Lines("Cores used, and part of the time that the GIL was held", "seconds", "", lines)]
    cores = done.machine["cores"]
    if cores <= MOST_CORES:
        charts.append(by_core(done, cores))
    return charts


def by_core(done: Report, cores: int) -> Strip:
    """Return the part of the time that the program's threads ran on each core."""
    samples = done.found.samples
    every = max(5, -(-len(samples) // MOST_POINTS))
    times: list[float] = []
    values: list[list[float]] = [[] for _ in range(cores)]
    for first in range(0, len(samples), every):
        group = samples[first : first + every]
        whole = sum(sample.seconds for sample in group) or 1.0
        times.append(group[-1].when)
        for core in range(cores):
            busy = sum(
                sample.seconds for sample in group if any(look.runs and look.core == core for look in sample.looks)
            )
            values[core].append(100 * busy / whole)
    return Strip("Time that the program ran on each core, in %", times, values)


def expected(done: Report) -> list[Chart]:
    bars = [Bar("as it is", done.summary.wall)]
    for each in done.predictions:
        if each.wall is not None:
            bars.append(Bar(each.candidate, each.wall, max(0.0, each.wall - each.margin), each.wall + each.margin))
    bars += [
        Bar(
            f"measured: {each.candidate}",
            each.measured * done.summary.wall,
            each.low * done.summary.wall,
            each.high * done.summary.wall,
        )
        for each in done.verifications
        if each.measured is not None
    ]
    return [Bars("Wall time expected of each candidate", "s", bars)] if len(bars) > 1 else []


def table(
    caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]], explained: bool = False, words: int = 1
) -> str:
    """Return a table whose first column names the rows, or an empty string if it has no rows.

    The last column of one that is explained has sentences. ``words`` is the number of columns, from the left, without
    figures: 1 or 2.
    """
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(each)}</td>" for each in others)}</tr>'
        for first, *others in rows
    )
    if not body:
        return ""
    kind = "wide" + " explained" * explained + " figures" * (words == 1)
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in headings)
    return (
        f"<h3>{escape(caption)}</h3><div class='{kind}' tabindex='0' role='group' aria-label='{escape(caption)}'>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def threads(done: Report) -> str:
    figures, states = done.summary, report.states(done)
    return table(
        "Threads",
        ["thread", *map(str, states)],
        (
            [thread.name, *(show.percent(figures.share(thread[state])) for state in states)]
            for thread in report.threads(done)
        ),
    )


def functions(done: Report) -> str:
    figures = done.summary
    return table(
        "Functions",
        ["function", "file", "holds the GIL", "without it", "keeps others waiting"],
        (
            [
                each.name,
                each.file or "–",
                show.percent(figures.share(each.held)),
                show.percent(figures.share(each.free)),
                duration(each.kept) if each.kept > 0 else "–",
            ]
            for each in report.functions(done)
        ),
        words=2,
    )


def operations(done: Report) -> str:
    figures = done.summary
    return table(
        "Calls of NumPy",
        ["call", "time", "without the GIL", "NumPy patched", "gilkit's own function"],
        (
            [
                text,
                show.percent(figures.share(seconds)),
                show.percent(free / seconds if seconds else 0.0),
                f"{speed.gain:.2f}×" if speed else "–",
                f"{speed.kernel_gain:.2f}×" if speed and speed.kernel else "–",
            ]
            for text, seconds, free, speed in report.operations(done)
        ),
    )


def predictions(done: Report) -> str:
    rows = []
    for each in done.predictions:
        if each.wall is None:
            rows.append([each.candidate, "–", "–", "–", each.why])
        else:
            gain = f"{done.summary.wall / each.wall:.2f}×" if each.wall else "–"
            rows.append(
                [
                    each.candidate,
                    duration(each.wall),
                    f"± {duration(each.margin)}" if each.margin > 0 else "–",
                    gain,
                    each.why,
                ]
            )
    return table("Candidates", ["candidate", "expected", "margin (95 %)", "speed-up", "because"], rows, explained=True)


def verified(done: Report) -> str:
    rows = []
    for each in done.verifications:
        measured = "–" if each.measured is None else f"{each.measured:.2f} ({each.low:.2f}–{each.high:.2f})"
        rows.append([each.candidate, each.forecast, measured, report.judged(each)])
    return table(
        "Predicted and measured, as parts of the unchanged program's time",
        ["candidate", "predicted", "measured", "predicted / measured"],
        rows,
        explained=True,
    )
