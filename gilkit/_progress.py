"""progress= of the functions that can say how far they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[int, "int | None"], object]


@contextmanager
def reporter(progress: bool | Report | None, total: int | None, what: str) -> Iterator[Report | None]:
    """What to call with (items done, items in all or None): the function that
    ``progress`` is, a bar on standard error for True, None for False."""
    if progress is None or progress is False:
        yield None
    elif callable(progress):
        yield progress
    elif progress is True:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    else:
        raise TypeError(f"progress must be True, False or a function of (done, total), not {progress!r}")
