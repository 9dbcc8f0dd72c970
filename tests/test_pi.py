"""gilkit.pi: equal to the reference implementation for every instruction set and number of threads."""

import math
import subprocess
import sys
from concurrent.futures import CancelledError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gilkit
from gilkit.reference import pi as reference


def test_the_reference_is_philox():
    """kat_vectors of Random123, "philox4x32 10"."""
    assert reference.philox4x32((0, 0, 0, 0), (0, 0)) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    assert reference.philox4x32([2**32 - 1] * 4, [2**32 - 1] * 2) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)
    assert reference.philox4x32((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0)) == (
        0xD16CFE09,
        0x94FDCCEB,
        0x5001E420,
        0x24126EA1,
    )


def test_ranges_of_the_reference_add_up():
    whole = reference.inside(0, 1000, seed=3)
    for cut in (1, 2, 501, 502, 999):
        assert reference.inside(0, cut, seed=3) + reference.inside(cut, 1000, seed=3) == whole


@given(
    samples=st.integers(1, 3000),
    seed=st.sampled_from([0, 1, 2**32, 2**64 - 1]) | st.integers(0, 2**64 - 1),
    threads=st.sampled_from([None, 1, 2, 3, 8, 64]),
)
@settings(max_examples=100, deadline=None)
def test_equals_the_reference(samples, seed, threads):
    assert gilkit.pi(samples, seed=seed, threads=threads) == reference.pi(samples, seed=seed)


def test_same_for_every_isa_and_number_of_threads(isa):
    samples = 2_000_001  # many chunks, the last one of odd size
    counts = {threads: gilkit.pi(samples, seed=5, threads=threads) for threads in (1, 2, 3, 8, 64)}
    assert set(counts.values()) == {3.1411044294477852}  # computed by the reference in ten seconds
    assert [gilkit.pi(n, seed=9) for n in range(1, 200)] == [reference.pi(n, seed=9) for n in range(1, 200)]


def test_estimates_pi():
    for seed in range(5):
        assert abs(gilkit.pi(10_000_000, seed=seed) - math.pi) < 6 * 1.64 / math.sqrt(10_000_000)


class Index:
    def __index__(self):
        return 1000


def test_accepts_objects_with_an_index():
    assert gilkit.pi(Index(), seed=Index()) == reference.pi(1000, seed=1000)


@pytest.mark.parametrize(
    ("error", "name", "arguments", "keywords"),
    [
        (ValueError, "samples", (0,), {}),
        (ValueError, "samples", (-1,), {}),
        (ValueError, "samples", (2**63 + 1,), {}),
        (TypeError, "samples", (1.5,), {}),
        (TypeError, "samples", ("10",), {}),
        (TypeError, "samples", (None,), {}),
        (ValueError, "seed", (10,), {"seed": -1}),
        (ValueError, "seed", (10,), {"seed": 2**64}),
        (TypeError, "seed", (10,), {"seed": 0.0}),
        (ValueError, "threads", (10,), {"threads": 0}),
        (ValueError, "threads", (10,), {"threads": -2}),
        (TypeError, "threads", (10,), {"threads": 2.0}),
    ],
)
def test_bad_arguments_are_named(error, name, arguments, keywords):
    with pytest.raises(error, match=name):
        gilkit.pi(*arguments, **keywords)


def test_the_maximum_number_of_samples_can_be_interrupted():
    """2**63 samples are accepted and would take about a thousand years."""
    token = gilkit.CancelToken()
    token.cancel()
    with token, pytest.raises(CancelledError):
        gilkit.pi(2**63)


def test_needs_no_numpy():
    program = """
import sys
sys.modules["numpy"] = None  # importing it fails
import gilkit
print(gilkit.pi(1000, seed=7))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert float(done.stdout) == reference.pi(1000, seed=7)
