"""ptp and average against NumPy's own."""

import numpy as np
import pytest
from against_numpy import arrays, check, outcome
from hypothesis import given, settings
from hypothesis import strategies as st

import gilkit

AXES = st.none() | st.integers(-3, 2) | st.sampled_from([(), (0,), (0, 1), (0, 0), [0], True, 1.0, "0"])


@given(a=arrays(max_dims=3), axis=AXES, keepdims=st.booleans())
@settings(max_examples=200, deadline=None)
def test_ptp(a, axis, keepdims):
    check("ptp", a, axis, keepdims=keepdims)
    check("ptp", a, axis, None, keepdims)


@given(a=arrays(), axis=AXES, returned=st.booleans(), keepdims=st.booleans(), data=st.data())
@settings(max_examples=300, deadline=None)
def test_average(a, axis, returned, keepdims, data):
    weights = data.draw(
        st.none() | arrays() | st.sampled_from("bHif").map(lambda c: (np.arange(a.size) % 5).reshape(a.shape).astype(c))
    )
    got, _ = outcome(gilkit.average, a, axis, weights, returned, keepdims=keepdims)
    expected, _ = outcome(np.average, a, axis, weights, returned, keepdims=keepdims)
    if isinstance(expected, Exception):
        assert type(got) is type(expected)
        return
    assert type(got) is type(expected)
    for one, other in zip(got, expected, strict=True) if returned else [(got, expected)]:
        assert type(one) is type(other)
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        if np.isfinite(other).all():
            scale = np.abs(np.where(np.isfinite(a), a, 0).astype(float)).max(initial=1)
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=min(scale, 1e300) * 1e-4)


def test_long_arrays(rng):
    a, w = rng.random((1000, 300)), rng.random((1000, 300))
    for axis in (None, 0, 1, (0, 1)):
        for x, y in ((a, w), (a.T, w.T), (a.astype("f4"), w.astype("f4")), ((a * 100).astype("i4"), w)):
            np.testing.assert_allclose(gilkit.average(x, axis, y), np.average(x, axis, y), rtol=1e-5)
            np.testing.assert_allclose(gilkit.average(x, axis), np.average(x, axis), rtol=1e-5)
            check("ptp", x, axis)


def test_errors():
    with pytest.raises(ZeroDivisionError, match="sum to zero"):
        gilkit.average([1, 2], weights=[0, 0])
    with pytest.raises(TypeError, match="subtract"):
        gilkit.ptp([True, False])
    for function in (gilkit.ptp, gilkit.average):
        with pytest.raises(ValueError, match="threads must be from 1"):
            function([1, 2], threads=0)
