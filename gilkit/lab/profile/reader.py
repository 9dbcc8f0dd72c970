"""The threads of an interpreter in another process, their frames, and the holder of the GIL."""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

from ..errors import LabError
from . import layouts
from .memory import Denied, Memory, Unreadable, denied, find_symbols

MOST_THREADS = 4096
MOST_FRAMES = 256  # of the innermost calls; deeper recursion is cut


class Place(NamedTuple):
    """A place in a program's source. Lines count from 1, and columns are bytes that count from 0; 0 and -1 are unknown."""

    file: str
    function: str
    line: int
    end_line: int = 0
    column: int = -1
    end_column: int = -1


class Code:
    """A code object: its names, and the place of each of its instructions."""

    def __init__(self, file: str, function: str, first_line: int, variables: int, start: int, units: int) -> None:
        self.file, self.function, self.first_line = file, function, first_line
        self.variables = variables  # slots of a frame before its stack of operands
        self.start = start  # address of the first instruction
        self.units = units  # length in instructions of two bytes
        self.imports = file.startswith("<frozen importlib")
        self.lines = b""
        self._places: dict[int, Place] = {}

    def place(self, unit: int) -> Place:
        """Return the place of the instruction with this number."""
        known = self._places.get(unit)
        if known is None:
            if not self._places:
                self._fill()
            known = self._places.setdefault(unit, Place(self.file, self.function, self.first_line))
        return known

    def _fill(self) -> None:
        for number, (line, end_line, column, end_column) in enumerate(
            positions(self.lines, self.first_line, self.units)
        ):
            self._places[number] = Place(
                self.file,
                self.function,
                line or self.first_line,
                end_line or 0,
                -1 if column is None else column,
                -1 if end_column is None else end_column,
            )


def positions(table: bytes, first_line: int, units: int) -> list[tuple[int | None, int | None, int | None, int | None]]:
    """Return the lines and columns of each instruction, from ``co_linetable``. All versions since 3.11 share its form."""
    nothing = b"\x09\x00" * units
    try:
        code = positions.__code__.replace(co_code=nothing, co_linetable=table, co_firstlineno=first_line)
        return list(code.co_positions())
    except (ValueError, SystemError):
        return []


class Frame(NamedTuple):
    code: Code
    unit: int  # the number of the instruction that runs
    address: int

    @property
    def place(self) -> Place:
        return self.code.place(self.unit)


class Thread(NamedTuple):
    address: int  # of the interpreter's structure
    native_id: int  # as the kernel numbers threads
    gil: int  # address of its interpreter's GIL, or 0 if there is none


class Reader:
    """An interpreter of CPython in another process. Raise LabError if there is none, or none that is known."""

    def __init__(self, pid: int) -> None:
        found = find_symbols(pid, {"_PyRuntime", "Py_Version"})
        if not found:
            raise LabError(
                f"process {pid} is not CPython 3.11 or later, or its program file lacks the symbols of CPython"
            )
        try:
            self.memory = Memory(pid)
        except PermissionError:
            raise Denied(denied(pid)) from None
        except OSError as error:
            raise LabError(f"the memory of process {pid} cannot be read: {error.strerror}") from None
        try:
            number = self.memory.word(found["Py_Version"])
            self.version = number >> 24 & 0xFF, number >> 16 & 0xFF
            self.runtime = found["_PyRuntime"]
            self.layout = layouts.of(self.version, self.memory.read(self.runtime, 8 * layouts.PUBLISHED_WORDS))
        except Unreadable:
            self.memory.close()
            raise LabError(f"the memory of process {pid} cannot be read") from None
        except LabError:
            self.memory.close()
            raise
        self._codes: dict[int, Code] = {}
        self._types: dict[int, str] = {}
        self._stacks: dict[int, tuple[bytes, tuple[Frame, ...]]] = {}

    def close(self) -> None:
        self.memory.close()

    @property
    def ready(self) -> bool:
        """Whether the interpreter has started so far that one of the process's threads has a frame.

        It never is if the interpreter was built with other structures, such as those for debugging.
        """
        try:
            numbers = {int(name) for name in os.listdir(f"/proc/{self.memory.pid}/task")}
            return any(self._frame(each.address) for each in self.threads() if each.native_id in numbers)
        except (Unreadable, OSError):
            return False

    def threads(self) -> list[Thread]:
        """Return the threads that Python knows. Others of the process, such as BLAS's, are missing."""
        at = self.layout
        found: list[Thread] = []
        interpreter = self.memory.word(self.runtime + at.interpreters)
        while interpreter and len(found) < MOST_THREADS:
            gil = self._gil_of(interpreter)
            thread = self.memory.word(interpreter + at.threads)
            while thread and len(found) < MOST_THREADS:
                number = self.memory.word(thread + at.native_id)
                found.append(Thread(thread, number, gil))
                thread = self.memory.word(thread + at.next_thread)
            interpreter = self.memory.word(interpreter + at.next_interpreter)
        return found

    def _gil_of(self, interpreter: int) -> int:
        if self.version == (3, 11):
            return self.runtime + self.layout.gil
        gil = self.memory.word(interpreter + self.layout.gil)
        if gil and self.layout.free_threaded:
            enabled = int.from_bytes(self.memory.read(gil, 4), "little", signed=True)
            return gil if enabled else 0
        return gil

    def holder(self, gil: int) -> int:
        """Return the address of the thread that holds the GIL at this moment, or 0."""
        if not gil:
            return 0
        at = self.layout
        data = self.memory.read(gil, at.gil_locked + 4)
        (locked,) = struct.unpack_from("<i", data, at.gil_locked)
        (holder,) = struct.unpack_from("<Q", data, at.gil_holder)
        return holder if locked == 1 else 0

    def waits_for(self, gil: int, address: int) -> bool:
        """Whether a thread that sleeps on this address waits for the GIL."""
        return bool(gil) and gil <= address < gil + self.layout.gil_size

    # ---- Frames

    def _frame(self, thread: int) -> int:
        at = self.layout
        if at.cframe is None:
            return self.memory.word(thread + at.frame)
        return self.memory.word(self.memory.word(thread + at.frame) + at.cframe)

    def stack(self, thread: int) -> tuple[Frame, ...]:
        """Return the calls of a thread, the innermost one first. It may run meanwhile, which can cut the end off."""
        at, memory = self.layout, self.memory
        found: list[Frame] = []
        address = self._frame(thread)
        top = b""
        while address and len(found) < MOST_FRAMES:
            try:
                data = memory.read(address, at.frame_size)
            except Unreadable:
                break
            if not top:
                top = address.to_bytes(8, "little") + data
                known = self._stacks.get(thread)
                if known and known[0] == top:
                    return known[1]
            (previous,) = struct.unpack_from("<Q", data, at.frame_previous)
            if data[at.frame_owner] < at.owned_by_c:
                (code_at,) = struct.unpack_from("<Q", data, at.frame_code)
                (instruction,) = struct.unpack_from("<Q", data, at.frame_instruction)
                code = self._code(code_at & ~7)
                if code is None:
                    break
                unit = (instruction - code.start) // 2
                found.append(Frame(code, unit if 0 <= unit < code.units else -1, address))
            address = previous
        stack = tuple(found)
        if top:
            self._stacks[thread] = top, stack
        return stack

    def still_at(self, frame: Frame) -> bool:
        """Whether a call is at the same instruction as when its frame was read."""
        at = self.layout
        instruction = self.memory.word(frame.address + at.frame_instruction)
        return (instruction - frame.code.start) // 2 == frame.unit

    def _code(self, address: int) -> Code | None:
        """Return the code object at an address, or None if there is none."""
        known = self._codes.get(address)
        if known is not None:
            return known
        at, memory = self.layout, self.memory
        try:
            if self.type_name(address) != "code":
                return None
            data = memory.read(address, at.code_instructions)
            file, name, lines = (
                struct.unpack_from("<Q", data, place)[0] for place in (at.code_file, at.code_name, at.code_lines)
            )
            (units,) = struct.unpack_from("<Q", data, at.head)
            first_line, variables = struct.unpack_from("<ii", data, at.code_first_line)
            if not 0 < units < 1 << 24:
                return None
            code = Code(
                self.string(file), self.string(name), first_line, variables, address + at.code_instructions, units
            )
            code.lines = memory.read(lines + at.head + 16, min(1 << 20, memory.word(lines + at.head)))
        except Unreadable:
            return None
        self._codes[address] = code
        return code

    # ---- Objects

    def type_name(self, address: int) -> str:
        """Return the name of the type of the object at an address."""
        kind = self.memory.word(address + self.layout.type)
        known = self._types.get(kind)
        if known is None:
            name = self.memory.word(kind + self.layout.head + 8)
            known = self._types[kind] = self.memory.text(name)
        return known

    def string(self, address: int, limit: int = 4096) -> str:
        """Return a str object's text."""
        at = self.layout
        data = self.memory.read(address, at.string)
        (length,) = struct.unpack_from("<Q", data, at.head)
        (state,) = struct.unpack_from("<I", data, at.head + 16)
        length = min(length, limit)
        for shift in (2, 8, 16):  # the bits for interning come first, and their number depends on the version
            kind, compact, ascii_only = state >> shift & 7, state >> shift + 3 & 1, state >> shift + 4 & 1
            if kind in (1, 2, 4) and compact:
                text = self.memory.read(address + (at.string if ascii_only else at.wide_string), length * kind)
                return text.decode({1: "latin-1", 2: "utf-16-le", 4: "utf-32-le"}[kind], "replace")
        return "?"
