"""The experiments, one file each; a file added here is found by itself."""

from __future__ import annotations

from ..errors import LabError
from ..experiment import Experiment
from ..registry import modules, only_subclass

# The GIL first, then what tasks run in, what they cost, and what goes wrong between them; a file not named here comes
# at the end.
_ORDER = (
    "cpu-percent", "free-threaded", "oversubscription", "switch-interval", "cpu-vs-io", "pool", "spawn-cost",
    "switch-cost", "ipc", "server", "distributed", "lost-updates", "thread-local", "optimistic-lock", "false-sharing",
    "deadlock",
)  # fmt: skip


def names() -> list[str]:
    """The names of all experiments, as the command line takes them."""
    return sorted(modules(__path__), key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))


def get(name: str) -> Experiment:
    """The experiment of that name. LabError when there is none."""
    if name not in names():
        raise LabError(f"there is no experiment {name!r}; there are: {', '.join(names())}")
    return only_subclass(f"{__name__}.{name}", Experiment)()
