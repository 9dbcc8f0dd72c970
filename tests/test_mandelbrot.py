"""gilkit.mandelbrot: equal to the reference implementation for every instruction set and number of threads."""

import threading
import time
from concurrent.futures import CancelledError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gilkit
from gilkit.reference import mandelbrot as reference


def equals_the_reference(width, height, **region):
    threads = region.pop("threads", None)
    image = gilkit.mandelbrot(width, height, threads=threads, **region)
    assert image.dtype == np.int32
    assert image.shape == (height, width)
    assert image.flags.c_contiguous
    assert image.flags.owndata
    np.testing.assert_array_equal(image, np.array(reference.mandelbrot(width, height, **region)))


coordinates = st.floats(-3, 3) | st.floats(-1e150, 1e150) | st.integers(-2, 2)


@given(
    width=st.integers(1, 40),
    height=st.integers(1, 9),
    x=st.tuples(coordinates, coordinates),
    y=st.tuples(coordinates, coordinates),
    max_iter=st.integers(0, 100),
    threads=st.sampled_from([None, 1, 2, 3, 8, 64]),
)
@settings(max_examples=200, deadline=None)
def test_equals_the_reference(width, height, x, y, max_iter, threads):
    equals_the_reference(width, height, x=x, y=y, max_iter=max_iter, threads=threads)


def test_every_isa(isa):
    for threads in (1, 2, 3, 8, 64):
        equals_the_reference(101, 50, max_iter=70, threads=threads)
    equals_the_reference(1, 301)
    equals_the_reference(301, 1)
    equals_the_reference(
        60, 30, x=(-0.7436438870372, -0.7436438870370), y=(0.1318259042052, 0.1318259042054), max_iter=500
    )
    # |z|^2 is close to 4 from the first step, so rounding decides.
    equals_the_reference(9, 9, x=(-2.0000000000000009, -1.9999999999999996), y=(-4e-16, 4e-16))


def test_symmetry_and_area():
    image = gilkit.mandelbrot(257, 257, max_iter=1000)
    assert image.max() == 1000
    assert image.min() == 1
    np.testing.assert_array_equal(image, image[::-1])  # 3 / 256 is exact, so positions are symmetric
    inside = image == 1000
    area = inside.mean() * 9
    assert 1.45 < area < 1.6  # the known area: 1.5066
    assert gilkit.mandelbrot(3, 3, max_iter=0).tolist() == [[0] * 3] * 3


def test_defaults():
    np.testing.assert_array_equal(
        gilkit.mandelbrot(20, 10), gilkit.mandelbrot(20, 10, x=(-2.0, 1.0), y=(-1.5, 1.5), max_iter=256)
    )


@pytest.mark.parametrize(
    ("error", "name", "arguments", "keywords"),
    [
        (ValueError, "width", (0, 1), {}),
        (ValueError, "height", (1, -5), {}),
        (ValueError, "width", (10**20, 1), {}),
        (ValueError, "width \\* height", (2**31, 2**31), {}),
        (TypeError, "width", (1.0, 1), {}),
        (TypeError, "height", (1, "1"), {}),
        (ValueError, "max_iter", (1, 1), {"max_iter": -1}),
        (ValueError, "max_iter", (1, 1), {"max_iter": 2**31}),
        (TypeError, "max_iter", (1, 1), {"max_iter": 9.5}),
        (TypeError, "x must", (1, 1), {"x": 3}),
        (TypeError, "x must", (1, 1), {"x": (1, 2, 3)}),
        (TypeError, "x must", (1, 1), {"x": ("0", "1")}),
        (TypeError, "y must", (1, 1), {"y": (1j, 2)}),
        (ValueError, "x must", (1, 1), {"x": (0, float("inf"))}),
        (ValueError, "y must", (1, 1), {"y": (float("nan"), 0)}),
        (ValueError, "y must", (1, 1), {"y": (10**400, 0)}),
        (ValueError, "x must", (1, 1), {"x": (-1.7e308, 1.7e308)}),
        (ValueError, "threads", (1, 1), {"threads": 0}),
        (TypeError, "threads", (1, 1), {"threads": "2"}),
    ],
)
def test_bad_arguments_are_named(error, name, arguments, keywords):
    with pytest.raises(error, match=name):
        gilkit.mandelbrot(*arguments, **keywords)


def test_larger_than_memory():
    with pytest.raises(MemoryError):
        gilkit.mandelbrot(2**30, 2**30)


def test_cancelled_inside_one_row():
    """The points never escape, so the call would take hours."""
    token = gilkit.CancelToken()
    timer = threading.Timer(0.1, token.cancel)
    timer.start()
    start = time.monotonic()
    with token, pytest.raises(CancelledError):
        gilkit.mandelbrot(64, 64, x=(0, 0.1), y=(0, 0.1), max_iter=2**31 - 1)
    assert time.monotonic() - start < 10
    timer.join()
