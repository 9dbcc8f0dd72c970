"""Which operation a thread is in: a call of NumPy with its arrays, or another call of a function in C.

The bytecode of the innermost call says which instruction runs and where the interpreter keeps its operands. They are read
from the program's memory; nothing is called in the program. The source, which must be readable here and be compiled by
the same version of Python, gives names and keywords.
"""

from __future__ import annotations

import ast
import dis
import os
import struct
import sys
import sysconfig
import types
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from ..text import shorten_middle
from .memory import Unreadable
from .reader import Code, Frame, Place, Reader

LARGEST_SOURCE = 4 << 20
TEXT = 72  # characters of source that are kept
ITEMS = 8  # of a tuple or list that are read
LONGEST_TEXT = 40  # of a string that is kept: the names of dtypes, methods and axes are short
MOST_DIMENSIONS = 64
LARGE_BLOCK = 1 << 20  # bytes; allocators keep the memory of smaller blocks

BINARY = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "true_divide", "//": "floor_divide", "%": "remainder",
    "**": "power", "@": "matmul", "&": "bitwise_and", "|": "bitwise_or", "^": "bitwise_xor", "<<": "left_shift",
    ">>": "right_shift", "[]": "[]",
}  # fmt: skip
COMPARED = {"<": "less", "<=": "less_equal", "==": "equal", "!=": "not_equal", ">": "greater", ">=": "greater_equal"}
UNARY = {"UNARY_NEGATIVE": "negative", "UNARY_INVERT": "invert", "UNARY_POSITIVE": "positive"}
RANDOM = "numpy.random."
GENERATORS = ("numpy.random._generator.Generator", "numpy.random.mtrand.RandomState")
GENERATOR = 0x2A0  # flags of code: a generator, a coroutine, or an asynchronous generator
STOPS = {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "JUMP_FORWARD", "INTERPRETER_EXIT"}


class Array(NamedTuple):
    """An array's layout. ``type`` is the character of NumPy's dtype."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    type: str

    @property
    def size(self) -> int:
        found = 1
        for length in self.shape:
            found *= length
        return found


class Scalar(NamedTuple):
    value: float | int | bool | str | None


class Type(NamedTuple):
    """A class, such as numpy.float32 or float."""

    name: str


class Items(NamedTuple):
    kind: str  # tuple, list, or slice
    values: tuple[Any, ...]


class Other(NamedTuple):
    """An object that is not read, by the name of its type. ``size`` is the length of bytes."""

    type: str
    size: int = 0


Value = Array | Scalar | Type | Items | Other


class Operation(NamedTuple):
    """A call in C that a thread is in.

    ``name`` is ``numpy.sqrt`` for a function of NumPy, ``numpy.random.Generator.normal`` for a method of such an object, ``.sum``
    for a method of an array, whose first operand it is, and ``[]`` for a subscript. An operator that makes a large block of bytes is called ``bytes``. Methods of other types have
    the name of the type, such as ``_hashlib.HASH.update``. Other calls have the name that the source gives them, and no
    operands but large blocks of bytes.
    """

    name: str
    operands: tuple[Value, ...] = ()
    keywords: tuple[tuple[str, Value], ...] = ()
    in_place: bool = False
    text: str = ""

    @property
    def arrays(self) -> list[Array]:
        listed = [each.values if isinstance(each, Items) else (each,) for each in self.operands]
        return [each for values in listed for each in values if isinstance(each, Array)]

    @property
    def block(self) -> bool:
        """Whether it works on a large block of bytes, or makes one."""
        return self.name == "bytes" or any(map(large, self.operands))

    @property
    def numpys(self) -> bool:
        """Whether it is a call of NumPy that could be repeated with other arrays of this layout."""
        return self.name.startswith(RANDOM) or (self.name.startswith(("numpy.", ".", "[")) and bool(self.arrays))


def large(value: Value) -> bool:
    """Whether an object is a large block of bytes."""
    return isinstance(value, Other) and value.size >= LARGE_BLOCK


# ---- Source


class Source:
    """A file of the program: its syntax tree and code objects."""

    def __init__(self, text: bytes, name: str) -> None:
        self.lines = text.splitlines()
        tree = ast.parse(text, name)
        self.tree = tree
        self.calls: dict[tuple[int, int, int, int], ast.Call] = {}
        self.ends: dict[tuple[int, int], ast.Call] = {}
        self.names: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                end = node.end_lineno or 0, node.end_col_offset or 0
                self.calls[node.lineno, end[0], node.col_offset, end[1]] = node
                self.ends.setdefault(end, node)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    known = alias.name if alias.asname else alias.name.partition(".")[0]
                    self.names[alias.asname or known] = known
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    self.names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        self.codes: dict[tuple[str, int], list[types.CodeType]] = {}
        for code in nested(compile(tree, name, "exec", dont_inherit=True)):
            self.codes.setdefault((code.co_qualname, code.co_firstlineno), []).append(code)

    def call_at(self, place: Place) -> ast.Call | None:
        exact = self.calls.get((place.line, place.end_line, place.column, place.end_column))
        return exact or self.ends.get((place.end_line, place.end_column))

    def text_at(self, place: Place) -> str:
        """Return the source between two places, in one line."""
        if place.column < 0 or not 0 < place.line <= place.end_line <= len(self.lines):
            return ""
        lines = self.lines[place.line - 1 : place.end_line]
        lines[-1] = lines[-1][: place.end_column]
        lines[0] = lines[0][place.column :]
        return shorten_middle(" ".join(b" ".join(lines).decode("utf-8", "replace").split()), TEXT)

    def dotted(self, node: ast.expr) -> str:
        """Return the full name of what an expression refers to, such as numpy.linalg.norm, or an empty string."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.names.get(node.id, node.id), *reversed(parts)])


def nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from nested(each)


def warm_up() -> None:
    """Parse, compile and disassemble something, so that what these do once does not disturb the program that starts next."""
    for codes in Source(b"def f(x):\n    return f(x + 1)\n", "<warm-up>").codes.values():
        for code in codes:
            depths(code)


def depths(code: types.CodeType) -> dict[int, int]:
    """Return how many operands are on the stack before each instruction, by its offset; {} if that is not known."""
    instructions = {each.offset: each for each in dis.get_instructions(code)}
    following = dict(zip(instructions, list(instructions)[1:], strict=False))
    generator = code.co_flags & GENERATOR and dis.stack_effect(dis.opmap["RETURN_GENERATOR"]) == 0
    work = [(0, 1 if generator else 0)]
    parse = getattr(dis, "_parse_exception_table", None)
    if parse is not None:
        work += [(each.target, each.depth + bool(each.lasti) + 1) for each in parse(code)]
    jumps = set(dis.hasjrel) | set(dis.hasjabs)
    found: dict[int, int] = {}
    while work:
        offset, depth = work.pop()
        while offset in instructions and offset not in found:
            if not 0 <= depth <= code.co_stacksize + 8:
                return {}
            found[offset] = depth
            each = instructions[offset]
            argument = each.arg if each.opcode >= dis.HAVE_ARGUMENT else None
            try:
                if each.opcode in jumps:
                    work.append((each.argval, depth + dis.stack_effect(each.opcode, argument, jump=True)))
                depth += dis.stack_effect(each.opcode, argument, jump=False)
            except ValueError:
                return {}
            if each.opname in STOPS or each.opname.startswith("JUMP_BACKWARD"):
                break
            offset = following.get(offset, -1)
    return found


class Work(StrEnum):
    """The kinds of work that an interpreter does. Other interpreters do each of them at a different relative speed."""

    CALLS = "calls and attributes"
    GENERATORS = "generators"
    ITEMS = "items of lists and dicts"
    ARITHMETIC = "sums, products and comparisons"
    OPERATORS = "other operators"
    TEXT = "formatted text"
    STEPS = "loops and variables"
    C = "functions in C"


_WORK_OF = (
    ("CALL", Work.C), ("PRECALL", Work.C),  # a function of Python would have a frame of its own
    ("LOAD_ATTR", Work.CALLS), ("LOAD_METHOD", Work.CALLS), ("STORE_ATTR", Work.CALLS), ("LOAD_GLOBAL", Work.CALLS),
    ("RETURN_GENERATOR", Work.GENERATORS), ("YIELD", Work.GENERATORS), ("SEND", Work.GENERATORS),
    ("RETURN", Work.CALLS), ("RESUME", Work.CALLS), ("PUSH_NULL", Work.CALLS),
    ("FORMAT", Work.TEXT), ("CONVERT_VALUE", Work.TEXT), ("BUILD_STRING", Work.TEXT),
    ("BINARY_SUBSCR", Work.ITEMS), ("BINARY_SLICE", Work.ITEMS), ("STORE_SUBSCR", Work.ITEMS), ("STORE_SLICE", Work.ITEMS),
    ("LIST", Work.ITEMS), ("SET", Work.ITEMS), ("MAP", Work.ITEMS), ("DICT", Work.ITEMS), ("CONTAINS", Work.ITEMS),
    ("BUILD", Work.ITEMS), ("UNPACK", Work.ITEMS),
    ("BINARY_OP", Work.ARITHMETIC), ("COMPARE", Work.ARITHMETIC), ("UNARY", Work.ARITHMETIC), ("IS_OP", Work.ARITHMETIC),
)  # fmt: skip


FAST = ("+", "-", "*", "")  # of numbers; a specializing interpreter has fast paths for these operators alone


def work_of(name: str, symbol: str = "") -> Work:
    """Return what kind of work an instruction is, by its name and its operator."""
    if name == "BINARY_OP" and symbol.removesuffix("=") not in FAST:
        return Work.OPERATORS
    return next((work for start, work in _WORK_OF if name.startswith(start)), Work.STEPS)


class Step(NamedTuple):
    """What an instruction does, and where its operands are on the stack of its frame."""

    kind: str  # binary, unary, call, other; empty if it calls no C
    name: str = ""
    in_place: bool = False
    slots: tuple[int, ...] = ()
    call: ast.Call | None = None
    text: str = ""
    work: Work | None = None


NOTHING = Step("")


def step_of(instruction: dis.Instruction, depth: int, version: tuple[int, int]) -> Step:
    """Return what an instruction does, if it is one that calls C; ``depth`` operands are on the stack before it."""
    name, argument = instruction.opname, instruction.arg or 0
    if name == "BINARY_OP":
        symbol = instruction.argrepr
        return Step("binary", BINARY.get(symbol.removesuffix("="), ""), symbol.endswith("="), (depth - 2, depth - 1))
    if name == "COMPARE_OP":
        symbol = instruction.argrepr.removeprefix("bool(").removesuffix(")")
        return Step("binary", COMPARED.get(symbol, ""), slots=(depth - 2, depth - 1))
    if name in UNARY:
        return Step("unary", UNARY[name], slots=(depth - 1,))
    if name == "BINARY_SUBSCR":
        return Step("binary", "[]", slots=(depth - 2, depth - 1))
    if name == "STORE_SUBSCR":
        return Step("other", "[]=")
    if name in ("CALL", "PRECALL", "CALL_KW"):
        # Before the arguments: a marker or a method, then the callable or the method's object. dis pops the arguments
        # at PRECALL, the interpreter at CALL.
        taken = 0 if version == (3, 11) and name == "CALL" else argument
        first = depth - taken - 2 - (name == "CALL_KW")
        return Step("call", slots=tuple(range(first, first + 2 + argument)))
    if name == "CALL_FUNCTION_EX":
        return Step("call")
    return NOTHING


# ---- The program's objects


class Decoder:
    """Finds operations in the frames of a process."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.usable = reader.version == sys.version_info[:2] and sys.implementation.name == "cpython"
        self._folder = f"/proc/{reader.memory.pid}/cwd"
        self._sources: dict[str, Source | None] = {}
        self._steps: dict[tuple[Code, int], Step] = {}
        self._compiled: dict[Code, tuple[dict[int, dis.Instruction], dict[int, int], bool]] = {}

    def operation(self, frames: Sequence[Frame]) -> Operation | None:
        """Return the operation that a thread is in, given its calls. It is that of the innermost call outside NumPy.

        The standard library is left out, since it makes no arrays, and parsing its long files would disturb the program.
        """
        if not self.usable:
            return None
        frame = next((each for each in frames if not in_numpy(each.code.file)), None)
        if frame is None or frame.unit < 0 or in_library(frame.code.file):
            return None
        step = self.step(frame.code, frame.unit)
        if not step.kind:
            return None
        operands = self._operands(frame, step.slots)
        if not self.reader.still_at(frame):  # the operands may be another instruction's
            return None
        if step.kind == "call":
            return self._call(step, operands, self._source(frame.code.file))
        if made_of(step.name, operands) >= LARGE_BLOCK:
            return Operation("bytes", text=step.text)
        if not step.name or not any(isinstance(each, Array) for each in operands):
            return Operation(step.name, text=step.text) if step.kind == "other" else None
        name = step.name if step.name.startswith("[") else f"numpy.{step.name}"
        return Operation(name, operands, in_place=step.in_place, text=step.text)

    def named(self, frames: Sequence[Frame]) -> Operation | None:
        """Return the operation of a thread whose innermost call is of the standard library, by its name alone."""
        if not self.usable or not frames or frames[0].unit < 0 or not in_library(frames[0].code.file):
            return None
        step, source = self.step(frames[0].code, frames[0].unit), self._source(frames[0].code.file)
        return Operation(source.dotted(step.call.func), text=step.text) if source and step.call else None

    def work(self, frames: Sequence[Frame]) -> Work | None:
        """Return what kind of work the innermost call of a thread does, or None if that is not known."""
        if not self.usable or not frames or frames[0].unit < 0:
            return None
        return self.step(frames[0].code, frames[0].unit).work

    def in_python(self, frames: Sequence[Frame], operation: Operation | None) -> bool:
        """Whether a thread is certainly in Python code, and in no function of C that could have released the GIL."""
        if not self.usable or not frames or frames[0].unit < 0:
            return False
        step = self.step(frames[0].code, frames[0].unit)
        if step.work is None or step.kind in ("call", "other"):
            return False
        # Of the operators, those on arrays can.
        return not step.kind or operation is None or operation.name == "bytes"

    def step(self, code: Code, unit: int) -> Step:
        known = self._steps.get((code, unit))
        if known is None:
            known = self._steps[code, unit] = self._step(code, unit)
        return known

    def _step(self, code: Code, unit: int) -> Step:
        source = self._source(code.file)
        if source is None:
            return NOTHING
        if code not in self._compiled:
            mine = next(
                (
                    each
                    for each in source.codes.get((code.function, code.first_line), ())
                    if len(each.co_code) == 2 * code.units
                ),
                None,
            )
            self._compiled[code] = (
                (
                    {each.offset: each for each in dis.get_instructions(mine)},
                    depths(mine),
                    mine.co_flags & GENERATOR != 0,
                )
                if mine
                else ({}, {}, False)
            )
        instructions, depth, generator = self._compiled[code]
        offset = 2 * unit
        while offset >= 0 and offset not in instructions:  # a cache after the instruction
            offset -= 2
        if offset < 0 or offset not in depth:
            return NOTHING
        work = work_of(instructions[offset].opname, instructions[offset].argrepr)
        if generator and instructions[offset].opname == "RESUME":  # after each yield
            work = Work.GENERATORS
        step = step_of(instructions[offset], depth[offset], self.reader.version)._replace(work=work)
        if not step.kind:
            return step
        place = code.place(unit)
        call = source.call_at(place) if step.kind == "call" else None
        return step._replace(call=call, text=source.text_at(place))

    def _source(self, file: str) -> Source | None:
        if file not in self._sources:
            self._sources[file] = None
            path = os.path.join(self._folder, file)
            try:
                if os.path.getsize(path) <= LARGEST_SOURCE:
                    with open(path, "rb") as opened:
                        self._sources[file] = Source(opened.read(), file)
            except (OSError, SyntaxError, ValueError, RecursionError):
                pass  # a name such as <string>, or a file that has changed
        return self._sources[file]

    def _operands(self, frame: Frame, slots: tuple[int, ...]) -> tuple[Value, ...]:
        if not slots:
            return ()
        first = frame.address + self.reader.layout.frame_locals + 8 * (frame.code.variables + slots[0])
        # From 3.14 on, the lowest bits are the interpreter's.
        return tuple(self.value(each & ~7) for each in self.reader.memory.words(first, len(slots)))

    def _call(self, step: Step, operands: tuple[Value, ...], source: Source | None) -> Operation:
        written = source.dotted(step.call.func) if source and step.call else ""
        if len(operands) < 2:
            return Operation(written or step.text, text=step.text)
        first, second, *rest = operands
        # One of the two is empty if no method is called.
        called, receiver = (second, None) if isinstance(first, Other) and first.type == "" else (first, second)
        if isinstance(receiver, Other) and receiver.type == "":
            receiver = None
        keywords = [each.arg for each in step.call.keywords] if step.call else []
        if None in keywords or len(keywords) > len(rest):
            return Operation(written or step.text, text=step.text)
        split = len(rest) - len(keywords)
        named = tuple(zip(map(str, keywords), rest[split:], strict=True))
        if isinstance(receiver, Array) and step.call and isinstance(step.call.func, ast.Attribute):
            return Operation(f".{step.call.func.attr}", (receiver, *rest[:split]), named, text=step.text)
        if isinstance(called, Other) and called.type.startswith("numpy.ufunc "):
            return Operation(f"numpy.{called.type.partition(' ')[2]}", tuple(rest[:split]), named, text=step.text)
        if written.startswith("numpy."):
            return Operation(written, tuple(rest[:split]), named, text=step.text)
        if (
            isinstance(receiver, Other)
            and "." in receiver.type
            and step.call
            and isinstance(step.call.func, ast.Attribute)
        ):
            written = f"{receiver.type}.{step.call.func.attr}"
            if receiver.type in GENERATORS:
                name = f"{RANDOM}{receiver.type.rpartition('.')[2]}.{step.call.func.attr}"
                return Operation(name, tuple(rest[:split]), named, text=step.text)
        return Operation(written or step.text, tuple(filter(large, rest)), text=step.text)

    def value(self, address: int, depth: int = 0) -> Value:
        """Return what is known of an object. Address 0 gives an Other without a name."""
        if not address:
            return Other("")
        reader, memory = self.reader, self.reader.memory
        head = reader.layout.head
        try:
            name = reader.type_name(address)
            if name == "numpy.ndarray":
                return self._array(address)
            if name in ("float", "numpy.float64"):
                return Scalar(struct.unpack("<d", memory.read(address + head, 8))[0])
            if name in ("int", "bool"):
                return self._integer(address, name)
            if name == "NoneType":
                return Scalar(None)
            if name in ("bytes", "bytearray"):
                return Other(name, memory.word(address + head))
            if name == "str":
                return self._text(address)
            if name == "type":
                return Type(memory.text(memory.word(address + head + 8)))
            if name == "slice" and depth < 2:
                parts = memory.words(address + head, 3)
                return Items(name, tuple(self.value(each, depth + 1) for each in parts))
            if name == "numpy.ufunc":
                return Other(f"numpy.ufunc {memory.text(memory.word(address + head + 40))}")
            if name in ("tuple", "list") and depth < 2:
                length = memory.word(address + head)
                at = address + head + 8 if name == "tuple" else memory.word(address + head + 8)
                if name == "tuple" and reader.version >= (3, 14):
                    at += 8  # the hash
                if length <= ITEMS:
                    return Items(name, tuple(self.value(each, depth + 1) for each in memory.words(at, length)))
        except Unreadable:
            return Other("?")
        return Other(name)

    def _text(self, address: int) -> Value:
        text = self.reader.string(address, LONGEST_TEXT + 1)
        return Scalar(text) if len(text) <= LONGEST_TEXT else Other("str")

    def _integer(self, address: int, name: str) -> Value:
        size, digits = struct.unpack("<qI", self.reader.memory.read(address + self.reader.layout.head, 12))
        if self.reader.version >= (3, 12):
            sign, count = 1 - (size & 3), size >> 3
        else:
            sign, count = (size > 0) - (size < 0), abs(size)
        if count > 1:
            return Other("int")
        value = sign * digits if count else 0
        return Scalar(bool(value) if name == "bool" else value)

    def _array(self, address: int) -> Value:
        memory, head = self.reader.memory, self.reader.layout.head
        data = memory.read(address + head, 48)
        (dimensions,) = struct.unpack_from("<i", data, 8)
        lengths_at, strides_at, _, description = struct.unpack_from("<QQQQ", data, 16)
        if not 0 <= dimensions <= MOST_DIMENSIONS:
            return Other("numpy.ndarray")
        shape = struct.unpack(f"<{dimensions}q", memory.read(lengths_at, 8 * dimensions)) if dimensions else ()
        strides = struct.unpack(f"<{dimensions}q", memory.read(strides_at, 8 * dimensions)) if dimensions else ()
        kind = memory.read(description + head + 8, 2)  # after the type of scalars: kind and type
        if any(length < 0 for length in shape):
            return Other("numpy.ndarray")
        return Array(shape, strides, kind[1:].decode("latin-1"))


def made_of(name: str, operands: Sequence[Value]) -> int:
    """Return the length of the bytes that an operator makes, or 0 if it makes something else."""
    sizes = [each.size for each in operands if isinstance(each, Other)]
    if name == "add":
        return sum(sizes)
    if name == "multiply":
        counts = [each.value for each in operands if isinstance(each, Scalar) and isinstance(each.value, int)]
        return sum(sizes) * sum(counts)
    return 0


def in_numpy(file: str) -> bool:
    return f"{os.sep}numpy{os.sep}" in file or file.startswith("<__array_function__")


_LIBRARIES = tuple(
    {os.path.join(path, "") for path in (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")) if path}
)
_INSTALLED = tuple(f"{os.sep}{name}-packages{os.sep}" for name in ("site", "dist"))


def installed(file: str) -> bool:
    """Whether a file is of an installed package."""
    return any(name in file for name in _INSTALLED)


def in_library(file: str) -> bool:
    """Whether a file is of the standard library."""
    return file.startswith(_LIBRARIES) and not installed(file)
