"""parallel_for against Cython's prange (libgomp) and numba's, and the cost of the call from Python.

The benchmark compiles loops.pyx with -fopenmp; both sides run the same body. In the triangular load, item i costs i
times as much as the first, and equal shares of the range are unequal work.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from array import array
from ctypes import CFUNCTYPE, c_int64, c_void_p
from pathlib import Path

import pytest

import gilkit

THREADS = gilkit.num_threads()
BUILD = """
from Cython.Build import cythonize
from setuptools import Extension, setup
import gilkit
extension = Extension("loops", ["loops.pyx"], include_dirs=[gilkit.get_include()],
                      extra_compile_args=["-O3", "-fopenmp"], extra_link_args=["-fopenmp"])
setup(script_args=["-q", "build_ext", "--inplace"], ext_modules=cythonize([extension], quiet=True))
"""


@pytest.fixture(scope="module")
def loops(tmp_path_factory):
    pytest.importorskip("Cython")
    folder = tmp_path_factory.mktemp("loops")
    (folder / "loops.pyx").write_bytes((Path(__file__).parent / "loops.pyx").read_bytes())
    done = subprocess.run([sys.executable, "-c", BUILD], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"loops.pyx does not compile here: {done.stderr.strip().splitlines()[-1]}")
    (library,) = folder.glob("loops.*.so")
    spec = importlib.util.spec_from_file_location("loops", library)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def expected(i, cost, triangular):
    x = float(i)
    for _ in range(cost * i // 1000 if triangular else cost):
        x = x * 0.999 + 1.0
    return x


@pytest.mark.parametrize("way", ["gilkit", "static", "dynamic", "guided"])
@pytest.mark.parametrize(
    ("load", "n", "cost"),
    [
        ("balanced", 20_000, 300),
        ("balanced, short", 20_000, 3),
        ("triangular", 20_000, 30),
        ("triangular, short", 2_000, 20),
    ],
)
def test_cython(benchmark, loops, load, n, cost, way):
    benchmark.group = f"Cython: {load}"
    out, triangular = array("d", bytes(8 * n)), load.startswith("triangular")
    function = getattr(loops, f"with_{way}")
    benchmark(function, out, cost, triangular, THREADS)
    for i in range(0, n, 997):
        assert out[i] == expected(i, cost, triangular)


CALLS = 1000


@pytest.mark.benchmark(group="an empty region of one item, 1000 times")
@pytest.mark.parametrize("way", ["C", "ctypes", "numba", "Cython capsule"])
def test_empty(benchmark, loops, way):
    if way == "C":
        benchmark(loops.empty_calls, CALLS)
        return
    if way == "ctypes":
        # Pass the address of a compiled function: a callback into Python would dominate the time.
        address = numba_kernel().address
        kernel = CFUNCTYPE(None, c_int64, c_int64, c_void_p)(address)
        keep = numba_kernel()
    elif way == "numba":
        kernel = keep = numba_kernel()
    else:
        kernel = keep = capsule(numba_kernel().address)

    def calls():
        for _ in range(CALLS):
            gilkit.parallel_for(1, kernel)

    benchmark(calls)
    assert keep is not None


_kernels = []


def numba_kernel():
    numba = pytest.importorskip("numba")
    if not _kernels:
        signature = numba.types.void(numba.types.int64, numba.types.int64, numba.types.voidptr)
        _kernels.append(numba.cfunc(signature)(lambda begin, end, data: None))
    return _kernels[0]


def capsule(address):
    import ctypes

    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [c_void_p, ctypes.c_char_p, c_void_p]
    return new(address, b"void (int64_t, int64_t, void *)", None)


@pytest.mark.parametrize("way", ["gilkit", "numba prange"])
@pytest.mark.parametrize(("load", "n", "cost"), [("balanced", 20_000, 300), ("triangular", 20_000, 30)])
def test_numba(benchmark, load, n, cost, way):
    numba = pytest.importorskip("numba")
    np = pytest.importorskip("numpy")
    benchmark.group = f"numba: {load}"
    triangular = load == "triangular"
    types = numba.types

    @numba.njit(inline="always")
    def item(i):
        x = float(i)
        for _ in range(cost * i // 1000 if triangular else cost):
            x = x * 0.999 + 1.0
        return x

    @numba.cfunc(types.void(types.int64, types.int64, types.CPointer(types.float64)))
    def body(begin, end, data):
        out = numba.carray(data, end)
        for i in range(begin, end):
            out[i] = item(i)

    @numba.njit(parallel=True)
    def loop(out):
        for i in numba.prange(len(out)):
            out[i] = item(i)

    numba.set_num_threads(THREADS)
    out = np.zeros(n)
    run = (lambda: gilkit.parallel_for(n, body, out)) if way == "gilkit" else (lambda: loop(out))
    benchmark(run)
    for i in range(0, n, 997):
        assert out[i] == expected(i, cost, triangular)
