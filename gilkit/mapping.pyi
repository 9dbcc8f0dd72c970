from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from typing import Any, Literal, SupportsIndex, TypeVar, TypeVarTuple, overload

_A = TypeVar("_A")
_B = TypeVar("_B")
_C = TypeVar("_C")
_R = TypeVar("_R")
_Arguments = TypeVarTuple("_Arguments")
_Count = SupportsIndex | None
_Progress = bool | Callable[[int, int | None], object] | None

@overload
def map(
    fn: Callable[[_A], _R],
    iterable: Iterable[_A],
    /,
    *,
    threads: _Count = None,
    chunksize: _Count = None,
    progress: _Progress = False,
) -> list[_R]: ...
@overload
def map(
    fn: Callable[[_A, _B], _R],
    iterable: Iterable[_A],
    iterable2: Iterable[_B],
    /,
    *,
    threads: _Count = None,
    chunksize: _Count = None,
    progress: _Progress = False,
) -> list[_R]: ...
@overload
def map(
    fn: Callable[[_A, _B, _C], _R],
    iterable: Iterable[_A],
    iterable2: Iterable[_B],
    iterable3: Iterable[_C],
    /,
    *,
    threads: _Count = None,
    chunksize: _Count = None,
    progress: _Progress = False,
) -> list[_R]: ...
@overload
def map(
    fn: Callable[..., _R],
    iterable: Iterable[Any],
    iterable2: Iterable[Any],
    iterable3: Iterable[Any],
    iterable4: Iterable[Any],
    /,
    *iterables: Iterable[Any],
    threads: _Count = None,
    chunksize: _Count = None,
    progress: _Progress = False,
) -> list[_R]: ...
@overload
def starmap(
    fn: Callable[[*_Arguments], _R],
    iterable: Iterable[tuple[*_Arguments]],
    *,
    threads: _Count = None,
    chunksize: _Count = None,
    progress: _Progress = False,
) -> list[_R]: ...
@overload
def starmap(
    fn: Callable[..., _R],
    iterable: Iterable[list[Any] | str | bytes],
    *,
    threads: _Count = None,
    chunksize: _Count = None,
    progress: _Progress = False,
) -> list[_R]: ...
@overload
def imap(
    fn: Callable[[_A], _R],
    iterable: Iterable[_A],
    /,
    *,
    ahead: _Count = None,
    threads: _Count = None,
    chunksize: _Count = None,
    progress: _Progress = False,
    ordered: bool = True,
    on_error: Literal["raise"] = "raise",
    timeout: float | None = None,
) -> Generator[_R]: ...
@overload
def imap(
    fn: Callable[[_A, _B], _R],
    iterable: Iterable[_A],
    iterable2: Iterable[_B],
    /,
    *,
    ahead: _Count = None,
    threads: _Count = None,
    chunksize: _Count = None,
    progress: _Progress = False,
    ordered: bool = True,
    on_error: Literal["raise"] = "raise",
    timeout: float | None = None,
) -> Generator[_R]: ...
@overload
def imap(
    fn: Callable[[_A, _B, _C], _R],
    iterable: Iterable[_A],
    iterable2: Iterable[_B],
    iterable3: Iterable[_C],
    /,
    *,
    ahead: _Count = None,
    threads: _Count = None,
    chunksize: _Count = None,
    progress: _Progress = False,
    ordered: bool = True,
    on_error: Literal["raise"] = "raise",
    timeout: float | None = None,
) -> Generator[_R]: ...
@overload
def imap(
    fn: Callable[..., _R],
    iterable: Iterable[Any],
    iterable2: Iterable[Any],
    iterable3: Iterable[Any],
    iterable4: Iterable[Any],
    /,
    *iterables: Iterable[Any],
    ahead: _Count = None,
    threads: _Count = None,
    chunksize: _Count = None,
    progress: _Progress = False,
    ordered: bool = True,
    on_error: Literal["raise"] = "raise",
    timeout: float | None = None,
) -> Generator[_R]: ...
@overload
def imap(
    fn: Callable[[_A], _R],
    iterable: Iterable[_A],
    /,
    *,
    ahead: _Count = None,
    threads: _Count = None,
    chunksize: _Count = None,
    progress: _Progress = False,
    ordered: bool = True,
    on_error: Literal["return"],
    timeout: float | None = None,
) -> Generator[_R | Exception]: ...
@overload
def imap(
    fn: Callable[[_A, _B], _R],
    iterable: Iterable[_A],
    iterable2: Iterable[_B],
    /,
    *,
    ahead: _Count = None,
    threads: _Count = None,
    chunksize: _Count = None,
    progress: _Progress = False,
    ordered: bool = True,
    on_error: Literal["return"],
    timeout: float | None = None,
) -> Generator[_R | Exception]: ...
@overload
def imap(
    fn: Callable[[_A, _B, _C], _R],
    iterable: Iterable[_A],
    iterable2: Iterable[_B],
    iterable3: Iterable[_C],
    /,
    *,
    ahead: _Count = None,
    threads: _Count = None,
    chunksize: _Count = None,
    progress: _Progress = False,
    ordered: bool = True,
    on_error: Literal["return"],
    timeout: float | None = None,
) -> Generator[_R | Exception]: ...
@overload
def imap(
    fn: Callable[..., _R],
    iterable: Iterable[Any],
    iterable2: Iterable[Any],
    iterable3: Iterable[Any],
    iterable4: Iterable[Any],
    /,
    *iterables: Iterable[Any],
    ahead: _Count = None,
    threads: _Count = None,
    chunksize: _Count = None,
    progress: _Progress = False,
    ordered: bool = True,
    on_error: Literal["return"],
    timeout: float | None = None,
) -> Generator[_R | Exception]: ...
def check_pipeline(
    what: str, fn: object, iterables: tuple[object, ...], ahead: _Count, threads: _Count, chunksize: _Count
) -> tuple[int, int]: ...
def items_ahead(ahead: int, given: int, fewest: int, bytes_each: int) -> int: ...
def size_average(before: int, object: object) -> int: ...

GRACE: float

def within(limit: AbstractContextManager[object], fn: Callable[..., _R], *arguments: Any) -> _R: ...
def outcome_options(
    fn: Callable[..., _R], on_error: object, timeout: object
) -> tuple[Callable[..., _R], bool, float | None]: ...
