"""The plain loop with gilkit.patch_numpy(): NumPy's own functions use all cores, the user's code stays as it is."""

from __future__ import annotations

import warnings
from contextlib import ExitStack

import gilkit

from ..custom import Custom
from ..errors import LabError
from ..strategy import Contender, Strategy
from ..workload import Workload


class PatchedNumPy(Strategy):
    name = "patched-numpy"
    label = "gilkit.patch_numpy"
    for_numpy = True

    def obstacle(self, workload: Workload) -> str | None:
        return None if isinstance(workload, Custom) else f"{workload.name} does not call NumPy"

    def open(self, workload: Workload, threads: int) -> Contender:
        stack = ExitStack()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            stack.enter_context(gilkit.patch_numpy())
        if not gilkit.numpy_is_patched():
            stack.close()
            raise LabError(" ".join(str(each.message) for each in caught) or "NumPy cannot be patched")
        stack.enter_context(gilkit.threads(threads))
        return Contender(lambda: workload.solve(map, 1), stack)
