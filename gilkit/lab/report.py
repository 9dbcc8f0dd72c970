"""``gilkit report``: write results as one self-contained HTML page, as Markdown, or as SVG files in a folder.

The page works on paper, in dark mode, on a phone and with a screen reader.
"""

from __future__ import annotations

import datetime
import re
import zlib
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import gilkit

from . import compare, experiments, machine
from .charts import Chart, Span, Strip
from .drawing import draw
from .escaping import code, escape, filled
from .escaping import markdown as plain
from .experiment import Experiment, Outcome, Verdict, legend
from .figures import interpreters_of
from .results import Result, shown
from .results import write as write_file
from .text import relative

MARKS = {
    Outcome.HOLDS: "✓",
    Outcome.PARTLY: "◐",
    Outcome.HALF: "◐",
    Outcome.FAILS: "✗",
    Outcome.UNSEEN: "!",
    Outcome.OPEN: "?",
    Outcome.CHOICE: "→",
}
STRIP_POINTS = 600
T = TypeVar("T")


def styles(*names: str) -> str:
    return "".join((resources.files("gilkit.lab") / name).read_text(encoding="utf-8") for name in names)


def page(results: Sequence[Result]) -> str:
    """Return the whole HTML page."""
    style = styles("picture.css", "report.css")
    sections = "".join(figured(section, result) for result in results)
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>What the cores do: gilkit's report</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<header><h1>What the cores do</h1>\n<p>Measured by gilkit {escape(gilkit.__version__)}, "
        f"report of {when}.</p>\n"
        f"{_machines(results)}</header>\n<main>\n{_summary(results)}{sections}</main>\n</body>\n</html>\n"
    )


def figured(make: Callable[[Result], T], result: Result) -> T:
    """Return ``make(result)``. A result that is damaged raises LabError, which names its file."""
    with shown(result):
        return make(result)


def latest(results: Sequence[Result]) -> list[Result]:
    """Return the last result of each name, in the order of the first ones: a repeated run replaces the earlier one."""
    return list({result.name: result for result in results}.values())


def write(path: str, results: Sequence[Result]) -> int:
    """Write the HTML page, a Markdown file if ``path`` ends in .md, or the charts if it is a folder.

    Returns the number of results.
    """
    chosen = latest(results)
    target = Path(path)
    if target.is_dir():
        for result in chosen:
            for number, chart in enumerate(figured(charts, result), 1):
                write_file(target / f"{anchor(result)}-{number}.svg", picture(chart))
    elif target.suffix == ".md":
        write_file(path, markdown(chosen))
    else:
        write_file(path, page(chosen))
    return len(chosen)


def charts(result: Result) -> list[Chart]:
    return [*of(result).charts(result.rows, result.setting), *strip(result)]


def picture(chart: Chart) -> str:
    """Return a chart as a complete SVG file, in the colours of the viewer's light or dark mode."""
    return draw(chart, f"{styles('picture.css')}svg {{ background: var(--page); font: 12px system-ui, sans-serif; }}\n")


def markdown(results: Sequence[Result]) -> str:
    """Return the verdicts as Markdown: a table, then each verdict with its figures."""
    parts = [
        "# The claims, measured",
        filled(
            "The claims of tutorials about Python's concurrency that the lab tests, and the result of each on this "
            f"machine: {'; '.join(map(plain, machines(results)))}. Run them on yours with `gilkit experiment NAME`. The top "
            "of each file in `gilkit/lab/experiments/` describes how it measures and judges; see also "
            "[the lab](lab.md). `gilkit report claims.md` writes such a page."
        ),
    ]
    rows = [
        f"| [{code(relative(r.name))}](#{anchor(r)}) | {plain(r.claim)} | {plain(r.verdict.said) if r.verdict else '–'} |"
        for r in results
    ]
    parts.append("\n".join(["| experiment | claim | verdict |", "| --- | --- | --- |", *rows]))
    for result in results:
        parts += figured(_verdict, result)
    return "\n\n".join(parts) + "\n"


def _verdict(result: Result) -> list[str]:
    """Return the paragraphs of a result in the Markdown file."""
    parts = [f"## {plain(relative(result.name))}"]
    if result.claim.strip():
        parts.append(f"*{plain(result.claim)}*")
    if result.verdict:
        headline = result.verdict.said
        parts.append(filled(f"**{plain(headline[0].upper() + headline[1:])}.** {plain(result.verdict.text)}"))
    why = of(result).why
    if why:
        parts.append(filled(f"Why: {plain(why)}"))
    parts += [filled(f"Note: {plain(warning)}") for warning in result.warnings]
    used = interpreters_of(result.rows)
    names = ", ".join(f"{plain(each.label)} ({each.gil_state})" for each in used)
    # Free-threaded interpreters are found without --python.
    asked = "".join(
        f" --python python{'.'.join(map(str, each.version_info))}"
        for each in used
        if not (each.running or each.free_threaded)
    )
    command = code(f"{of(result).command}{asked}")
    parts.append(filled(f"Interpreters: {names}. Command: {command}, {plain(result.started[:10])}."))
    return parts


def machines(results: Sequence[Result]) -> list[str]:
    """Return one line for each machine of the results."""
    return list(dict.fromkeys(figured(lambda each: machine.one_line(each.machine), result) for result in results))


def _machines(results: Sequence[Result]) -> str:
    interpreters = {each.label: each for result in results for each in result.setting.interpreters}
    items = "".join(f"<li>{escape(line)}</li>" for line in machines(results))
    items += "".join(
        f"<li>Python {escape(each.label)}: {escape(each.gil_state)}{', running the lab' if each.running else ''}</li>"
        for each in interpreters.values()
    )
    return f"<ul>{items}</ul>\n"


def _summary(results: Sequence[Result]) -> str:
    """Return the table of verdicts that opens the page."""
    if not results:
        return ""
    rows = []
    for result in results:
        verdict = result.verdict
        outcome = verdict.outcome if verdict else Outcome.OPEN
        headline = verdict.said if verdict else "is not decided"
        rows.append(
            f'<tr><td class="mark {outcome.name.lower()}" aria-hidden="true">{MARKS[outcome]}</td>'
            f'<th scope="row"><a href="#{anchor(result)}">{escape(relative(result.name))}</a></th>'
            f"<td>{escape(result.claim)}</td><td>{escape(headline)}</td></tr>"
        )
    return (
        "<section><h2>The verdicts</h2>\n<div class='wide'><table class='verdicts'><thead><tr><td></td>"
        '<th scope="col">experiment</th><th scope="col">claim</th><th scope="col">verdict</th></tr></thead><tbody>'
        f"{''.join(rows)}</tbody></table></div></section>\n"
    )


def anchor(result: Result) -> str:
    """Return the id of a result's section, which also names the files of its charts.

    If characters had to be replaced, a checksum keeps the ids of different names apart.
    """
    found = re.sub(r"[^\w.-]+", "-", result.name)
    if found == result.name.replace(" ", "-", 1) and len(found) <= 100:
        return found
    return f"{found[:100]}-{zlib.crc32(result.name.encode('utf-8', 'surrogatepass')):08x}"


def section(result: Result) -> str:
    experiment = of(result)
    verdict = result.verdict
    parts = [
        f'<section id="{anchor(result)}"><h2>{escape(experiment.title)}</h2>',
        f'<p class="command"><code>{escape(experiment.command)}</code></p>',
        f'<p class="claim">{escape(result.claim)}</p>',
    ]
    if verdict:
        parts.append(
            f'<p class="verdict {verdict.outcome.name.lower()}"><strong>{escape(lead(experiment, verdict))}.'
            f"</strong> {escape(verdict.text)}</p>"
        )
    if experiment.why:
        parts.append(f'<p class="why">Why: {escape(experiment.why)}</p>')
    parts += [f'<p class="note">{escape(warning)}</p>' for warning in result.warnings]
    if result.interrupted:
        parts.append('<p class="note">The run was interrupted; only the measurements up to then are shown.</p>')
    parts += [figure(chart) for chart in charts(result)]
    parts.append(_table(experiment, result))
    doc = type(experiment).__module__
    parts.append(f"<details><summary>Claim, method and rule in full</summary>{_method(doc)}</details>")
    parts.append("</section>\n")
    return "\n".join(parts)


def of(result: Result) -> Experiment:
    """Return the experiment or comparison that produced a result."""
    if result.name.startswith(compare.PREFIX):
        return compare.Comparison(result.name.removeprefix(compare.PREFIX))
    return experiments.get(result.name)


def lead(experiment: Experiment, verdict: Verdict) -> str:
    if experiment.asks:
        return f"Advice: {verdict.headline}"
    return f"The claim {verdict.said}"


def figure(chart: Chart) -> str:
    caption = escape(chart.title)
    return (
        f"<figure><figcaption>{caption}</figcaption>"
        f'<div class="wide" tabindex="0" role="group" aria-label="{caption}">{draw(chart)}</div></figure>'
    )


def _method(module: str) -> str:
    import sys

    text = (sys.modules[module].__doc__ or "").replace("``", "").replace("*", "")
    return "".join(f"<p>{escape(' '.join(part.split()))}</p>" for part in text.strip().split("\n\n"))


def _table(experiment: Experiment, result: Result) -> str:
    columns = experiment.columns(result.rows, result.setting)
    named = experiment.names_interpreters
    headings = [*([] if named else ["Python"]), "case", *(column.heading for column in columns)]
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in headings)
    body = []
    for row in result.rows:
        if row.measured:
            cells = "".join(f"<td>{escape(column.show(row, result.rows))}</td>" for column in columns)
        else:
            cells = f'<td colspan="{len(columns)}">{escape(row.error or "not measured")}</td>'
        python = "" if named else f"<td>{escape(row.interpreter.label)}</td>"
        body.append(f'<tr>{python}<th scope="row">{escape(row.label)}</th>{cells}</tr>')
    return (
        "<details open><summary>All figures</summary><div class='wide' tabindex='0' role='group' aria-label='All figures'><table><thead><tr>"
        f"{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        f"<p class='legend'>{escape(legend(columns))}</p></details>"
    )


def strip(result: Result) -> list[Chart]:
    """Return CPU % of each core during the run, thinned to what a page can show."""
    looks: list[Any] = result.strip
    if len(looks) < 2:
        return []
    every = max(1, len(looks) // STRIP_POINTS)
    spans: list[Span] = []
    rounds = [0.0]
    previous = 0
    for look in looks:
        moment, case = look[0], int(look[1])
        begin = spans[-1].end if spans else 0.0
        if case < previous:
            rounds.append(begin)
        if spans and case == previous:
            spans[-1] = Span(spans[-1].start, moment, spans[-1].label)
        else:
            spans.append(Span(begin, moment, label_of(result, case)))
        previous = case
    groups = [looks[start : start + every] for start in range(0, len(looks), every)]
    times = [group[-1][0] for group in groups]
    cores = [
        [sum(look[2 + core] for look in group) / len(group) for group in groups] for core in range(len(looks[0]) - 2)
    ]
    return [Strip("CPU % of each core during the run", times, cores, spans, rounds if len(rounds) > 1 else ())]


def label_of(result: Result, case: int) -> str:
    if case >= len(result.rows):
        return ""
    row = result.rows[case]
    return (
        row.label if len({each.interpreter for each in result.rows}) == 1 else f"{row.interpreter.label}, {row.label}"
    )
