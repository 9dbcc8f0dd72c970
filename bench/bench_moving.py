"""Moving windows against bottleneck, pandas and numbagg. Results are checked outside the timed part."""

from __future__ import annotations

import numpy as np
import pytest

import gilkit

SHAPES = [(1000,), (10**6,), (1000, 1000), pytest.param((10**7,), marks=pytest.mark.full)]
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("peer", ["gilkit", "bottleneck", "pandas", "numbagg"])
@pytest.mark.parametrize("name", ["sum", "mean", "std", "min", "median"])
@pytest.mark.parametrize("window", [10, pytest.param(100, marks=pytest.mark.full), 1000])
@pytest.mark.parametrize("shape", SHAPES)
def test_move(benchmark, shape, window, name, peer):
    a = RNG.standard_normal(shape)
    benchmark.group = f"move_{name} of {' x '.join(map(str, shape))} float64, window {window}"
    if peer == "pandas":
        if len(shape) > 1:
            pytest.skip("pandas moves windows along the first axis")
        rolling = pytest.importorskip("pandas").Series(a).rolling(window)
        function = getattr(rolling, name)
        result = benchmark(lambda: function(ddof=0) if name == "std" else function()).to_numpy()
    else:
        module = gilkit if peer == "gilkit" else pytest.importorskip(peer)
        function = getattr(module, f"move_{name}", None)
        if function is None:
            pytest.skip(f"{peer} has no move_{name}")
        keywords = {"ddof": 0} if peer == "numbagg" and name == "std" else {}
        result = benchmark(lambda: function(a, window, **keywords))
    np.testing.assert_allclose(result, getattr(gilkit, f"move_{name}")(a, window), rtol=1e-7, atol=1e-7)
