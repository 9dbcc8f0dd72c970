"""The peers of the robustness table behind one interface. Each computes the same sum on all cores, without the GIL."""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Protocol

HERE = Path(__file__).parent


class Peer(Protocol):
    def total(self, n: int) -> int: ...  # the sum of the first n items, in parallel
    def nested(self, times: int, n: int) -> int: ...  # the same from inside `times` parallel tasks, summed
    def threads(self) -> int: ...  # the number of threads that it would use now


def compiled(*options: str) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as folder:
        library = f"{folder}/work.so"
        command = [os.environ.get("CC", "cc"), "-O2", "-std=gnu11", "-shared", "-fPIC", *options]
        subprocess.run([*command, "-o", library, str(HERE / "work.c")], check=True)
        loaded = ctypes.CDLL(library)
    for function in ("part", "total", "nested"):
        if options or function == "part":
            getattr(loaded, function).restype = ctypes.c_int64
            getattr(loaded, function).argtypes = [ctypes.c_int64] * (1 if function == "total" else 2)
    loaded.body.restype = None
    loaded.body.argtypes = [ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
    return loaded


class Gilkit:
    def __init__(self) -> None:
        import gilkit

        self.gilkit, self.library = gilkit, compiled()

    def total(self, n: int) -> int:
        total = ctypes.c_int64()
        self.gilkit.parallel_for(n, self.library.body, total)
        return total.value

    def nested(self, times: int, n: int) -> int:
        return sum(self.gilkit.map(self.total, [n] * times))

    def threads(self) -> int:
        return self.gilkit.num_threads()


class OpenMP:
    """libgomp, through a C function that ctypes calls without the GIL; Cython's prange compiles to the same code."""

    def __init__(self) -> None:
        library = compiled("-fopenmp")
        self.total, self.nested, self.threads = library.total, library.nested, library.threads


class Numba:
    def __init__(self, layer: str) -> None:
        os.environ["NUMBA_THREADING_LAYER"] = layer
        import numba

        # Explicit signatures compile eagerly and start no thread.
        @numba.njit("int64(int64)", parallel=True, nogil=True)
        def total(n):  # type: ignore[no-untyped-def]
            result = 0
            for i in numba.prange(n):
                result += (i * i ^ i >> 3) & 255
            return result

        @numba.njit("int64(int64, int64)", parallel=True, nogil=True)
        def nested(times, n):  # type: ignore[no-untyped-def]
            result = 0
            for _ in numba.prange(times):
                result += total(n)
            return result

        self.total, self.nested = total, nested

    def threads(self) -> int:
        import numba

        return int(numba.get_num_threads())


class Futures:
    """concurrent.futures.ThreadPoolExecutor, with C functions that ctypes calls without the GIL."""

    def __init__(self) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self.library = compiled()
        self.workers = len(os.sched_getaffinity(0))
        self.pool = ThreadPoolExecutor(self.workers)

    def total(self, n: int) -> int:
        cuts = [n * i // 16 for i in range(17)]
        futures = [self.pool.submit(self.library.part, *cut) for cut in pairwise(cuts)]
        return sum(future.result() for future in futures)

    def nested(self, times: int, n: int) -> int:
        return sum(self.pool.map(self.total, [n] * times))

    def threads(self) -> int:
        return self.workers


PEERS = {
    "gilkit": Gilkit,
    "libgomp": OpenMP,
    "numba workqueue": lambda: Numba("workqueue"),
    "numba omp": lambda: Numba("omp"),
    "concurrent.futures": Futures,
}
