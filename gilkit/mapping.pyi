from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_R = TypeVar("_R")

def map(
    fn: Callable[..., _R],
    *iterables: Iterable[object],
    threads: int | None = None,
    chunksize: int | None = None,
    progress: bool | Callable[[int, int | None], object] = False,
) -> list[_R]: ...
def starmap(
    fn: Callable[..., _R],
    iterable: Iterable[Iterable[object]],
    *,
    threads: int | None = None,
    chunksize: int | None = None,
    progress: bool | Callable[[int, int | None], object] = False,
) -> list[_R]: ...
def imap(
    fn: Callable[..., _R],
    *iterables: Iterable[object],
    ahead: int | None = None,
    threads: int | None = None,
    chunksize: int | None = None,
    progress: bool | Callable[[int, int | None], object] = False,
) -> Iterator[_R]: ...
