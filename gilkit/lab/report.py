"""``gilkit report``: one HTML file with everything in it, readable on paper, in the dark, on a phone and aloud."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import gilkit

from . import compare, experiments, machine
from .charts import Chart, Span, Strip
from .drawing import draw
from .errors import LabError
from .experiment import Experiment, Outcome, Verdict
from .results import Result

MARKS = {Outcome.HOLDS: "✓", Outcome.PARTLY: "◐", Outcome.FAILS: "✗", Outcome.OPEN: "?", Outcome.CHOICE: "→"}
STRIP_POINTS = 600


def page(results: Sequence[Result]) -> str:
    """The whole page."""
    style = (resources.files("gilkit.lab") / "report.css").read_text(encoding="utf-8")
    sections = "".join(section(result) for result in results)
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


def write(path: str, results: Sequence[Result]) -> None:
    try:
        Path(path).write_text(page(results), encoding="utf-8")
    except OSError as error:
        raise LabError(f"{path!r} cannot be written: {error.strerror}") from None


def _machines(results: Sequence[Result]) -> str:
    lines = list(dict.fromkeys(machine.one_line(result.machine) for result in results))
    interpreters = {each.label: each for result in results for each in result.setting.interpreters}
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    items += "".join(
        f"<li>Python {escape(each.label)}: {escape(each.gil_state)}{', running the lab' if each.running else ''}</li>"
        for each in interpreters.values()
    )
    return f"<ul>{items}</ul>\n"


def _summary(results: Sequence[Result]) -> str:
    """The verdicts, before anything else."""
    if not results:
        return ""
    rows = []
    for result in results:
        verdict = result.verdict
        outcome = verdict.outcome if verdict else Outcome.OPEN
        headline = verdict.said if verdict else "is not decided"
        rows.append(
            f'<tr><td class="mark {outcome.name.lower()}" aria-hidden="true">{MARKS[outcome]}</td>'
            f'<th scope="row"><a href="#{anchor(result)}">{escape(result.name)}</a></th>'
            f"<td>{escape(result.claim)}</td><td>{escape(headline)}</td></tr>"
        )
    return (
        "<section><h2>The verdicts</h2>\n<div class='wide'><table class='verdicts'><thead><tr><td></td>"
        '<th scope="col">experiment</th><th scope="col">the claim</th><th scope="col">here it</th></tr></thead><tbody>'
        f"{''.join(rows)}</tbody></table></div></section>\n"
    )


def anchor(result: Result) -> str:
    return re.sub(r"[^\w.-]+", "-", result.name)


def section(result: Result) -> str:
    experiment = of(result)
    verdict = result.verdict
    parts = [
        f'<section id="{anchor(result)}"><h2>{escape(experiment.title)}</h2>',
        f'<p class="claim">{escape(result.claim)}</p>',
    ]
    if verdict:
        parts.append(
            f'<p class="verdict {verdict.outcome.name.lower()}"><strong>{escape(lead(experiment, verdict))}.'
            f"</strong> {escape(verdict.text)}</p>"
        )
    parts += [f'<p class="note">{escape(warning)}</p>' for warning in result.warnings]
    if result.interrupted:
        parts.append('<p class="note">The run was interrupted; this is what was measured until then.</p>')
    for chart in [*experiment.charts(result.rows, result.setting), *strip(result)]:
        parts.append(figure(chart))
    parts.append(_table(experiment, result))
    doc = type(experiment).__module__
    parts.append(f"<details><summary>Claim, method and rule in full</summary>{_method(doc)}</details>")
    parts.append("</section>\n")
    return "\n".join(parts)


def of(result: Result) -> Experiment:
    """The experiment, or the comparison, that a result is of."""
    if result.name.startswith(compare.PREFIX):
        return compare.Comparison(result.name.removeprefix(compare.PREFIX))
    return experiments.get(result.name)


def lead(experiment: Experiment, verdict: Verdict) -> str:
    if experiment.asks:
        return f"Advice: {verdict.headline}"
    return f"The claim {verdict.said}"


def figure(chart: Chart) -> str:
    return f'<figure><figcaption>{escape(chart.title)}</figcaption><div class="wide">{draw(chart)}</div></figure>'


def _method(module: str) -> str:
    import sys

    text = (sys.modules[module].__doc__ or "").replace("``", "").replace("*", "")
    return "".join(f"<p>{escape(' '.join(part.split()))}</p>" for part in text.strip().split("\n\n"))


def _table(experiment: Experiment, result: Result) -> str:
    columns = experiment.columns(result.rows, result.setting)
    told = experiment.names_interpreters
    headings = [*([] if told else ["Python"]), "case", *(column.heading for column in columns)]
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in headings)
    body = []
    for row in result.rows:
        if row.measured:
            cells = "".join(f"<td>{escape(column.show(row, result.rows))}</td>" for column in columns)
        else:
            cells = f'<td colspan="{len(columns)}">{escape(row.error or "not measured")}</td>'
        python = "" if told else f"<td>{escape(row.interpreter.label)}</td>"
        body.append(f'<tr>{python}<th scope="row">{escape(row.label)}</th>{cells}</tr>')
    return (
        "<details open><summary>All figures</summary><div class='wide'><table><thead><tr>"
        f"{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div></details>"
    )


def strip(result: Result) -> list[Chart]:
    """CPU % of each core while the experiment ran, thinned to what a page can show."""
    looks: list[Any] = result.strip
    if len(looks) < 2:
        return []
    every = max(1, len(looks) // STRIP_POINTS)
    spans: list[Span] = []
    for look in looks:
        moment, case = look[0], int(look[1])
        label = result.rows[case].label if case < len(result.rows) else ""
        if spans and spans[-1].label == label:
            spans[-1] = Span(spans[-1].start, moment, label)
        else:
            spans.append(Span(spans[-1].end if spans else 0.0, moment, label))
    groups = [looks[start : start + every] for start in range(0, len(looks), every)]
    times = [group[-1][0] for group in groups]
    cores = [
        [sum(look[2 + core] for look in group) / len(group) for group in groups] for core in range(len(looks[0]) - 2)
    ]
    first_round = spans[: len(result.rows)]  # labels of later rounds would only repeat
    return [Strip("What each core did meanwhile (CPU %)", times, cores, first_round)]
