"""Random numbers of patched NumPy equal those of NumPy, and leave the generator in the same state."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import MT19937, PCG64, PCG64DXSM, Generator, RandomState

import gilkit
from gilkit import patching
from gilkit.patching import _random

pytestmark = pytest.mark.thread_unsafe(reason="patches NumPy for the whole process")

PARAMETERS = {
    "beta": (2, 3),
    "binomial": (20, 0.3),
    "chisquare": (3,),
    "exponential": (2,),
    "f": (3, 4),
    "gamma": (0.7, 2),
    "geometric": (0.3,),
    "hypergeometric": (10, 20, 7),
    "integers": (-7, 1000),
    "logseries": (0.5,),
    "negative_binomial": (4, 0.3),
    "noncentral_chisquare": (3, 2),
    "noncentral_f": (3, 4, 2),
    "normal": (1, 2.5),
    "pareto": (2,),
    "poisson": (5,),
    "power": (2,),
    "randint": (-7, 1000),
    "standard_gamma": (2.5,),
    "standard_t": (3,),
    "triangular": (0, 1, 3),
    "uniform": (-1, 3),
    "vonmises": (0, 1),
    "wald": (1, 2),
    "weibull": (2,),
    "zipf": (2.5,),
}
MAKERS = {
    "pcg64": lambda: Generator(PCG64(5)),
    "pcg64dxsm": lambda: Generator(PCG64DXSM(5)),
    "legacy": lambda: RandomState(5),
}
METHODS = [
    (maker, name)
    for maker in MAKERS
    for name in (
        *_random._DISTRIBUTIONS,
        *(("random_sample", "randint") if maker == "legacy" else ("random", "integers")),
    )
]
ITEMS = 40_000


def state_of(generator):
    """Return the state as something that can be compared."""
    state = generator.bit_generator.state if isinstance(generator, Generator) else generator.get_state(legacy=False)
    if "gauss" in state:
        state["state"]["key"] = state["state"]["key"].tolist()
    return state


@pytest.fixture
def small_parts(monkeypatch, unpatched):
    """Draw small parts, so that there are many rounds."""
    for name in ("PART_ITEMS", "PART_ITEMS_IN_PLACE"):
        monkeypatch.setattr(_random, name, 1 << 10)
    monkeypatch.setattr(_random, "LEAST_ITEMS", 1 << 8)
    monkeypatch.setattr(_random, "FEW", 1 << 8)


def check(make, draw, threads=2, calls=None):
    """Compare a call, and the state after it, with NumPy's; return how many calls were divided."""
    expected_of, found_of = make(), make()
    expected = draw(expected_of)
    patching.collect_statistics()
    with gilkit.threads(threads), gilkit.patch_numpy(min_size=100):
        found = draw(found_of)
    divided = sum(
        each.calls for name, each in patching.statistics().items() if name.startswith(("Generator", "RandomS"))
    )
    assert type(found) is type(expected)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.strides == expected.strides
    assert found.tobytes() == expected.tobytes()
    assert state_of(found_of) == state_of(expected_of)
    return divided


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize(("maker", "name"), METHODS)
def test_every_method(maker, name, threads, small_parts):
    if threads in (1, 3) and maker == "pcg64dxsm":
        threads = 64
    arguments = PARAMETERS.get(name, ())
    divided = check(MAKERS[maker], lambda generator: getattr(generator, name)(*arguments, size=ITEMS), threads)
    assert divided == (0 if maker == "legacy" and name in _random._RARELY_MEET else 1)


def after_others(make):
    """Return a generator that has half of a word left, or one of a pair of normal numbers."""

    def made():
        generator = make()
        generator.standard_normal(3)
        if isinstance(generator, Generator):
            generator.integers(0, 5, 3, dtype=np.int32)
        else:
            generator.random_sample(5)
        return generator

    return made


@pytest.mark.parametrize(
    ("maker", "name"),
    [
        each
        for each in METHODS
        if each[1] in ("random", "random_sample", "integers", "randint", "uniform", "poisson", "wald")
    ]
    + [(maker, "standard_normal") for maker in MAKERS],
)
def test_what_is_left_of_earlier_words(maker, name, small_parts):
    arguments = PARAMETERS.get(name, ())
    assert check(after_others(MAKERS[maker]), lambda generator: getattr(generator, name)(*arguments, size=ITEMS)) == 1


CALLS = {
    "rand": lambda g: g.rand(30, 40, 20) if hasattr(g, "rand") else g.random((30, 40, 20)),
    "randn": lambda g: g.randn(30, 40, 20) if hasattr(g, "randn") else g.standard_normal((30, 40, 20)),
    "a shape": lambda g: g.normal(1, 2, (200, 100)),
    "keywords": lambda g: g.normal(size=20_000, scale=2, loc=np.float64(3)),
    "an empty shape": lambda g: g.normal(size=(0, 5_000)),
    "choice": lambda g: g.choice(1000, 20_000),
    "choice with probabilities": lambda g: g.choice(3, 20_000, p=[0.2, 0.3, 0.5]),
    "rare rejections": lambda g: (g.integers if hasattr(g, "integers") else g.randint)(
        0, (1 << 31) - (1 << 24), 20_000
    ),
}
CALLS_OF_GENERATOR = {
    "float32": lambda g: g.random(20_000, np.float32),
    "normal float32": lambda g: g.standard_normal(20_000, dtype="f"),
    "inverse": lambda g: g.standard_exponential(20_000, method="inv"),
    "gamma float32": lambda g: g.standard_gamma(2, (20_000,), np.float32),
    "int32": lambda g: g.integers(0, 100, 20_000, np.int32),
    "wide": lambda g: g.integers(-(2**62), 2**62 + 5, 20_000),
    "all of uint64": lambda g: g.integers(0, 2**64 - 1, 20_000, np.uint64, True),
    "endpoint": lambda g: g.integers(5, size=20_000, endpoint=True),
    "many rejections": lambda g: g.integers(0, (1 << 31) + 1, 20_000, np.uint32),
}
LEFT_TO_NUMPY = {
    "int8": lambda g: g.integers(0, 100, 20_000, np.int8),
    "bool": lambda g: g.integers(0, 2, 20_000, bool),
    "arrays of parameters": lambda g: g.normal(np.arange(5.0), 1, (4_000, 5)),
    "one value": lambda g: g.integers(3, 4, 20_000),
    "permutation": lambda g: g.permutation(20_000),
    "numpy integer as size": lambda g: g.random(np.int64(20_000)),
    "list as size": lambda g: g.random([200, 100]),
}


@pytest.mark.parametrize("threads", [2, 8])
@pytest.mark.parametrize(("maker", "call"), [(maker, call) for maker in MAKERS for call in CALLS])
def test_forms_of_arguments(maker, call, threads, small_parts):
    check(MAKERS[maker], CALLS[call], threads)


@pytest.mark.parametrize("call", CALLS_OF_GENERATOR)
def test_forms_of_arguments_of_generators(call, small_parts):
    for maker in ("pcg64", "pcg64dxsm"):
        assert check(MAKERS[maker], CALLS_OF_GENERATOR[call]) == 1


@pytest.mark.parametrize("call", LEFT_TO_NUMPY)
def test_calls_that_are_left_to_numpy(call, small_parts):
    assert check(MAKERS["pcg64"], LEFT_TO_NUMPY[call]) == 0


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("method", ["random", "standard_normal", "standard_exponential"])
def test_output_arrays(method, order, small_parts):
    def draw(generator, **keywords):
        out = np.full((200, 100), -1.0, order=order)
        result = getattr(generator, method)(out=out, **keywords)
        assert result is out
        return out

    assert check(MAKERS["pcg64"], draw) == 1
    assert check(MAKERS["pcg64"], lambda generator: draw(generator, size=(200, 100))) == 1
    assert (
        check(MAKERS["pcg64"], lambda generator: generator.standard_gamma(3, out=np.empty(20_000, "f"), dtype="f")) == 1
    )


class Doubled(Generator):
    def random(self, *args, **kwargs):
        return super().random(*args, **kwargs) * 2


class CountedPCG64(PCG64):
    pass


@pytest.mark.parametrize(
    "make",
    [
        lambda: Doubled(PCG64(1)),
        lambda: Generator(CountedPCG64(1)),
        lambda: Generator(np.random.Philox(1)),
        lambda: Generator(np.random.SFC64(1)),
        lambda: Generator(MT19937(1)),
    ],
)
def test_other_generators_stay_as_they_are(make, unpatched):
    expected, generator = make().random(20_000), make()
    patching.collect_statistics()
    with gilkit.patch_numpy(min_size=100):
        found = generator.random(20_000)
    assert found.tobytes() == expected.tobytes()
    assert patching.statistics()["Generator.random"].calls == 0


BAD = {
    "negative scale": lambda g: g.normal(0, -1, 20_000),
    "probability": lambda g: g.binomial(10, 2, 20_000),
    "empty range": lambda g: g.integers(5, 5, 20_000),
    "range of the dtype": lambda g: g.integers(0, 2**40, 20_000, np.int32),
    "unknown keyword": lambda g: g.normal(0, 1, 20_000, dtype="f"),
    "too many arguments": lambda g: g.exponential(1, 20_000, 3),
    "twice": lambda g: g.exponential(1, 20_000, size=20_000),
    "negative size": lambda g: g.random((-1, 20_000)),
    "huge size": lambda g: g.random((2**62, 2**62)),
    "text": lambda g: g.normal("a", 1, 20_000),
    "dtype": lambda g: g.random(20_000, dtype=np.int64),
    "no dtype": lambda g: g.random(20_000, dtype="nothing"),
    "read-only output": lambda g: g.random(out=np.broadcast_to(0.0, 20_000)),
    "dtype of the output": lambda g: g.random(out=np.empty(20_000, "f")),
    "shape of the output": lambda g: g.random(20_000, out=np.empty(20_001)),
    "strided output": lambda g: g.random(out=np.empty(40_000)[::2]),
    "output in Fortran's order": lambda g: g.standard_gamma(3, out=np.empty((200, 100), order="F")),
    "broadcast output": lambda g: g.random(out=np.broadcast_arrays(np.zeros(1), np.zeros(20_000))[0]),
    "list as output": lambda g: g.random(20_000, out=[1.0] * 20_000),
    "no generator": lambda g: Generator.random(3, 20_000),
    "no argument": lambda g: Generator.random(size=20_000),
}


@pytest.mark.parametrize("call", BAD)
def test_errors_are_those_of_numpy(call, unpatched):
    with pytest.raises(Exception) as expected:  # noqa: PT011 (any)
        BAD[call](Generator(PCG64(1)))
    generator = Generator(PCG64(1))
    before = state_of(generator)
    with gilkit.patch_numpy(min_size=100), pytest.raises(type(expected.value)) as found:
        BAD[call](generator)
    assert str(found.value) == str(expected.value)
    assert state_of(generator) == before


@given(
    items=st.integers(1, 30_000),
    part=st.integers(64, 5_000),
    seed=st.integers(0, 2**32 - 1),
    call=st.sampled_from(
        [
            ("pcg64", lambda g, n: g.standard_normal(n)),
            ("pcg64", lambda g, n: g.integers(0, 77, n)),
            ("pcg64", lambda g, n: g.random(n)),
            ("pcg64", lambda g, n: g.poisson(3, n)),
            ("legacy", lambda g, n: g.rand(n)),
            ("legacy", lambda g, n: g.randn(n)),
            ("legacy", lambda g, n: g.randint(0, 77, n)),
            ("legacy", lambda g, n: g.binomial(20, 0.4, n)),
        ]
    ),
    threads=st.integers(1, 8),
)
def test_any_size_of_parts(items, part, seed, call, threads):
    maker, draw = call
    before = {name: getattr(_random, name) for name in ("PART_ITEMS", "PART_ITEMS_IN_PLACE", "LEAST_ITEMS", "FEW")}
    try:
        for name in before:
            setattr(_random, name, part)
        make = (lambda: Generator(PCG64(seed))) if maker == "pcg64" else (lambda: RandomState(seed))
        check(make, lambda generator: draw(generator, items), threads)
    finally:
        for name, value in before.items():
            setattr(_random, name, value)


@pytest.mark.parametrize("meeting", [0, 1, 3])
def test_readers_that_do_not_meet(meeting, small_parts, monkeypatch):
    monkeypatch.setattr(_random, "LAST_MEETING", meeting)
    for maker, name in (
        ("pcg64", "poisson"),
        ("pcg64", "gamma"),
        ("legacy", "standard_t"),
        ("legacy", "standard_normal"),
    ):
        check(MAKERS[maker], lambda g, name=name: getattr(g, name)(*PARAMETERS.get(name, ()), size=ITEMS))


def test_a_rejection_after_the_first_items(small_parts, monkeypatch):
    """The first items of these calls need one word each, a later one needs more."""
    monkeypatch.setattr(_random, "FIRST", 2)
    for seed in range(10):
        check(lambda seed=seed: Generator(PCG64(seed)), lambda g: g.integers(0, 2**64 - 2**56, ITEMS, np.uint64))
        check(lambda seed=seed: RandomState(seed), lambda g: g.randint(0, 2**20 - 2**14, ITEMS))


def test_a_position_that_numpy_does_not_check(unpatched):
    generator = RandomState(1)
    generator.set_state(("MT19937", generator.get_state()[1], 625))
    patching.collect_statistics()
    with gilkit.patch_numpy(min_size=100), gilkit.threads(2):
        generator.random_sample(0)  # with more items, NumPy would read words that are not there
        handle = _random._hook(RandomState, (MT19937,), "random_sample")[1]
        assert handle(generator, 20_000) is NotImplemented


def test_buffers_are_kept_within_bounds_until_the_patch_is_removed(unpatched):
    generator = Generator(PCG64(1))
    with gilkit.patch_numpy(min_size=100), gilkit.threads(64):
        for _ in range(3):
            generator.standard_normal(3_000_000)
        with gilkit.patch_numpy():
            pass
        assert 0 < len(_random._kept) <= _random.MOST_KEPT
        assert sum(each.nbytes for each in _random._kept) < 19e6
    assert not _random._kept


def test_the_global_functions(unpatched):
    np.random.seed(3)
    expected = np.random.rand(20_000), np.random.normal(0, 1, 20_000), np.random.randint(0, 9, 20_000)
    with gilkit.patch_numpy(min_size=100):
        np.random.seed(3)
        found = np.random.rand(20_000), np.random.normal(0, 1, 20_000), np.random.randint(0, 9, 20_000)
    for one, other in zip(expected, found, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("maker", ["pcg64", "legacy"])
def test_a_generator_that_threads_share(maker, small_parts):
    """Each call takes numbers that follow each other, and no number is taken twice."""
    calls, size = 12, 3_000
    sequence = MAKERS[maker]().standard_normal(calls * size)
    expected = sorted(sequence[k * size : (k + 1) * size].tobytes() for k in range(calls))
    generator, found = MAKERS[maker](), []

    def draw():
        for _ in range(calls // 4):
            found.append(generator.standard_normal(size).tobytes())

    if maker == "legacy" and size % 2:
        pytest.fail("normal numbers come in pairs")
    with gilkit.patch_numpy(min_size=100):
        threads = [threading.Thread(target=draw) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == expected


def test_a_state_that_changed_meanwhile(small_parts, monkeypatch):
    """NumPy then draws the numbers, after those that the other caller took."""
    generator, same = Generator(PCG64(2)), Generator(PCG64(2))
    real = _random._run

    def run(tasks):
        if not taken:
            taken.append(generator.random())
        real(tasks)

    taken = []
    monkeypatch.setattr(_random, "_run", run)
    with gilkit.patch_numpy(min_size=100):
        found = generator.standard_normal(ITEMS)
    assert taken == [same.random()]
    assert found.tobytes() == same.standard_normal(ITEMS).tobytes()
    assert state_of(generator) == state_of(same)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timer signals")
@pytest.mark.parametrize("maker", ["pcg64", "legacy"])
def test_signal_handlers_that_draw(maker, small_parts):
    generator, taken, found = MAKERS[maker](), [], []
    before = signal.signal(signal.SIGALRM, lambda *args: taken.append(generator.uniform()))
    try:
        with gilkit.patch_numpy(min_size=100):
            signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
            for _ in range(50):
                found.append(generator.uniform(0, 1, 20_000))
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    drawn = np.concatenate([*found, taken])
    expected = MAKERS[maker]().uniform(0, 1, drawn.size)
    assert np.sort(drawn).tobytes() == np.sort(expected).tobytes(), "no number twice, and none lost"


def test_interrupted_calls_draw_nothing_or_all(small_parts, monkeypatch):
    class Interruption(Exception):
        pass

    generator = Generator(PCG64(2))
    before = state_of(generator)
    real = _random._run

    def run(tasks):
        real(tasks)
        raise Interruption

    monkeypatch.setattr(_random, "_run", run)
    with gilkit.patch_numpy(min_size=100), pytest.raises(Interruption):
        generator.standard_normal(ITEMS)
    assert state_of(generator) == before


class CountedFloat(float):
    """Counts how often NumPy asks for its value."""

    asked = 0

    def __float__(self):
        type(self).asked += 1
        return float.__float__(self)


WARNING = {
    "cast of an infinite number": lambda g: g.binomial(np.float16(np.nan), 0.5, 20_000),
    "cast of a large number": lambda g: g.exponential(np.longdouble("1e4000"), 20_000),
    "least integer": lambda g: (g.integers if hasattr(g, "integers") else g.randint)(np.int8(-128), 100, 20_000),
    "half precision": lambda g: (g.integers if hasattr(g, "integers") else g.randint)(np.float16(3), 100, 20_000),
    "abstract dtype": lambda g: g.integers(0, 9, 20_000, np.integer) if hasattr(g, "integers") else g.randint(9),
    "deprecated dtype": lambda g: g.random(20_000, "a") if hasattr(g, "integers") else g.random_sample(9),
}


@pytest.mark.parametrize("action", ["always", "error"])
@pytest.mark.parametrize("maker", ["pcg64", "legacy"])
@pytest.mark.parametrize("call", WARNING)
def test_warnings_are_those_of_numpy(call, maker, action, small_parts):
    """Each one comes once, and names the caller's line."""

    def outcome():
        generator = MAKERS[maker]()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter(action)
            try:
                found = WARNING[call](generator)
            except Exception as error:
                found = error
        found = found.tobytes() if isinstance(found, np.ndarray) else repr(found)
        return found, [(str(each.message), each.filename, each.lineno) for each in caught], state_of(generator)

    expected = outcome()
    with gilkit.patch_numpy(min_size=100):
        assert outcome() == expected


def test_methods_of_parameters_are_called_once(small_parts):
    parameter = CountedFloat(2)
    make = MAKERS["pcg64"]
    make().exponential(parameter, 20_000)
    asked, CountedFloat.asked = CountedFloat.asked, 0
    with gilkit.patch_numpy(min_size=100):
        make().exponential(parameter, 20_000)
    assert asked == CountedFloat.asked


@pytest.mark.parametrize(("maker", "name"), [("pcg64", "poisson"), ("pcg64", "random"), ("legacy", "poisson")])
def test_no_memory_for_buffers_leaves_the_call_to_numpy(maker, name, small_parts, monkeypatch):
    def run(tasks):
        raise MemoryError

    monkeypatch.setattr(_random, "_run", run)
    assert check(MAKERS[maker], lambda g: getattr(g, name if hasattr(g, name) else "random_sample")(size=ITEMS)) == 0


def test_errors_of_signal_handlers_are_not_taken_for_numpys(small_parts, monkeypatch):
    """A handler may raise any exception, also one that NumPy raises for bad arguments."""

    def interrupt(*args):
        raise ValueError("of the handler")

    real = _random._Reader.draw

    def draw(self, items):
        signal.raise_signal(signal.SIGINT)
        return real(self, items)

    monkeypatch.setattr(_random._Reader, "draw", draw)
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with gilkit.patch_numpy(min_size=100), pytest.raises(ValueError, match="of the handler"):
            Generator(PCG64(1)).poisson(3, ITEMS)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("maker", ["pcg64", "legacy"])
@pytest.mark.parametrize("threshold", [1, 2, 3, 5, 7])
def test_finalizers_that_draw(maker, threshold, small_parts):
    """Before Python 3.12, creating a dict may run the garbage collector, and with it Python code."""
    generator, taken, found = MAKERS[maker](), [], []
    draw = generator.random if maker == "pcg64" else generator.random_sample

    def collected(phase, info):
        if phase == "start":  # uniform() would read numpy.errstate, which CPython 3.11 cannot do while it is reset
            taken.append(draw())

    before = gc.get_threshold()
    with gilkit.patch_numpy(min_size=100):
        gc.callbacks.append(collected)
        try:
            gc.set_threshold(threshold)
            for _ in range(20):
                found.append(generator.uniform(0, 1, 3_000))
        finally:
            gc.set_threshold(*before)
            gc.callbacks.remove(collected)
    drawn = np.concatenate([*found, taken])
    expected = MAKERS[maker]().uniform(0, 1, drawn.size)
    assert np.sort(drawn).tobytes() == np.sort(expected).tobytes(), "no number twice, and none lost"
    assert gc.isenabled()


def test_pointers_of_generators_are_restored_exactly(unpatched):
    def pointers():
        # PyCFunctionObject: after the header come m_ml, m_self, m_module, m_weakreflist and vectorcall.
        word = ctypes.sizeof(ctypes.c_void_p)
        methods = [vars(kind)[name] for kind in (Generator, RandomState) for name in ("normal", "uniform")]
        return [ctypes.c_void_p.from_address(id(each) + object.__basicsize__ + 4 * word).value for each in methods]

    before = pointers()
    with gilkit.patch_numpy():
        assert all(map(int.__ne__, pointers(), before))
    assert pointers() == before


def test_numpy_random_is_hooked_when_it_is_imported(run_python):
    """NumPy imports it when it is used, and so should a patched program: a script may have a module `random` of its own."""
    output = run_python("""
        import sys
        import gilkit
        from gilkit import patching
        finders = list(sys.meta_path)
        with gilkit.patch_numpy(min_size=100):
            assert "numpy.random" not in sys.modules and "random" not in sys.modules
            import numpy as np
            patching.collect_statistics()
            np.random.default_rng(1).random(20_000)
            print(patching.statistics()["Generator.random"].calls)
            assert sys.meta_path == finders
            assert "exec_module" not in vars(np.random.__loader__)
        np.random.default_rng(1).random(20_000)
        print(patching.statistics()["Generator.random"].calls)
    """)
    assert output.split() == ["1", "1"]


def test_numpy_random_imported_after_the_patch_was_taken_back(run_python):
    output = run_python("""
        import gilkit
        from gilkit import patching
        with gilkit.patch_numpy(min_size=100):
            pass
        import numpy as np
        rng = np.random.default_rng(1)
        rng.random(20_000)
        patching.collect_statistics()
        with gilkit.patch_numpy(min_size=100):
            rng.random(20_000)
        print(patching.statistics()["Generator.random"].calls)
    """)
    assert output.split() == ["1"]


def test_a_search_for_numpy_random_does_not_lose_the_hooks(run_python):
    """Programs look for modules that they do not import, and other finders may find numpy.random."""
    output = run_python("""
        import importlib.util, sys
        import numpy as np
        import gilkit
        from gilkit import patching
        class Finder:
            def find_spec(self, name, path, target=None):
                if name == "numpy.random":
                    found.append(name)
                    return importlib.machinery.PathFinder.find_spec(name, path, target)
        found = []
        gilkit.patch_numpy(min_size=100)
        sys.meta_path.insert(1, Finder())
        finders = list(sys.meta_path)
        spec = importlib.util.find_spec("numpy.random")
        assert spec.loader.get_source("numpy.random").startswith('\"\"\"')
        assert "numpy.random" not in sys.modules
        np.random
        assert found == ["numpy.random"] * 2
        assert sys.meta_path == finders[1:]
        assert type(np.random.__loader__) is type(np.random.__spec__.loader) is type(np.linalg.__loader__)
        patching.collect_statistics()
        np.random.default_rng(1).random(20_000)
        print(patching.statistics()["Generator.random"].calls)
    """)
    assert output.split() == ["1"]


def test_an_interrupted_import_of_numpy_random_can_be_repeated(run_python):
    output = run_python("""
        import sys
        import numpy as np
        import gilkit
        from gilkit import patching
        class Finder:
            def find_spec(self, name, path, target=None):
                if name == "numpy.random._generator" and not interrupted:
                    interrupted.append(name)
                    raise KeyboardInterrupt
        interrupted = []
        gilkit.patch_numpy(min_size=100)
        sys.meta_path.insert(0, Finder())
        try:
            np.random
        except KeyboardInterrupt:
            print("interrupted")
        patching.collect_statistics()
        np.random.default_rng(1).random(20_000)
        print(patching.statistics()["Generator.random"].calls)
        patching._hook_random()
        np.random.default_rng(1).random(20_000)
        print(patching.statistics()["Generator.random"].calls)
    """)
    assert output.split() == ["interrupted", "1", "2"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_after_fork(run_python):
    run_python("""
        import os, sys
        import numpy as np
        import gilkit
        expected = np.random.default_rng(1).normal(0, 1, 300_000)
        gilkit.patch_numpy(min_size=100)
        np.random.default_rng(1).normal(0, 1, 300_000)
        child = os.fork()
        if child == 0:
            same = np.random.default_rng(1).normal(0, 1, 300_000).tobytes() == expected.tobytes()
            os._exit(0 if same else 3)
        assert os.waitpid(child, 0)[1] == 0
    """)
