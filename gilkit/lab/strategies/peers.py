"""Other native libraries, each if it is installed and the workload has a version for it."""

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
            return f"{workload.name} has no {self.name} version"
        return None

    def open(self, workload: Workload, threads: int) -> Contender:
        make = workload.peer(self.name)
        assert make
        with warnings.catch_warnings():
            # These concern the peer's own build, such as a missing threading layer, not the measurement.
            warnings.simplefilter("ignore")
            work = make(threads)
            work()  # compiles the code and starts the peer's threads
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
