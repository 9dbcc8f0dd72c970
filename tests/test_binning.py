"""digitize, interp, histogramdd, histogram2d, cov and corrcoef: NumPy's bits, also for long arrays."""

import numpy as np
import pytest
from against_numpy import arrays, assert_same, check, outcome
from hypothesis import given, settings
from hypothesis import strategies as st

import gilkit

THREADS = st.sampled_from([1, 2, 3, 8, 64])
seeds = st.integers(0, 2**32 - 1)
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0]


def numbers(rng, n, dtype, kind):
    a = rng.standard_normal(n) * 3 if kind == "spread" else rng.integers(-4, 5, n) / 2
    if dtype in "fd" and kind == "special":
        a[: len(SPECIAL)] = SPECIAL[:n]
    return np.abs(a).astype(dtype) if dtype in "?BHILQ" else a.astype(dtype)


@given(seed=seeds, dtype=st.sampled_from("dddfiqBQ?"), n=st.sampled_from([0, 1, 100, 5000, 40_000]), m=st.sampled_from([0, 1, 2, 3, 5, 100, 6000]),
       kind=st.sampled_from(["spread", "few", "special"]), order=st.sampled_from([1, 1, -1, 0]), right=st.booleans(), threads=THREADS)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_digitize(seed, dtype, n, m, kind, order, right, threads):
    rng = np.random.default_rng(seed)
    x = numbers(rng, n, dtype, kind if n > 9 else "few")
    bins = numbers(rng, m, rng.choice(list("dfiq")), "few" if kind == "special" else kind)
    bins = np.sort(bins)[::order] if order else bins
    with gilkit.threads(threads):
        check("digitize", x.reshape(-1, 20) if n > 99 else x, bins, right)


@given(seed=seeds, dtype=st.sampled_from("dddfiqB"), n=st.sampled_from([0, 1, 100, 5000, 40_000]), m=st.sampled_from([0, 1, 2, 3, 4, 5, 100, 6000]),
       kind=st.sampled_from(["spread", "few", "special"]), threads=THREADS,
       keywords=st.sampled_from([{}, {}, {"left": -7}, {"right": 2.5, "left": np.nan}, {"period": 2.5}, {"period": -1}, {"period": 0},
                                 {"left": 1j}, {"left": "x"}]))  # fmt: skip
@settings(max_examples=250, deadline=None)
def test_interp(seed, dtype, n, m, kind, threads, keywords):
    rng = np.random.default_rng(seed)
    x = numbers(rng, n, dtype, kind if n > 9 else "few")
    xp = np.sort(numbers(rng, m, rng.choice(list("dfi")), "few" if kind == "few" else "spread"))
    fp = numbers(rng, m, rng.choice(list("dfi")), kind if m > 9 else "spread")
    with gilkit.threads(threads), np.errstate(all="ignore"):
        check("interp", x.reshape(-1, 20)[::-1] if n > 99 else x, xp, fp, **keywords)
        check("interp", x, xp, fp[:-1], **keywords)
        check("interp", x, xp, fp * 1j, **{k: v for k, v in keywords.items() if k == "period"})


INF = np.inf


@pytest.mark.parametrize(
    "fp",
    [
        [0, INF, INF, 1, -INF, 2],
        [INF, INF, INF, 0, INF, -INF],
        [-INF, -INF, 3, INF, np.nan, INF],
        [1e308, -1e308, 1e308, INF, 0, -INF],
    ],
)
@pytest.mark.parametrize("xp", [[0, 1, 2, 3, 4, 5], [0, 1, 2, INF, INF, INF]])
def test_interp_between_infinite_values(xp, fp):
    """A line that is not a number from one end may be one from the other end."""
    x = np.linspace(-1, 6, 1001)
    with np.errstate(all="ignore"):
        check("interp", x, np.array(xp, float), np.array(fp))


@pytest.mark.parametrize("points", ["distinct", "equal", "nan"])
def test_interp_with_many_points_in_a_period(points, rng):
    x, xp, fp = rng.random(3000) * 9 - 4, rng.random(50_000) * 20, rng.random(50_000)
    if points == "equal":
        xp[::100] = xp[7]
    if points == "nan":
        xp[::1000] = np.nan
    check("interp", x, xp, fp, period=1.5)


BINS = [10, 1, 4, [3, 4, 5], [3, 4], [[-1, 0, 2], 5, np.linspace(-3, 3, 8)], [[-1, 0, 2], [0.0, 1.5]], [2, [3, 1], 4], 0, 2.5, "auto", [1, 2, 3, 4],
        np.linspace(-2, 2, 9), [300, 300], [30, 40, 50]]  # fmt: skip
RANGES = [
    None,
    None,
    [None, (-1, 1), None],
    [(-1, 1)] * 3,
    [(0, 1), (0, 2)],
    [(1, 0)] * 3,
    [(0, np.inf)] * 3,
    [(1, 1)] * 2,
]


def same_histograms(got, expected):
    if isinstance(expected, Exception):
        assert type(got) is type(expected), (got, expected)
        return
    assert_same(got[0], expected[0])
    assert len(got) == len(expected)
    for mine, theirs in zip(got[1:], expected[1:], strict=True):
        assert type(mine) is type(theirs)
        for a, b in zip(mine, theirs, strict=True) if isinstance(mine, (list, tuple)) else [(mine, theirs)]:
            assert_same(a, b)


@given(seed=seeds, dtypes=st.lists(st.sampled_from("dddfihBq"), min_size=3, max_size=3), n=st.sampled_from([0, 1, 100, 5000, 150_000]),
       kind=st.sampled_from(["spread", "few", "special"]), bins=st.sampled_from(BINS), outer=st.sampled_from(RANGES),
       density=st.sampled_from([None, False, True]), weights=st.sampled_from([None, None, "d", "f", "i", "D", "short"]), threads=THREADS)  # fmt: skip
@settings(max_examples=250, deadline=None)
def test_histograms(seed, dtypes, n, kind, bins, outer, density, weights, threads):
    rng = np.random.default_rng(seed)
    columns = [numbers(rng, n, dtype, kind if n > 9 else "few") for dtype in dtypes]
    if kind == "special" and outer is None:
        columns = [np.nan_to_num(a, posinf=3, neginf=-3) for a in columns]
    w = None if weights is None else numbers(rng, n, "d" if weights == "short" else weights, "spread")
    w = w[: n // 2] if weights == "short" else w
    with gilkit.threads(threads), np.errstate(all="ignore"):
        for sample in (columns, np.stack(columns, 1), np.stack(columns), columns[:2]):
            if len(np.shape(sample)) == 2 and np.shape(sample)[0] == 3 and isinstance(sample, np.ndarray) and n > 100:
                continue  # 3 items in many dimensions
            args = (sample, bins, outer, density, w)
            same_histograms(outcome(gilkit.histogramdd, *args)[0], outcome(np.histogramdd, *args)[0])
        args = (*columns[:2], bins, outer, density, w)
        same_histograms(outcome(gilkit.histogram2d, *args)[0], outcome(np.histogram2d, *args)[0])


def test_histograms_of_other_arguments():
    x = np.random.default_rng(1).random((5000, 2))
    same_histograms(gilkit.histogramdd(x.astype(np.float16), 3), np.histogramdd(x.astype(np.float16), 3))
    same_histograms(gilkit.histogram2d(x[:, 0].tolist(), x[:, 1].tolist(), 3), np.histogram2d(x[:, 0], x[:, 1], 3))
    wide = (x * 2**62).astype(np.int64)
    same_histograms(gilkit.histogramdd(wide, 3), np.histogramdd(wide, 3))
    narrow = 1e15 + x
    same_histograms(gilkit.histogramdd(narrow, 300), np.histogramdd(narrow, 300))
    for call in (lambda: gilkit.histogramdd(x, 0), lambda: gilkit.histogram2d(x[:, 0], x[:-1, 1]), lambda: gilkit.interp(x[0], x[0], x[0], threads=0),
                 lambda: gilkit.digitize(x[0], [1], threads=0), lambda: gilkit.histogramdd(x, threads=0), lambda: gilkit.cov(x, threads=0),
                 lambda: gilkit.corrcoef(x, threads=0), lambda: gilkit.histogram2d([1], [2], threads=0)):  # fmt: skip
        with pytest.raises(ValueError):  # noqa: PT011 - each has a message of its own
            call()


@pytest.mark.parametrize("name", ["bins", "range"])
@pytest.mark.parametrize("function", ["histogramdd", "histogram2d"])
def test_histograms_do_not_read_iterators(function, name):
    x = np.random.default_rng(1).random(5000)
    sample = ([x, x],) if function == "histogramdd" else (x, x)
    for make in (lambda: iter([3, 4]), lambda: (each for each in [(0, 1), (0, 2)])):
        with pytest.raises(TypeError) as numpys:
            getattr(np, function)(*sample, **{name: make()})
        with pytest.raises(TypeError) as error:
            getattr(gilkit, function)(*sample, **{name: make()})
        assert str(error.value) == str(numpys.value)


@pytest.mark.parametrize("name", ["cov", "corrcoef"])
@given(seed=seeds, shape=st.sampled_from([(3,), (70_000,), (2, 40_000), (40_000, 3), (300, 300), (1, 70_000), (2, 2, 20_000)]), rowvar=st.booleans(),
       layout=st.sampled_from(["C", "F", "reversed", "list"]), dtype=st.sampled_from("ddddfiD"), second=st.sampled_from([None, None, "same", "row", "short"]),
       keywords=st.sampled_from([{}, {}, {"ddof": 0}, {"ddof": 3}, {"bias": True}, {"ddof": 1.5}, {"ddof": 10**6}, {"dtype": np.float32}]), threads=THREADS)  # fmt: skip
@settings(max_examples=120, deadline=None)
def test_covariances(name, seed, shape, rowvar, layout, dtype, second, keywords, threads):
    rng = np.random.default_rng(seed)
    m = (rng.standard_normal(shape) * 9).astype(dtype)
    m = np.asfortranarray(m) if layout == "F" else m[::-1] if layout == "reversed" else m
    y = {"same": m, "row": m[:1] if m.ndim == 2 else m, "short": m[..., :-1], None: None}[second]
    if not rowvar and max(shape) > 1000 and m.ndim > 1 and m.shape[-1] > 1000:
        rowvar = True  # a matrix of all observations would not fit into memory
    if rowvar and m.ndim > 1 and m.shape[0] > 1000:
        rowvar = False
    if not rowvar and second in ("row", "short") and m.ndim > 1:
        y = m
    if name == "corrcoef":
        keywords = {key: value for key, value in keywords.items() if key == "dtype"}
    if layout == "list" and m.size < 100:
        m = m.tolist()
    with gilkit.threads(threads):
        check(name, m, y, rowvar, **keywords)


def test_weighted_covariances():
    m = np.random.default_rng(1).standard_normal((2, 40_000))
    check("cov", m, fweights=np.arange(40_000), aweights=np.linspace(0, 1, 40_000))
    check("cov", np.ma.masked_array(m[0, :9], m[0, :9] > 0))
    check("cov", m.view(np.matrix))
    check("cov", np.where(m > 3, np.nan, m))
    check("corrcoef", np.zeros((2, 40_000)))


@given(a=arrays(max_dims=2))
@settings(max_examples=60, deadline=None)
def test_short_arrays(a):
    with np.errstate(all="ignore"):
        check("digitize", a, [0, 1, 2])
        check("interp", a, [0, 1, 2], [3, 1, 4])
        check("cov", a)
        check("corrcoef", a)


def test_a_timeout_ends_the_call():
    x = np.random.default_rng(1).random(3_000_000)
    for call in (
        lambda: gilkit.interp(x, [0, 1], [0, 1]),
        lambda: gilkit.digitize(x, x[:1] * [1, 2]),
        lambda: gilkit.histogram2d(x, x),
    ):
        with pytest.raises(TimeoutError), gilkit.timeout(1e-4):
            call()
