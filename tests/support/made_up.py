"""Rows of made-up figures, for the experiments to judge."""

from __future__ import annotations

from gilkit.lab import drawing, experiments
from gilkit.lab.experiment import Row, Setting
from gilkit.lab.interpreters import Interpreter

GIL = Interpreter("python3", "CPython", "3.13.0", False, True, running=True)
FREE = Interpreter("python3t", "CPython", "3.13.0", True, False)
OLD = Interpreter("python2", "CPython", "2.7.18", False, True)
SETTING = Setting([GIL, FREE, OLD], cores=2, threads=2)


def row(strategy, threads=1, interpreter=GIL, arguments=None, **sample):
    """Return a row of three equal rounds."""
    sample = {"wall": 1.0, "user": 1.0, "system": 0.0, "cpu": 1.0, "cpu_percent": 100.0} | sample
    if "each" not in sample and "count" in sample:
        sample["each"] = sample["wall"] / sample["count"]
    return Row(strategy, strategy, interpreter, threads, arguments or {}, [dict(sample) for _ in range(3)])


def judge(name, rows):
    return experiments.get(name).judge(rows, SETTING)


def disturbed(rows, percent=90.0):
    """Return the rows, marked as measured while other programs used this much of a core."""
    for each in rows:
        for sample in each.samples:
            sample["others_percent"] = percent
    return rows


def without_one(name, rows):
    """Judge and draw the rows with each one missing in turn: there is a verdict, and what was measured is shown."""
    experiment = experiments.get(name)
    for column in experiment.columns(rows, SETTING):
        assert all(isinstance(column.show(each, rows), str) for each in rows)
    for lost in range(len(rows)):
        some = rows[:lost] + rows[lost + 1 :]
        assert experiment.judge(some, SETTING).text
        drawn = [drawing.draw(chart) for chart in experiment.charts(some, SETTING)]
        assert drawn and all("nan" not in picture for picture in drawn)
