"""Reductions of groups against pandas, polars and numbagg. Results are checked outside the timed part."""

from __future__ import annotations

import numpy as np
import pytest

import gilkit

SIZES = [pytest.param(10_000, marks=pytest.mark.full), 10**6, pytest.param(10**7, marks=pytest.mark.full)]
RNG = np.random.default_rng(0)


def reduce_with(peer: str, labels: np.ndarray, values: np.ndarray, op: str):
    """Return a function that computes the reduction, as this peer's users would write it."""
    if peer == "gilkit":
        return lambda: gilkit.group_reduce(labels, values, "nan" + op, ddof=1)
    if peer == "numbagg":
        function = getattr(pytest.importorskip("numbagg"), f"group_nan{op}", None)
        if function is None:
            pytest.skip(f"numbagg has no {op}")
        return lambda: function(values, labels, axis=0)
    if peer == "pandas":
        pandas = pytest.importorskip("pandas")
        grouped = pandas.DataFrame({"label": labels, "value": values})
        return lambda: getattr(grouped.groupby("label")["value"], op)().to_numpy()
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"label": labels, "value": values})
    return lambda: frame.group_by("label").agg(getattr(polars.col("value"), op)())


@pytest.mark.parametrize("peer", ["gilkit", "numbagg", "pandas", "polars"])
@pytest.mark.parametrize("op", ["sum", "mean", "var", "min", "first", "median"])
@pytest.mark.parametrize("groups", [10, 1000, pytest.param(10**6, marks=pytest.mark.full)])
@pytest.mark.parametrize("n", SIZES)
def test_group_reduce(benchmark, n, groups, op, peer):
    labels, values = RNG.integers(0, groups, n), RNG.standard_normal(n)
    labels[: min(groups, n)] = np.arange(min(groups, n))  # each group has a value
    benchmark.group = f"{op} of {n} float64 in {groups} groups"
    result = benchmark(reduce_with(peer, labels, values, op))
    if peer == "polars":
        result = result.sort("label")["value"].to_numpy()
    np.testing.assert_allclose(result, gilkit.group_reduce(labels, values, op, ddof=1), rtol=1e-7, atol=1e-9)
