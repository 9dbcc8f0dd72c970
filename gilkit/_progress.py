"""The ``progress=`` argument of map, starmap and imap."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

Report = Callable[[int, "int | None"], object]

# A bar is drawn at most this often, in seconds.
_REDRAW = 0.1


def _is_interrupt(error: Exception) -> bool:
    from gilkit._signal_poll import raised_by_signal_handler

    return raised_by_signal_handler(error)


class _Output:
    """Standard error, ignoring its errors, because a progress display must not end the work that it shows."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.encoding: str = self.attempt(lambda: file.encoding, None) or "ascii"

    def attempt(self, call: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return call()
        except Exception as error:
            if _is_interrupt(error):
                raise
            return otherwise

    def write(self, text: str) -> int:
        encoded = self.attempt(lambda: text.encode(self.encoding, "replace").decode(self.encoding), "")
        self.attempt(lambda: self.file.write(encoded), None)
        return len(text)

    def flush(self) -> None:
        self.attempt(lambda: self.file.flush(), None)

    def isatty(self) -> bool:
        return bool(self.attempt(lambda: self.file.isatty(), False))

    def fileno(self) -> int:
        return int(self.file.fileno())


class _Bar:
    """A progress bar of rich on standard error."""

    def __init__(self, what: str, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        # Redrawn by report(), because a thread cannot always be started.
        self.bar = Progress(*columns, console=Console(file=_Output(sys.stderr)), auto_refresh=False)  # type: ignore[arg-type]
        self.task = self.bar.add_task(what, total=total)
        self.next_redraw = 0.0
        self.bar.start()

    def __call__(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        self.bar.update(self.task, completed=done, total=total, refresh=now >= self.next_redraw)
        if now >= self.next_redraw:
            self.next_redraw = now + _REDRAW


@contextmanager
def reporter(progress: bool | Report | None, total: int | None, what: str) -> Iterator[Report | None]:
    """Yield the function to call with (items done, total or None), or None for no progress.

    It is ``progress`` itself if that is callable, and draws a bar on standard error if ``progress`` is True. A bar that
    cannot be drawn is omitted."""
    if progress is None or progress is False:
        yield None
    elif callable(progress):
        yield progress
    elif progress is True:
        bar: _Bar | None = None

        def attempt(step: Callable[[], None]) -> None:
            nonlocal bar
            try:
                step()
            except Exception as error:
                broken, bar = bar, None
                if broken is not None:
                    with suppress(Exception):
                        broken.bar.stop()
                if _is_interrupt(error):
                    raise

        def begin() -> None:
            nonlocal bar
            try:
                bar = _Bar(what, total)
            except ModuleNotFoundError as error:
                warnings.warn(
                    f"progress=True draws its bar with rich, which cannot be imported ({error}); install it with "
                    "`python -m pip install rich`, or pass a function of (done, total)",
                    RuntimeWarning,
                    stacklevel=2,
                )

        def report(done: int, total: int | None) -> None:
            if bar is not None:
                shown = bar
                attempt(lambda: shown(done, total))

        if sys.stderr is not None:
            attempt(begin)
        try:
            yield report
        finally:
            if bar is not None:
                attempt(bar.bar.stop)
    else:
        raise TypeError(f"progress must be True, False or a function of (done, total), not {progress!r}")
