"""Every experiment runs briefly: each case measures, and the figures become tables and charts."""

from __future__ import annotations

import importlib.util
import json
import os

import pytest

from gilkit.lab import drawing, experiments, interpreters, runner
from gilkit.lab.experiment import Outcome, Setting
from gilkit.lab.results import Result

# These take seconds each, so they run only with --promises and when coverage is measured.
SLOW = {
    "c10k", "cpu-vs-io", "free-threaded", "isolation", "monkey-patching", "oversubscription", "pool", "prefetch", "server",
    "spawn-cost", "switch-cost", "thread-stack", "thundering-herd", "worker-memory",
}  # fmt: skip
SETTING = Setting([interpreters.running(), *interpreters.find_free_threaded()[:1]], cores=2, threads=2)


class Silent:
    """A view that shows nothing."""

    def __getattr__(self, name):
        return lambda *arguments: None


@pytest.mark.parametrize("name", experiments.names())
def test_runs_through(name, often):
    if name in SLOW and not often("COVERAGE_RUN" in os.environ, True):
        pytest.skip("takes some seconds; --promises runs it")
    experiment = experiments.get(name)
    if experiment.obstacle():
        pytest.skip(experiment.obstacle())
    result = runner.run(experiment, SETTING, Silent(), seconds=0.05, rounds=1)
    wrong = {row.label: row.error for row in result.rows if row.error and not row.error.startswith("greenlet")}
    if importlib.util.find_spec("greenlet") is None:
        wrong = {label: error for label, error in wrong.items() if "greenlet" not in error}
    assert not wrong
    assert result.verdict.text
    assert result.verdict.outcome in Outcome
    # Any result can be shown, saved and loaded.
    for column in experiment.columns(result.rows, SETTING):
        assert all(isinstance(column.show(row, result.rows), str) for row in result.rows if row.measured)
    for chart in experiment.charts(result.rows, SETTING):
        assert "<svg" in drawing.draw(chart)
    again = Result.from_json(json.loads(json.dumps(result.to_json())))
    assert again.verdict == result.verdict
    assert experiment.judge(again.rows, again.setting) == result.verdict
