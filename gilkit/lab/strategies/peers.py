"""Other native ways to the same result, each where it is installed and the workload has a side for it."""

from __future__ import annotations

import importlib.util
import warnings

from ..strategy import Contender, Strategy
from ..workload import Workload


class _Peer(Strategy):
    any_function = False

    def obstacle(self, workload: Workload) -> str | None:
        if importlib.util.find_spec(self.name) is None:
            return f"{self.name} is not installed"
        if workload.peer(self.name) is None:
            return f"{workload.name} has no {self.name} form"
        return None

    def open(self, workload: Workload, threads: int) -> Contender:
        make = workload.peer(self.name)
        assert make
        with warnings.catch_warnings():
            # About the peer's own build (a threading layer that is missing, say), not about what is measured.
            warnings.simplefilter("ignore")
            work = make(threads)
            work()  # compiles, and starts the peer's threads
        return Contender(work)


class NumPy(_Peer):
    name = "numpy"
    label = "NumPy"
    parallel = False


class Numba(_Peer):
    name = "numba"
    label = "numba"


class NumExpr(_Peer):
    name = "numexpr"
    label = "numexpr"
