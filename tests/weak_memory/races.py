"""The register of races."""

from __future__ import annotations

from collections.abc import Callable

from executions import Race

RACES: list[Race] = []


def race(name: str, way: str = "", **initial: int) -> Callable[[Callable[[Race], None]], Callable[[Race], None]]:
    """Register a race under the name that a README.md of csrc gives it. The decorated function adds the threads and
    says what is forbidden. `initial` are the locations; of a location `lock__state`, the C code knows only `state`."""

    def register(build: Callable[[Race], None]) -> Callable[[Race], None]:
        made = Race(name, way, {location.replace("__", "."): value for location, value in initial.items()})
        build(made)
        RACES.append(made)
        return build

    return register
