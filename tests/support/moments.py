"""Made-up samples of a program for the tests of ``gilkit profile``."""

from __future__ import annotations

import sys

from gilkit.lab.profile import predict, summary
from gilkit.lab.profile.loops import LoopFigures
from gilkit.lab.profile.operations import Array, Operation, Work
from gilkit.lab.profile.reader import Place
from gilkit.lab.profile.sampler import Look, Recording, Sample, State

MAIN, OTHER = 100, 101
HERE = Place("/home/u/program.py", "work", 3)
ADD = Operation("numpy.add", (Array((1000, 1000), (8000, 8), "d"),) * 2, text="a + b")
SUM = Operation(".sum", (Array((1000,), (8,), "d"),), text="a.sum()")


def look(state=State.HOLDS, thread=MAIN, stack=(HERE,), operation=None, core=0):
    return Look(thread, state, core, stack, operation)


def record(*moments, wall=None, cpu=None, **more):
    """A recording of samples of 10 ms each; each moment is a list of looks, one for each thread."""
    samples = [Sample(0.01 * (number + 1), 0.01, tuple(looks), 0.01 * number) for number, looks in enumerate(moments)]
    wall = 0.01 * len(samples) if wall is None else wall
    return Recording(
        MAIN, wall, wall if cpu is None else cpu, samples=samples, **{"version": sys.version_info[:2], **more}
    )


def predicted(found, speeds=None, cores=2, loops=(), slower=None, **options):
    figures = summary.summarize(found)
    other = slower and predict.OtherPython(dict.fromkeys(Work, slower))
    options = {"other": other, **options}
    rows = predict.predict(found, figures, loops, speeds or {}, cores, **options)
    return {row.candidate: row for row in rows}, figures


def loop(held=0.0, free=0.0, waits=0.0, obstacle="", beside=0.0, sleeps=0.0):
    return LoopFigures("/home/u/p.py", 3, "for x in y", obstacle, held, free, waits, beside, sleeps)
