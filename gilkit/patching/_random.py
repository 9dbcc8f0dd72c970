"""Random numbers of NumPy's generators in parts.

The sequence of a generator can be entered anywhere: PCG64 jumps to any word of it, and the Mersenne Twister passes over words
several times as fast as NumPy draws numbers. So several threads let NumPy's own functions draw parts of one sequence.

Most distributions need a varying number of words for an item, so a part begins at a guessed word. If that is in the middle of
an item, the first items of the part are wrong. But soon an item of the part begins at the same word as an item of the part
before it, and from there on they are the same. The wrong ones are drawn again.
"""

from __future__ import annotations

import functools
import inspect
import math
import sys
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from gilkit._signal_poll import raised_by_signal_handler
from gilkit.patching import _patch
from gilkit.patching._parts import InVain, Leave, handler
from gilkit.patching._streams import Stream, exchange_state, know_memory, read_state

MIN_DRAWN = 1 << 16
MIN_PLAIN = 1 << 14  # of what gilkit's own function draws
MIN_PLAIN_DIVIDED = 1 << 18
MERSENNE_WORDS = 624
FIRST = 1 << 10  # items that show how many words an item needs
BLOCK = (1 << 14) - 64  # items that NumPy draws at a time; from 128 KiB on, an array may be new memory each time
PART_ITEMS = 1 << 17  # of a part, which should stay in the cache until it is copied to the result
PART_ITEMS_IN_PLACE = 1 << 19  # of a part that is drawn into the result: two threads rarely share a huge page
LEAST_ITEMS = 1 << 14  # of a part, unless there are only two
MOST_ITEMS = 1 << 22  # in the buffers of all parts
PARTS_PER_THREAD = 2  # between two times at which all threads wait for each other
FEW = 1 << 14  # items that one thread draws while the others wait
LAST_MEETING = 1 << 10  # items after which a guess is given up
ALIGNED_WORDS = 64  # where each attempt needs two or four words, parts begin where an attempt begins

_DISTRIBUTIONS = [
    "beta", "binomial", "chisquare", "exponential", "f", "gamma", "geometric", "gumbel", "hypergeometric", "laplace",
    "logistic", "lognormal", "logseries", "negative_binomial", "noncentral_chisquare", "noncentral_f", "normal", "pareto",
    "poisson", "power", "rayleigh", "standard_cauchy", "standard_exponential", "standard_gamma", "standard_normal",
    "standard_t", "triangular", "uniform", "vonmises", "wald", "weibull", "zipf",
]  # fmt: skip
# RandomState draws normal numbers in pairs. Where an item needs one of them and a number of another kind, readers that begin
# in the middle of a pair rarely meet.
_RARELY_MEET = ("beta", "chisquare", "f", "gamma", "noncentral_chisquare", "noncentral_f", "standard_gamma")
_PLAIN = {"random": 1, "random_sample": 2}  # functions for which gilkit has a faster one, and the words of an item

# NumPy may call methods of other numbers, and warns of some other names of dtypes. Both may happen only once for each call.
_NUMBERS = frozenset(
    (int, float, *(kind for kind in np.sctypeDict.values() if issubclass(kind, (np.integer, np.floating))))
) - {np.timedelta64}
_DTYPES: dict[Any, np.dtype[Any]] = {
    key: np.dtype(kind)
    for kind in (np.float32, np.float64, np.int32, np.uint32, np.int64, np.uint64)
    for key in (kind, kind.__name__, np.dtype(kind).char, np.dtype(kind).str, np.dtype(kind).str[1:])
} | {kind: np.dtype(kind) for kind in (float, int, np.intc, np.uintc, np.long, np.ulong, np.longlong, np.ulonglong)}

State = dict[str, Any]


class _Reader:
    """Draws items from any place of a sequence, with a method of NumPy's generators."""

    def __init__(self, kind: Any, state: State, draw: Callable[[Any, int], np.ndarray]) -> None:
        self.stream, self._kept, self._draw = Stream(), Stream(), draw
        self.items = np.empty(0)  # of the last read()
        self.stream.start(state)
        self._generator: Any = kind(self.stream)
        self._is_legacy = "has_gauss" in state
        if self._is_legacy:
            self._generator.set_state(state)

    @property
    def gauss(self) -> State:
        """The normal number that RandomState has left, of a pair that it has drawn."""
        return self._generator.get_state(legacy=False) if self._is_legacy else {}

    @gauss.setter
    def gauss(self, state: State) -> None:
        if self._is_legacy:
            self._generator.set_state(state)

    @property
    def left(self) -> tuple[Any, ...]:
        """Whether nothing is left of what was drawn from earlier words, and what is."""
        half, gauss = self.stream.half, self.gauss
        number = gauss["gauss"] if gauss and gauss["has_gauss"] else None
        return half is None, half or 0, number is None, number or 0.0

    @property
    def place(self) -> tuple[Any, ...]:
        """All on which the next items depend. Of two readers, the one whose place is less is behind."""
        return self.stream.position, *self.left

    @property
    def state(self) -> State:
        return {**self.gauss, **self.stream.numpy_state()}

    def go_to(self, stream: Stream, gauss: State) -> None:
        self.stream.start_at(stream)
        self.gauss = gauss

    def draw(self, items: int) -> np.ndarray:
        return self._draw(self._generator, items)

    def read(self, buffer: np.ndarray, begin: Stream, gauss: State, end: int, words: float) -> None:
        """Draw the items that begin before the word `end`; each needs about this many words. If the buffer is full, do not
        draw the last ones."""
        self.go_to(begin, gauss)
        count = 0
        while (left := end - self.stream.position) > 0 and count < buffer.size:
            items = max(1, min(BLOCK, int(left / words), buffer.size - count))
            while True:
                self._kept.start_at(self.stream)
                gauss = self.gauss
                buffer[count : count + items] = self.draw(items)
                if items == 1 or self.stream.position <= end:
                    break
                self.go_to(self._kept, gauss)
                items = items * 63 // 64
            count += items
        self.items = buffer[:count]


def _meet(exact: _Reader, guess: _Reader, most: int) -> tuple[list[np.ndarray], int, bool]:
    """Let a reader that is where an item begins, and one that may be in the middle of one, draw items until they are at the same
    place. Return the items of the first one, of which there are at most `most`, how many items the other one has drawn, and
    whether they have met."""
    drawn: list[np.ndarray] = []
    skipped = 0
    place, guessed = exact.place, guess.place
    while place != guessed:
        if len(drawn) == most or skipped == LAST_MEETING:
            return drawn, skipped, False
        if place < guessed:
            drawn.append(exact.draw(1))
            place = exact.place
        else:
            guess.draw(1)
            skipped += 1
            guessed = guess.place
    return drawn, skipped, True


class _Begins:
    """The streams of several parts, each some words after the one before."""

    def __init__(self, first: Stream, number: int, words: int) -> None:
        self._number, self._words = number, words
        self.streams, self.end = self._after(first)

    def _after(self, stream: Stream) -> tuple[list[Stream], Stream]:
        streams = [stream]
        for _ in range(self._number):
            following = Stream()
            following.start_at(streams[-1])
            following.advance(self._words)
            streams.append(following)
        return streams[:-1], streams[-1]

    def find_next(self) -> None:
        """Find the streams of the parts that follow; take_next() is called when no thread uses those of now."""
        self._next = self._after(self.end)

    def take_next(self) -> None:
        self.streams, self.end = self._next


# Buffers for the items of parts, from earlier calls: the kernel would take a fifth of the time to clear new pages.
_kept: list[np.ndarray] = []
MOST_KEPT = 16  # of at most about 1 MiB each


def _take_buffer(items: int, dtype: np.dtype[Any]) -> np.ndarray:
    try:
        buffer = _kept.pop()
    except IndexError:
        buffer = np.empty(0, np.uint8)
    size = items * dtype.itemsize
    if buffer.size < size:
        buffer = np.empty(size, np.uint8)
    return buffer[:size].view(dtype)


def _keep_buffers(buffers: list[np.ndarray]) -> None:
    _kept.extend(each.base for each in buffers[: max(0, MOST_KEPT - len(_kept))] if each.base is not None)


def forget_buffers() -> None:
    """Give the memory that is kept for the next call back."""
    _kept.clear()


class _Call:
    """Fills `result` with items, most of them drawn in parts by several threads."""

    def __init__(
        self, exact: _Reader, first: np.ndarray, result: np.ndarray, new_reader: Callable[[], _Reader]
    ) -> None:
        self.exact, self.result, self.done = exact, result, first.size  # `exact` is always at the item result[done]
        result[: self.done] = first
        number = min(PARTS_PER_THREAD * max(2, _patch.threads()), max(2, result.size // LEAST_ITEMS))
        self._readers = [new_reader() for _ in range(number)]
        self._guess = new_reader()

    def fill(self) -> None:
        in_place = True
        few = min(FEW, _patch.min_items() or FEW)
        while (left := self.result.size - self.done) > few:
            self._use_what_is_left()
            mean = self.exact.stream.position / self.done
            in_place = in_place and 2 * mean == int(2 * mean)
            # The mean is not known exactly, and the parts must not have more items than are wanted.
            wanted = left if in_place else left * (1 - min(0.5, 1 / math.sqrt(self.done)))
            number = len(self._readers)
            rounds = math.ceil(
                wanted / (PART_ITEMS_IN_PLACE * number if in_place else min(MOST_ITEMS, PART_ITEMS * number))
            )
            words = int(wanted * mean / (rounds * number)) // ALIGNED_WORDS * ALIGNED_WORDS
            if words == 0:
                break
            before = self.done
            room = int(1.1 * words / mean) + 64
            buffers = [_take_buffer(room, self.result.dtype) for _ in range(0 if in_place else min(2, rounds) * number)]
            try:
                self._draw_parts(rounds, words, mean, buffers)
            finally:
                _keep_buffers(buffers)
            if self.done - before < wanted / 2 and not in_place:
                break  # the readers do not meet soon
            in_place = False
        if self.done < self.result.size:
            self.result[self.done :] = self.exact.draw(self.result.size - self.done)

    def _draw_one(self) -> None:
        self.result[self.done] = self.exact.draw(1)[0]
        self.done += 1

    def _use_what_is_left(self) -> None:
        """Let parts begin where nothing is left from earlier words, if these items use it."""
        for _ in range(min(64, self.result.size - self.done)):
            left = self.exact.left
            if left == (True, 0, True, 0.0):
                break
            self._draw_one()
            if self.exact.left == left:
                break

    def _draw_parts(self, rounds: int, words: int, mean: float, buffers: list[np.ndarray]) -> None:
        """Draw parts of some words each, until a part does not follow the one before.

        Without buffers, each part is drawn to where its items are if each needs the mean number of words. Otherwise they are
        copied when their number is known, while the next ones are drawn.
        """
        in_place = not buffers
        readers, gauss, first = self._readers, self.exact.gauss, Stream()
        first.start_at(self.exact.stream)
        end = first.position
        begins = _Begins(first, len(readers), words)
        items = int(words / mean)
        copies = list[Callable[[], object]]()
        for number in range(rounds):
            tasks: list[Callable[[], object]] = [begins.find_next] if number < rounds - 1 else []
            for k, (reader, begin) in enumerate(zip(readers, begins.streams, strict=True)):
                end += words
                place = self.done + k * items
                turn = number * len(readers) + k
                buffer = self.result[place : place + items] if in_place else buffers[turn % len(buffers)]
                tasks.append(functools.partial(reader.read, buffer, begin, gauss, end, mean))
            _run([*tasks, *copies])
            copies = []
            for reader, begin in zip(readers, begins.streams, strict=True):
                self._guess.go_to(begin, gauss)
                own = self._items_of(reader, in_place)
                if own is None:
                    _run(copies)
                    return
                if not in_place:
                    copies.append(functools.partial(np.copyto, self.result[self.done - own.size : self.done], own))
                elif own.size < items:
                    return  # the items of the parts after it are not in their places
            if number < rounds - 1:
                begins.take_next()
        _run(copies)

    def _items_of(self, reader: _Reader, in_place: bool) -> np.ndarray | None:
        """Return the items of a part that follow those before, or None if none are known to. `self._guess` is where the part
        begins."""
        drawn, skipped, have_met = _meet(self.exact, self._guess, self.result.size - self.done)
        for item in drawn:
            self.result[self.done] = item[0]
            self.done += 1
        own = reader.items[skipped:]
        if not have_met or own.size > self.result.size - self.done or (in_place and (drawn or skipped)):
            return None
        if own.size > 0:
            self.exact.go_to(reader.stream, reader.gauss)
        self.done += own.size
        return own


def _fill(state: State, result: np.ndarray, words: int) -> State:
    """Fill `result` with numbers in [0, 1) of some words each, and return the state after it."""
    stream, done, number = Stream(), 0, PARTS_PER_THREAD * _patch.threads()
    stream.start(state)
    if _patch.threads() > 1 and result.size >= (_patch.min_items() or MIN_PLAIN_DIVIDED):
        rounds = math.ceil(result.size / (PART_ITEMS_IN_PLACE * number))
        items = result.size // (rounds * number)
        begins = _Begins(stream, number, items * words)
        for k in range(rounds):
            tasks: list[Callable[[], object]] = [begins.find_next] if k < rounds - 1 else []
            for begin in begins.streams:
                tasks.append(functools.partial(begin.fill, result[done : done + items]))
                done += items
            _run(tasks)
            stream = begins.end
            if k < rounds - 1:
                begins.take_next()
    stream.fill(result[done:])
    stream.advance((result.size - done) * words)
    return {**state, "state": stream.numpy_state()["state"]}  # what is left of earlier words stays


def _run(tasks: list[Callable[[], object]]) -> None:
    _patch.run_tasks(lambda task: task(), [(task,) for task in tasks])


# ---- Calls ----


def _shape_of(size: Any, out: Any) -> tuple[int, ...]:
    """Return the shape of the result, or raise Leave if only NumPy knows it."""
    if size is None:
        if type(out) is not np.ndarray:
            raise Leave("one item")
        size = out.shape
    shape: tuple[int, ...] = size if type(size) is tuple else (size,)
    if any(type(each) is not int or not 0 <= each < sys.maxsize for each in shape):
        raise Leave("arguments")
    return shape


def _flattened(out: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return a view of an output array in the order in which NumPy fills it."""
    # `flags.num` comes first, because `flags.writeable` warns of arrays of numpy.broadcast_arrays().
    if type(out) is not np.ndarray or out.flags.num < 0 or not out.flags.behaved or not out.flags.forc:
        raise Leave("arguments")
    if out.shape != shape or out.dtype != dtype:
        raise Leave("arguments")
    return out.reshape(-1) if out.flags.c_contiguous else out.T.reshape(-1)


def _dtype(dtype: Any) -> np.dtype[Any]:
    """Return the dtype if NumPy draws each of its items separately: shorter integers are parts of one word."""
    found: np.dtype[Any] | None = dtype if isinstance(dtype, np.dtype) else None
    if isinstance(dtype, (str, type)):
        found = _DTYPES.get(dtype)
    if found is None or found.kind not in "iuf" or found.itemsize < 4 or not found.isnative:
        raise Leave("dtype")
    return found


def _is_wide(number: Any) -> bool:
    """Return whether a number may have more than 31 bits."""
    return not abs(number if type(number) is int else float(number)) < 1 << 31  # abs(numpy.int8(-128)) warns


def _draw_first(reader: _Reader, items: int) -> np.ndarray:
    """Draw items. Leave the call to NumPy if this raises an error or warns of the parameters: its messages name the caller's
    line."""
    try:
        with np.errstate(all="raise"):
            return reader.draw(items)
    except (TypeError, ValueError, ArithmeticError) as error:
        if raised_by_signal_handler(error):
            raise
        raise Leave("arguments") from None


def _hook(kind: Any, bit_generators: tuple[type, ...], name: str) -> tuple[Any, Callable[..., Any], int, int]:
    """Return a method of NumPy, its handler, from how many items on, and the index of `size` among its arguments."""
    method = vars(kind)[name]
    names = list(inspect.signature(method).parameters)[1:]
    words = _PLAIN.get(name, 0)
    least = MIN_PLAIN if words else MIN_DRAWN

    def named(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if len(args) > len(names) or not set(kwargs) <= set(names[len(args) :]):
            raise Leave("arguments")
        return dict(zip(names, args, strict=False)) | kwargs

    def size_of(generator: Any, /, *args: Any, **kwargs: Any) -> int:
        try:
            arguments = named(args, kwargs)
            items = math.prod(_shape_of(arguments.get("size"), arguments.get("out")))
        except Leave:
            return 0
        return items if items < sys.maxsize else 0

    def kind_of(generator: Any, /, *args: Any, **kwargs: Any) -> Hashable:
        try:
            return _dtype(named(args, kwargs).get("dtype", float)).char
        except Leave:
            return None

    def divide(generator: Any, /, *args: Any, **kwargs: Any) -> tuple[int, Any]:
        arguments = named(args, kwargs)
        out = arguments.pop("out", None)
        shape = _shape_of(arguments.pop("size", None), out)
        if type(generator) is not kind or type(generator._bit_generator) not in bit_generators:
            raise Leave("bit generator")
        if math.prod(shape) < (_patch.min_items() or least):
            raise Leave("too small")
        if _patch.threads() < 2 and not _patch.min_items() and not words:
            raise Leave("one thread")
        if name == "standard_gamma" and type(out) is np.ndarray and not out.flags.c_contiguous:
            raise Leave("arguments")  # unlike the other methods, it refuses the order of Fortran
        dtype = _dtype(arguments["dtype"]) if "dtype" in arguments else None
        numbers = {key: value for key, value in arguments.items() if key not in ("dtype", "method", "endpoint")}
        if not all(type(value) in _NUMBERS or (key == "high" and value is None) for key, value in numbers.items()):
            raise Leave("arguments")
        if type(arguments.get("method", "")) is not str or type(arguments.get("endpoint", False)) is not bool:
            raise Leave("arguments")
        if name == "randint" and any(_is_wide(value) for value in numbers.values() if value is not None):
            raise Leave("arguments")  # such a number may have two words, whose order is that of the compiler

        state = read_state(generator)
        if not 0 <= state["state"].get("pos", 0) <= MERSENNE_WORDS:
            raise Leave("state")  # which NumPy lets users set to anything
        try:
            if words and dtype in (None, np.float64):
                result = np.empty(shape) if out is None else out
                after = _fill(state, _flattened(result, shape, np.dtype(float)), words)
            else:

                def new_reader() -> _Reader:
                    return _Reader(kind, state, lambda own, items: method(own, **arguments, size=items))

                exact = new_reader()
                first = _draw_first(exact, min(FIRST, max(1, math.prod(shape) // 8)))
                _dtype(first.dtype)
                if exact.stream.position == 0:
                    raise Leave("arguments")  # for which no number is drawn
                result = np.empty(shape, first.dtype) if out is None else out
                call = _Call(exact, first, _flattened(result, shape, first.dtype), new_reader)
                call.fill()
                after = call.exact.state
        except MemoryError:  # NumPy needs no buffers
            raise Leave("memory") from None
        if not exchange_state(generator, state, after):
            raise InVain("used by another thread")
        return result.size, result

    return method, handler(f"{kind.__name__}.{name}", divide, 0, kind_of, size_of), least, names.index("size") + 1


def hooks() -> list[tuple[Any, Callable[..., Any], int, int]]:
    """Return what _patch.hook_function() needs for each method of NumPy's generators."""
    from numpy.random import MT19937, PCG64, PCG64DXSM, Generator, RandomState

    bit_generators = tuple(kind for kind in (PCG64, PCG64DXSM) if know_memory(kind(0)))
    return [
        *(_hook(Generator, bit_generators, name) for name in (*_DISTRIBUTIONS, "random", "integers")),
        *(_hook(RandomState, (MT19937,), name) for name in _DISTRIBUTIONS if name not in _RARELY_MEET),
        *(_hook(RandomState, (MT19937,), name) for name in ("random_sample", "randint")),
    ]
