"""``gilkit profile --verify``: run the candidates that need no edit, and compare their times with the predictions.

The method is that of ``gilkit run --compare``: the unchanged program and the candidates take turns, each run in a process
of its own, and each must print what the first unchanged run printed. Times are compared as fractions of the unchanged
program's time, by the median of the ratios of the same rounds, because on a busy machine ratios vary less than times.
Rounds during which other programs used the cores are left out, if at least two others remain.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median

from .. import interpreters
from ..experiment import Row, Sample
from ..program import command
from ..program.command import Command
from ..program.comparison import Comparison, ending, measure
from ..runner import OTHERS_PERCENT
from ..stats import bootstrap
from ..text import duration
from .predict import Prediction
from .report import NEAR, Report, Verification

FEWEST_QUIET = 2  # rounds without other programs that are enough to leave out those with them


def verify(done: Report, options: argparse.Namespace, rounds: int, place: Path) -> None:
    """Run the candidates ``rounds`` times each and add the verifications to the report. ``place`` holds the input."""
    todo = [each for each in done.predictions if each.verify]
    if not todo:
        done.notes.append("There is nothing to verify: no candidate can run without an edit of the program.")
        return
    here = interpreters.running()
    base = Row("unchanged", "unchanged", here, 1)
    found = Comparison(options.program, rounds, base, Row("patched", "patched", here, done.cores))
    ways = [(base, command.unpatched(options))]
    rows = {}
    for each in todo:
        row = rows[each.verify] = Row(each.candidate, each.verify, here, done.cores)
        ways.append((row, way_of(each, options, done)))
    try:
        for number in range(rounds):
            for row, way in ways:
                if row.error is None:
                    measure(found, row, way, number, place)
                    failed(row, found)
            last = ", ".join(f"{row.label} {duration(row.samples[-1]['wall'])}" for row, _ in ways if row.samples)
            print(f"round {number + 1} of {rounds}: {last}", file=sys.stderr)
    except KeyboardInterrupt:
        done.notes.append("The verification was interrupted; only the rounds up to then are used.")
    if not base.measured:
        return
    done.baseline = base["wall"]
    for each in todo:
        done.verifications.append(judge(each, base, rows[each.verify], done, found))


def way_of(prediction: Prediction, options: argparse.Namespace, done: Report) -> Command:
    if prediction.verify == "patched":
        return command.patched(options, None)
    assert done.free_threaded is not None
    plain = command.unpatched(options)
    return Command([done.free_threaded.executable, *options.program], interpreters.environment() or plain.environment)


def failed(row: Row, found: Comparison) -> None:
    """Leave a candidate out if it does not end like the unchanged program, for example because it lacks a package."""
    status = int(row.samples[-1]["status"])
    if status != found.status:
        row.error = f"it ended with {ending(status)}"


def judge(prediction: Prediction, base: Row, row: Row, done: Report, found: Comparison) -> Verification:
    """Return a prediction together with the measurements."""
    predicted = None if prediction.wall is None else prediction.wall / done.summary.wall
    if row.error or not row.measured:
        return Verification(prediction.candidate, predicted, None, why=row.error or "not run")
    rounds = list(zip(row.samples, base.samples, strict=False))
    quiet = [pair for pair in rounds if disturbance(pair) <= OTHERS_PERCENT]
    others = median(disturbance(pair) for pair in rounds)
    if len(quiet) >= FEWEST_QUIET:  # the others say more about the machine than about the program
        rounds, others = quiet, median(disturbance(pair) for pair in quiet)
    ratio = bootstrap([ours["wall"] / theirs["wall"] for ours, theirs in rounds])
    result = Verification(
        prediction.candidate,
        predicted,
        ratio.middle,
        ratio.low,
        ratio.high,
        row["wall"],
        others=others,
        rounds=len(rounds),
    )
    if not found.repeatable:
        result.why = "the unchanged program prints something else each time, so outputs were not compared"
    elif any(each.way == row.label for each in found.differences):
        result.why = "it prints something else"
    elif predicted is None:
        result.why = "not predicted"
    elif abs(result.error or 0.0) > NEAR:
        result.why = reason(result, done, prediction.verify)
    return result


def disturbance(pair: tuple[Sample, Sample]) -> float:
    """Return the per cent of a core that other programs used while two runs of a round took place; the higher one."""
    return max(sample.get("others_percent", 0.0) for sample in pair)


def reason(result: Verification, done: Report, way: str) -> str:
    """Return why a prediction is off, if the figures show it."""
    if result.others > OTHERS_PERCENT:
        return f"not decided, since other programs used {result.others:.0f} % of a core"
    if result.predicted is not None and result.low <= result.predicted <= result.high:
        return "the rounds differ by more than that"
    if way == "free-threaded":
        return "functions in C, and Python of other kinds than those measured, have another speed there"
    if done.unmeasured > 0.1:
        return f"{100 * done.unmeasured:.0f} % of the time in NumPy's functions is in calls that could not be measured"
    if done.summary.children_cpu > 0.1 * done.summary.cpu:
        return "child processes do part of the work"
    if result.error is not None and result.error > 0:
        return "it gains more than its functions measured alone, on fresh memory for example"
    return "it gains less than its functions measured alone: together they wait for memory, or find it used by others"
