"""gilkit in asyncio programs: await a function that runs in a thread, or the results of many calls as they are ready.

Cancelling a task cannot stop a thread, but it can end gilkit's calls: each function runs under a cancel token of its
own. Nothing here blocks the event loop. State that threads and the loop share is protected by a lock that is held for
microseconds, and threads reach the loop only through call_soon_threadsafe().
"""

from __future__ import annotations

import asyncio
import operator
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from contextvars import Context, copy_context
from functools import partial
from time import monotonic
from typing import Any, Literal, ParamSpec, SupportsIndex, TypeVar, overload

from gilkit._executor import use_long_slices
from gilkit._scopes import CancelToken
from gilkit.executor import Executor
from gilkit.mapping import check_pipeline, items_ahead, outcome_options, size_average

__all__ = ["aimap", "to_thread"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

MAX_LANES = 1024  # threads of all aimap iterators together
TURN = 0.0005  # seconds that an iterator keeps the event loop busy before others have their turn
READING = 0.0002  # seconds that it reads from iterables at a time; an iterable that takes longer for an item is slow
GRACE = 0.002  # seconds to wait for a result before a slow iterable is read again
CHECK_EVERY = 0.005  # seconds between two checks of the time limits of items

# The executors, by use and by nesting depth. Nested calls have threads of their own, so they never wait for the calls
# around them to end.
_executors: dict[tuple[str, int], Executor] = {}
_this_thread = threading.local()

_running: set[_Call | _Pipeline] = set()


def _begin_thread(level: int) -> None:
    _this_thread.level = level
    use_long_slices()


def _executor(use: str, max_workers: int | None) -> Executor:
    """Return the executor for calls of this thread. It starts threads when they are needed."""
    level = getattr(_this_thread, "level", 0)
    found = _executors.get((use, level))
    if found is None:
        new = Executor(max_workers, f"gilkit.{use}", _begin_thread, (level + 1,))
        found = _executors.setdefault((use, level), new)
    return found


def _end_calls() -> None:
    """End calls whose event loop is gone, since the interpreter is about to wait for their threads."""
    for each in list(_running):
        if each.loop is None or not each.loop.is_running():
            each.token.cancel()


threading._register_atexit(_end_calls)  # type: ignore[attr-defined]


def _token_in(context: Context) -> CancelToken:
    """Return a new token that ends the calls in the context."""
    token = CancelToken()
    context.run(token.__enter__)
    return token


def _tell(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *arguments: object) -> None:
    """Call the function in the loop's thread, unless the loop is closed."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise


# ---- to_thread


class _Call:
    """A function that runs in a thread, and the future that receives its result."""

    __slots__ = ("function", "loop", "token", "waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop, function: Callable[[], object], token: CancelToken) -> None:
        self.loop, self.waiter = loop, loop.create_future()
        self.function: Callable[[], object] | None = function
        self.token = token

    def run(self) -> None:
        function, self.function = self.function, None
        value: object = None
        error: BaseException | None = None
        try:
            if function is not None and not self.token.cancelled():
                value = function()
        except BaseException as raised:
            error = raised
        function = None
        _running.discard(self)
        _tell(self.loop, self.finish, value, error)
        del self, value, error  # the traceback refers to this frame

    def finish(self, value: object, error: BaseException | None) -> None:
        if self.waiter.done():
            return
        if isinstance(error, StopIteration):  # a future cannot raise it
            cause, error = error, RuntimeError("gilkit.to_thread: the function raised StopIteration")
            error.__cause__ = cause
        if error is not None:
            self.waiter.set_exception(error)
        else:
            self.waiter.set_result(value)


async def to_thread(fn: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Run a function in a thread and return its result; cancelling the task ends gilkit's calls in it.

    Parameters
    ----------
    fn : callable
        Called once. Not a coroutine function.
    *args, **kwargs
        Its arguments.

    Returns
    -------
    object
        The function's result.

    Raises
    ------
    RuntimeError
        If fn raises ``StopIteration``, or when the interpreter is exiting.

    Notes
    -----
    This is ``asyncio.to_thread`` with two differences. If the task that awaits it is
    cancelled, also by ``asyncio.timeout`` or Ctrl-C, the gilkit calls that fn has begun
    end within milliseconds and later ones fail, so the thread is soon free again. The
    task does not wait for that: do not use an ``out=`` array of a cancelled call. And the
    threads are those of a ``gilkit.Executor``, at most as many as the cores + 4 and 32,
    that all event loops share. The default executor of the loop is not used.

    The function runs in a copy of the task's context variables, so ``gilkit.threads``,
    ``gilkit.timeout`` and cancel tokens apply in it. Their exceptions are those of any
    gilkit call. It works with every event loop, also in several threads.

    Examples
    --------
    >>> import asyncio
    >>> asyncio.run(gilkit.to_thread(pow, 2, 10))
    1024
    >>> asyncio.run(asyncio.wait_for(gilkit.to_thread(gilkit.spin, 10**15), 0.01))
    Traceback (most recent call last):
    TimeoutError
    """
    context = copy_context()
    token = _token_in(context)
    call = _Call(asyncio.get_running_loop(), partial(context.run, fn, *args, **kwargs), token)
    del args, kwargs
    _running.add(call)
    try:
        future = _executor("to_thread", None).submit(call.run)
    except BaseException:
        _running.discard(call)
        raise
    try:
        result: _R = await call.waiter
        return result
    finally:
        if not call.waiter.done() or call.waiter.cancelled():
            call.waiter.cancel()
            token.cancel()
            if future.cancel():
                _running.discard(call)
        del call  # its future may have an exception, whose traceback refers to this frame


# ---- aimap


class _Cell:
    """One item, later its result or exception."""

    __slots__ = ("began", "ended", "error", "item", "late", "value")

    def __init__(self, item: Any) -> None:
        self.item, self.ended = item, False
        self.began = 0.0
        self.late = False  # its time limit was exceeded, whatever its value and error are
        self.value: Any = None
        self.error: BaseException | None = None


_ANY = _Cell(None)  # as the awaited cell


def is_replaced(error: BaseException | None) -> bool:
    """Return whether the outcome is replaced by TimeoutError, because the item ended too late."""
    return error is None or (isinstance(error, Exception) and not isinstance(error, TimeoutError))


class _Pipeline:
    """The state of an aimap iterator. Its *lanes* are calls in threads that take items, compute them, and end when
    there are none."""

    def __init__(
        self,
        fn: Callable[..., object],
        iterables: tuple[Any, ...],
        ahead: int,
        threads: int,
        chunksize: int,
        ordered: bool,
        keep_going: bool,
        seconds: float | None,
    ) -> None:
        self.fn, self.star, self.ahead, self.threads, self.chunksize = fn, len(iterables) > 1, ahead, threads, chunksize
        self.ordered, self.keep_going = ordered, keep_going
        self.seconds = seconds  # after which an item is given up
        self.context = copy_context()
        self.token = _token_in(self.context)
        self.loop: asyncio.AbstractEventLoop | None = None
        # Under the lock:
        self.lock = threading.Lock()
        self.waiting: deque[_Cell] = deque()  # for a lane
        self.running: set[_Cell] = set()  # if there is a time limit
        self.ended: deque[_Cell] = deque()  # if results are not in the order of the items
        self.lanes = 0
        self.awaited: _Cell | None = None  # the loop must be notified when it has ended
        # Of the loop's thread:
        self.iterators = [aiter(each) if hasattr(each, "__aiter__") else iter(each) for each in iterables]
        self.is_async = any(hasattr(each, "__anext__") for each in self.iterators)
        self.cells: deque[_Cell] = deque()  # if in the order of the items: from the one whose result is due
        self.held = 0  # items that were read and whose results were not given
        self.exhausted = False
        self.source_error: BaseException | None = None
        self.news: asyncio.Future[None] | None = None  # the consumer's wait
        self.room_made: asyncio.Future[None] | None = None  # the feeder's wait
        self.is_slow = False  # the iterable took long for its last item
        self.given = self.item_bytes = self.result_bytes = 0
        self.turn = monotonic()

    # ---- In threads

    def work(self) -> None:
        """Run a lane."""
        context = self.context.copy()
        chunk: list[_Cell] = []
        while chunk := self.exchange(chunk):
            context.run(self.compute, chunk)

    def exchange(self, done: list[_Cell]) -> list[_Cell]:
        """Publish the outcomes of a chunk and return the next one."""
        now = monotonic() if self.seconds is not None else 0.0
        with self.lock:
            if done and done[0].ended:  # it was given up, and another lane has replaced this one
                return []
            wakes = False
            for cell in done:
                cell.late = self.exceeds(cell, now) and is_replaced(cell.error)
                wakes |= self.publish(cell)
            chunk = [self.waiting.popleft() for _ in range(min(self.chunksize, len(self.waiting)))]
            if not chunk:
                self.lanes -= 1
            elif self.seconds is not None:
                chunk[0].began = now
                self.running.add(chunk[0])
        if wakes and self.loop is not None:
            _tell(self.loop, self.wake)
        return chunk

    def exceeds(self, cell: _Cell, now: float) -> bool:
        return self.seconds is not None and now - cell.began > self.seconds

    def publish(self, cell: _Cell) -> bool:
        """With the lock: record that the cell has its outcome. Return whether the loop must be notified."""
        cell.ended = True
        self.running.discard(cell)
        if not self.ordered:
            self.ended.append(cell)
        if self.awaited is not _ANY and self.awaited is not cell:
            return False
        self.awaited = None
        return True

    def compute(self, chunk: list[_Cell]) -> None:
        for cell in chunk:
            if self.token.cancelled():
                break
            item, cell.item = cell.item, None
            try:
                cell.value = self.fn(*item) if self.star else self.fn(item)
            except BaseException as error:
                cell.error = error
            item = None
        del chunk, cell  # the traceback of an error refers to this frame

    # ---- In the loop's thread: items

    def room(self) -> int:
        """Return how many more items may be read now."""
        bytes_each = self.item_bytes + self.result_bytes
        return items_ahead(self.ahead, self.given, self.threads + 1, bytes_each) - self.held

    def item(self, values: list[Any]) -> Any:
        """Return the item that these values of the iterables form."""
        item = tuple(values) if self.star else values[0]
        self.item_bytes = size_average(self.item_bytes, item)
        return item

    def push(self, items: list[Any]) -> None:
        """Hand items to lanes."""
        cells = [_Cell(item) for item in items]
        self.held += len(cells)
        if self.ordered:
            self.cells += cells
        with self.lock:
            self.waiting += cells
        self.start_lanes()

    def start_lanes(self) -> None:
        """Start lanes for the items that wait for one."""
        with self.lock:
            chunks = -(-len(self.waiting) // self.chunksize)
            started = min(self.threads - self.lanes, chunks)
            self.lanes += started
        for begun in range(started):
            try:
                _executor("aimap", MAX_LANES).submit(self.work)
            except BaseException:
                with self.lock:
                    self.lanes -= started - begun
                raise

    def read(self) -> bool:
        """Read items for a short while. Return whether there is room for more that were not read."""
        items: list[Any] = []
        before = monotonic()
        try:
            while len(items) < self.room():
                items.append(self.item([next(each) for each in self.iterators]))
                if monotonic() > before + READING:
                    self.is_slow = len(items) == 1
                    return True
        except StopIteration:
            self.exhausted = True
        except Exception as error:
            self.source_error, self.exhausted = error, True
        finally:
            if items:
                self.push(items)
        return False

    async def feed(self) -> None:
        """Read items of asynchronous iterables, while there is room. This is a task of its own."""
        try:
            while True:
                while self.room() <= 0:
                    self.room_made = asyncio.get_running_loop().create_future()
                    await self.room_made
                values = []
                for each in self.iterators:
                    values.append(await anext(each) if hasattr(each, "__anext__") else next(each))
                self.push([self.item(values)])
                self.wake()
                await self.take_turns()
        except (StopIteration, StopAsyncIteration):
            pass
        except BaseException as error:
            self.source_error = error
            if not isinstance(error, Exception):
                raise
        finally:
            self.exhausted = True
            self.wake()

    # ---- In the loop's thread: results

    def wake(self) -> None:
        if self.news is not None and not self.news.done():
            self.news.set_result(None)

    async def take_turns(self) -> None:
        """Let other tasks of the loop run from time to time, since there may always be a result ready."""
        if monotonic() - self.turn > TURN:
            await asyncio.sleep(0)
            self.turn = monotonic()

    def next_ended(self) -> _Cell | None:
        """Return the cell whose result is due if it has its outcome. If not, a lane will call wake()."""
        with self.lock:
            if self.ordered and self.cells:
                self.awaited = self.cells[0]
                return self.cells[0] if self.cells[0].ended else None
            self.awaited = _ANY
            return self.ended[0] if self.ended else None

    async def due(self) -> _Cell | None:
        """Return the cell whose result is due; None after the last one."""
        while True:
            given_first = self.is_slow and self.next_ended() is not None
            unread = not self.is_async and not self.exhausted and not given_first and self.read()
            await self.take_turns()
            self.news = asyncio.get_running_loop().create_future()
            if (cell := self.next_ended()) is not None:
                return cell
            if not self.held and self.exhausted:
                error, self.source_error = self.source_error, None
                try:
                    if error is not None:
                        raise error
                    return None
                finally:
                    del error  # its traceback refers to this frame
            if unread and not self.is_slow:
                await asyncio.sleep(0)
            elif unread:
                await asyncio.wait([self.news], timeout=GRACE)
            elif self.seconds is not None:
                await asyncio.wait([self.news], timeout=CHECK_EVERY)
            else:
                await self.news
            if self.seconds is not None:
                self.give_up()
            self.turn = monotonic()

    def give_up(self) -> None:
        """Give up the items whose time is over, and start other lanes in place of theirs."""
        now = monotonic()
        with self.lock:
            late = [cell for cell in self.running if self.exceeds(cell, now)]
            for cell in late:
                cell.late = True
                self.publish(cell)
            self.lanes -= len(late)
        if late:
            self.start_lanes()

    def take(self, cell: _Cell) -> Any:
        """Return the result in a cell, which keeps no reference, or raise its exception."""
        self.given += 1
        error, cell.error = cell.error, None
        if cell.late:
            error = TimeoutError("the item did not end within its timeout")
        try:
            if error is not None:
                if self.keep_going and isinstance(error, Exception):
                    return error
                raise error
        finally:
            del error  # its traceback refers to this frame
        value, cell.value = cell.value, None
        self.result_bytes = size_average(self.result_bytes, value)
        return value

    def drop(self) -> None:
        """Drop the cell whose result was given, which makes room for a new item."""
        if self.ordered:
            self.cells.popleft()
        else:
            with self.lock:
                self.ended.popleft()
        self.held -= 1
        if self.room_made is not None and not self.room_made.done():
            self.room_made.set_result(None)

    def end(self) -> None:
        """Begin no more calls, and end gilkit's calls inside those in progress."""
        self.token.cancel()
        with self.lock:
            self.waiting.clear()
            self.ended.clear()
        _running.discard(self)
        self.cells.clear()
        self.iterators = []


async def _results(pipeline: _Pipeline) -> AsyncGenerator[Any, None]:
    pipeline.loop = asyncio.get_running_loop()
    _running.add(pipeline)
    feeder = pipeline.loop.create_task(pipeline.feed()) if pipeline.is_async else None
    try:
        while (cell := await pipeline.due()) is not None:
            yield pipeline.take(cell)
            pipeline.drop()
    finally:
        pipeline.end()
        if feeder is not None:
            feeder.cancel()
            await asyncio.wait([feeder])


@overload
def aimap(
    fn: Callable[..., _R],
    *iterables: Iterable[Any] | AsyncIterable[Any],
    ahead: SupportsIndex | None = None,
    threads: SupportsIndex | None = None,
    chunksize: SupportsIndex | None = None,
    ordered: bool = True,
    on_error: Literal["raise"] = "raise",
    timeout: float | None = None,
) -> AsyncGenerator[_R, None]: ...
@overload
def aimap(
    fn: Callable[..., _R],
    *iterables: Iterable[Any] | AsyncIterable[Any],
    ahead: SupportsIndex | None = None,
    threads: SupportsIndex | None = None,
    chunksize: SupportsIndex | None = None,
    ordered: bool = True,
    on_error: Literal["return"],
    timeout: float | None = None,
) -> AsyncGenerator[_R | Exception, None]: ...


def aimap(
    fn: Callable[..., Any],
    *iterables: Iterable[Any] | AsyncIterable[Any],
    ahead: SupportsIndex | None = None,
    threads: SupportsIndex | None = None,
    chunksize: SupportsIndex | None = None,
    ordered: bool = True,
    on_error: Literal["raise", "return"] = "raise",
    timeout: float | None = None,
) -> AsyncGenerator[Any, None]:
    """Return an asynchronous iterator over ``fn(*arguments) for arguments in zip(*iterables)``.

    The calls run in threads, and results come in order, or as they are completed, each
    as soon as it is ready. Further items are computed while the consumer is busy. The event loop is never blocked
    by fn.

    Parameters
    ----------
    fn : callable
        Called in threads, for several items at the same time. Not a coroutine function.
    *iterables : iterable or asynchronous iterable
        The shortest one determines the number of calls. The event loop's thread reads
        them: an iterable that may wait for something should be an asynchronous one.
    ahead : int, optional
        Maximum number of items that are read before their results are given. Default: 64
        for each thread. Large items and results lower it: those that wait take up to 16
        MiB in all, or number one more than the threads. With ``ahead=1``, an item is read
        only when the consumer has asked for the next result.
    threads : int, optional
        Maximum number of calls at a time, 1 to 1024. Default: ``num_threads()``.
    chunksize : int, default 1
        Number of items that a thread takes at a time. Their results are given together.
        Always 1 if there is a ``timeout``.
    ordered : bool, default True
        False gives each result as soon as it is ready, even if earlier items are still in
        progress.
    on_error : {"raise", "return"}, default "raise"
        "return" gives an exception of fn as the result of its item, and goes on. Others
        than an ``Exception`` are still raised.
    timeout : float, optional
        Seconds for each item, from its beginning. Then gilkit's calls in the item raise
        ``TimeoutError``. Nothing can end other code: if the item has not ended a quarter of
        a second later, ``TimeoutError`` is its outcome, fn goes on in its thread until it
        returns, and another thread takes further items.

    Returns
    -------
    asynchronous generator
        Work begins when the first result is requested. ``aclose()``, cancelling the task
        that waits for a result, and Ctrl-C end it: gilkit's calls in the items end within
        milliseconds, and no other items begin. Nothing waits for functions in progress.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.

    Notes
    -----
    An exception of fn or of an iterable is raised when its result is due, and ends the
    iterator. The functions run in copies of the caller's context variables, so
    ``gilkit.threads``, ``gilkit.timeout`` and cancel tokens around this call apply in
    them. The iterator belongs to the event loop in which its first result is requested.

    Examples
    --------
    >>> import asyncio
    >>> async def main():
    ...     return [result async for result in gilkit.aimap(abs, range(-3, 1))]
    >>> asyncio.run(main())
    [3, 2, 1, 0]
    """
    count, most = check_pipeline("aimap", fn, iterables, ahead, threads, chunksize)
    fn, keep_going, seconds = outcome_options(fn, on_error, timeout)
    size = 1 if chunksize is None or seconds is not None else operator.index(chunksize)
    return _results(_Pipeline(fn, iterables, most, count, size, bool(ordered), keep_going, seconds))
