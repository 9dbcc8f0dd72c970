"""The use of the cores by other programs, which the predictions cannot account for."""

from __future__ import annotations

import os
import time

from ..runner import OTHERS_PERCENT, core_seconds

PART = 5.0  # per cent of all cores that others may use, on a machine of many cores


def limit(cores: int) -> float:
    """Return the per cent of one core from which a measurement counts as disturbed."""
    return max(OTHERS_PERCENT, PART * cores)


class Others:
    """Measures the cores that neither this process and its ended children nor the program use, from now on."""

    def __init__(self, program: float = 0.0) -> None:
        self._began = time.monotonic()
        self._before = core_seconds()[0] - own() - program

    def percent(self, program: float = 0.0) -> float:
        """Return the per cent of one core that others used, without ``program``, the CPU seconds of the program."""
        used = core_seconds()[0] - own() - program - self._before
        return max(0.0, 100 * used / max(1e-9, time.monotonic() - self._began))


def own() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system
