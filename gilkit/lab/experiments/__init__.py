"""The experiments, one file each; a file added here is found by itself."""

from __future__ import annotations

from ..errors import LabError
from ..experiment import Experiment
from ..registry import modules, only_subclass


def names() -> list[str]:
    """The names of all experiments, as the command line takes them."""
    return modules(__path__)


def get(name: str) -> Experiment:
    """The experiment of that name. LabError when there is none."""
    if name not in names():
        raise LabError(f"there is no experiment {name!r}; there are: {', '.join(names())}")
    return only_subclass(f"{__name__}.{name}", Experiment)()
