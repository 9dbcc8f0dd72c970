"""Work distributed over a network, with credentials.

The claim: a manager shares a task queue over the network; workers on other machines take n and return n × n; a wrong
authkey is refused.

The method: today's equivalent, a Dask cluster of processes on loopback with TLS and certificates made for the run. It
runs the ten tasks, and pi by ``gilkit.pi`` in one task and in one task per worker. Then a client without TLS and one
with other certificates try to connect. The experiment needs the extra ``dask`` (pip install 'gilkit[dask]').

The rule: the *tasks* hold when the ten results are the ten squares and pi is right to 0.01. The *refusal* holds when
both outside clients were refused in every round.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence

from ..charts import Bar, Bars, Chart
from ..experiment import Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import select
from ..stats import bootstrap
from ..text import duration, plural

SAMPLES = 400_000_000
MAX_WORKERS = 8  # each is an interpreter that imports Dask
STAGES = {"start": "start the cluster", "tasks": "ten tasks", "one": "pi in one task", "parallel": "pi in all workers"}


class Distributed(Experiment):
    name = "distributed"
    title = "Workers across a network"
    claim = "A manager shares tasks over the network; workers return n × n; a wrong key is refused."
    why = "TLS admits only clients with a certificate that the cluster's own authority has signed."
    rounds = 1

    def cases(self, setting: Setting) -> list[Case]:
        workers = min(setting.threads, MAX_WORKERS)
        arguments = {"workers": workers, "samples": SAMPLES}
        return [
            Case(
                f"Dask, {plural(workers, 'worker')}, TLS",
                "cluster:cluster",
                setting.interpreters[0],
                arguments,
                "dask",
                workers,
                timed=False,
            )
        ]

    def obstacle(self) -> str | None:
        for module in ("distributed", "cryptography"):
            if importlib.util.find_spec(module) is None:
                return f"{module} is not installed: pip install 'gilkit[dask]'"
        return None

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def cell(key: str) -> Column:
            return Column(STAGES[key], lambda row, _: duration(row[key]), "time of this stage")

        return [
            *map(cell, STAGES),
            Column("π", lambda row, _: f"{row['pi']:.5f}", "what the workers computed"),
            Column(
                "outsiders refused", lambda row, _: ", ".join(refused(row)) or "none", "clients that could not connect"
            ),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        measured = select(rows, "dask")
        if not measured:
            return combine([])
        return combine([tasks(measured[0]), refusal(measured[0])])

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        bars = []
        for row in select(rows, "dask"):
            for key, label in STAGES.items():
                interval = bootstrap(row.values(key))
                bars.append(Bar(label, interval.middle, interval.low, interval.high))
        return [Bars("Time for each stage", "s", bars, log=True)]


def refused(row: Row) -> list[str]:
    """Return the kinds of outside clients that were refused in every round."""
    kinds = row.samples[0]["refused"]
    return [kind for kind in kinds if all(sample["refused"][kind] for sample in row.samples)]


def tasks(row: Row) -> Check:
    squares = [n * n for n in range(10)]
    right = all(sample["squares"] == squares and abs(sample["pi"] - math.pi) < 0.01 for sample in row.samples)
    faster = row["one"] / row["parallel"]
    return Check(
        "the tasks",
        right,
        f"Ten tasks returned {'the ten squares' if right else 'wrong results'} in {duration(row['tasks'])} "
        f"({duration(row['tasks'] / 10)} each); pi in {row.threads} tasks was {faster:.2f} times as fast as in one.",
    )


def refusal(row: Row) -> Check:
    kinds = list(row.samples[0]["refused"])
    kept = refused(row)
    let_in = [kind for kind in kinds if kind not in kept]
    return Check(
        "the refusal",
        not let_in,
        f"A client {' and one '.join(kept)} {'was' if len(kept) == 1 else 'were'} refused."
        if not let_in
        else f"A client {let_in[0]} got in.",
    )
