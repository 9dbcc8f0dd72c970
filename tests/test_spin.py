"""gilkit.spin: equal to the reference implementation."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gilkit
from gilkit.reference.spin import spin as reference


@given(st.integers(0, 200_000), st.sampled_from([1, 2, 3, 8, 64]))
def test_equals_the_reference(iterations, threads):
    assert gilkit.spin(iterations, threads=threads) == reference(iterations)


def test_large():
    assert gilkit.spin(300_000_001) == 1
    assert gilkit.spin(300_000_000, threads=3) == 0


def test_from_many_threads_at_once():
    results = []

    def call(i):
        results.append(gilkit.spin(1_000_000 + i) == i % 2)

    threads = [threading.Thread(target=call, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 16


@pytest.mark.parametrize("bad", [-1, 2**63, -(10**30)])
def test_out_of_range(bad):
    with pytest.raises(ValueError, match="iterations must be from 0 to 9223372036854775807, not"):
        gilkit.spin(bad)


@pytest.mark.parametrize("bad", [1.5, 1.0, "1", None])
def test_not_an_integer(bad):
    with pytest.raises(TypeError, match="iterations must be an integer, not"):
        gilkit.spin(bad)
