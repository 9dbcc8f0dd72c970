"""Fixtures that several tests use."""

import pytest

import gilkit
from gilkit.runtime import set_isa

LEVELS = ["scalar", "avx2", "avx512"]


@pytest.fixture(params=LEVELS)
def isa(request):
    """Runs the test once with each instruction set that this machine has."""
    before, best = gilkit.info()["isa"], gilkit.info()["isa_best"]
    if LEVELS.index(request.param) > LEVELS.index(best):
        pytest.skip(f"this machine's best is {best}")
    set_isa(request.param)
    yield request.param
    set_isa(before)
