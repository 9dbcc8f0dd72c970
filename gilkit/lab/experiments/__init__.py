"""The experiments, one file each; a new file in this folder is discovered automatically."""

from __future__ import annotations

from ..errors import LabError
from ..experiment import Experiment
from ..registry import modules, only_subclass

# The GIL first, then the models, their costs, and what goes wrong between threads. Files not listed here come last.
_ORDER = (
    "cpu-percent", "free-threaded", "oversubscription", "switch-interval", "preemption", "cpu-vs-io", "monkey-patching",
    "coroutine-workers", "pool", "prefetch", "spawn-cost", "switch-cost", "ipc", "worker-memory", "thread-stack",
    "server", "prefork", "thundering-herd", "c10k", "distributed", "isolation", "lost-updates", "thread-local",
    "optimistic-lock", "false-sharing", "deadlock",
)  # fmt: skip


def names() -> list[str]:
    """Return the names of all experiments, as the command line accepts them."""
    return sorted(modules(__path__), key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))


def get(name: str) -> Experiment:
    """Return the experiment called ``name``; raise LabError if there is none."""
    if name not in names():
        raise LabError(f"there is no experiment {name!r}; there are: {', '.join(names())}")
    return only_subclass(f"{__name__}.{name}", Experiment)()
