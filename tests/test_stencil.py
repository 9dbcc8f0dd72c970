"""jacobi: the same bits as a plain loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gilkit
from gilkit.reference.jacobi import jacobi as reference


def plainly(grid, iterations):
    quarter = grid.dtype.type(0.25)
    for _ in range(iterations):
        new = grid.copy()
        new[1:-1, 1:-1] = quarter * ((grid[:-2, 1:-1] + grid[2:, 1:-1]) + (grid[1:-1, :-2] + grid[1:-1, 2:]))
        grid = new
    return grid


@given(
    shape=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    iterations=st.integers(0, 40),
    seed=st.integers(0, 2**32),
    dtype=st.sampled_from(["f4", "f8"]),
)
@settings(max_examples=200, deadline=None)
def test_equals_the_plain_loop(shape, iterations, seed, dtype):
    grid = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    expected = plainly(grid, iterations)
    got = gilkit.jacobi(grid, iterations=iterations)
    assert got.dtype == grid.dtype
    np.testing.assert_array_equal(got, expected)
    out = np.empty_like(grid)
    assert gilkit.jacobi(grid, iterations=iterations, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert gilkit.jacobi(grid, iterations=iterations, out=grid) is grid
    np.testing.assert_array_equal(grid, expected)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_tiles(isa, dtype):
    for shape in [(513, 512), (1025, 530), (3, 1700), (1700, 3)]:
        grid = np.random.default_rng(0).random(shape).astype(dtype)
        for iterations in (1, 16, 17, 50):
            expected = plainly(grid, iterations)
            for threads in (1, 2, 3, 8, 64):
                np.testing.assert_array_equal(gilkit.jacobi(grid, iterations=iterations, threads=threads), expected)


def test_reference():
    grid = np.random.default_rng(1).random((9, 11))
    assert gilkit.jacobi(grid, iterations=6).tolist() == reference(grid.tolist(), iterations=6)


def test_layouts():
    grid = np.random.default_rng(2).random((60, 70))
    for view in (
        grid.T,
        grid[::-1, ::2],
        np.asfortranarray(grid),
        grid.astype(">f8"),
        np.broadcast_to(grid[0], (9, 70)),
    ):
        expected = plainly(np.ascontiguousarray(view, "f8"), 5)
        np.testing.assert_array_equal(gilkit.jacobi(view, iterations=5), expected)
        out = np.empty((view.shape[1], view.shape[0])).T
        np.testing.assert_array_equal(gilkit.jacobi(view, iterations=5, out=out), expected)
    expected = plainly(grid[1:], 3)
    gilkit.jacobi(grid[1:], iterations=3, out=grid[:-1])  # partial overlap
    np.testing.assert_array_equal(grid[:-1], expected)


def test_bad_arguments():
    grid = np.ones((4, 5))
    with pytest.raises(TypeError, match="grid must be an array of float64 or float32, not int64"):
        gilkit.jacobi(grid.astype(int), iterations=1)
    with pytest.raises(ValueError, match="grid must have two dimensions, not 1"):
        gilkit.jacobi(grid[0], iterations=1)
    with pytest.raises(ValueError, match="iterations must be from 0"):
        gilkit.jacobi(grid, iterations=-1)
    with pytest.raises(TypeError, match="iterations must be an integer"):
        gilkit.jacobi(grid, iterations=1.5)
    with pytest.raises(ValueError, match="out must have the shape"):
        gilkit.jacobi(grid, iterations=1, out=np.empty((5, 4)))
    with pytest.raises(TypeError, match="out must have the dtype"):
        gilkit.jacobi(grid, iterations=1, out=np.empty((4, 5), "f4"))
    with pytest.raises(ValueError, match="threads"):
        gilkit.jacobi(grid, iterations=1, threads=0)
