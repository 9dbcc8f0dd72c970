"""Where CPython keeps what the reader needs, for each version.

From 3.13 on, the interpreter publishes most offsets itself (``_Py_DebugOffsets`` at the start of ``_PyRuntime``). Those of
3.11 and 3.12, and the few that are not published, are offsets of the fields in the headers of CPython, which do not change
within a version.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from ..errors import LabError

OLDEST, NEWEST = (3, 11), (3, 15)
COOKIE = b"xdebugpy"
PUBLISHED_WORDS = 160  # more than any version publishes


@dataclass(frozen=True)
class Layout:
    """Offsets in bytes. Those of ``gil_*`` are relative to the structure of the GIL."""

    version: tuple[int, int]
    free_threaded: bool
    interpreters: int  # in _PyRuntime: the first interpreter
    threads: int  # in an interpreter: its first thread
    next_interpreter: int
    gil: int  # of the pointer in an interpreter; in 3.11, of the structure itself in _PyRuntime
    gil_holder: int
    gil_locked: int
    gil_size: int
    next_thread: int
    native_id: int
    frame: int  # in a thread: the pointer to its innermost frame
    cframe: int | None  # 3.11 and 3.12: the thread has a pointer to a structure that has the pointer here
    frame_previous: int
    frame_code: int
    frame_instruction: int
    frame_owner: int
    frame_locals: int
    code_file: int
    code_name: int
    code_lines: int
    code_first_line: int
    code_instructions: int
    head: int  # size of PyObject
    string: int  # size of the header of an ASCII string
    wide_string: int  # of another string

    @property
    def type(self) -> int:
        return self.head - 8

    @property
    def code_locals(self) -> int:
        return self.code_first_line + 4

    @property
    def frame_size(self) -> int:
        """Return the size of a frame without its variables."""
        return self.frame_locals

    @property
    def owned_by_c(self) -> int:
        """Return the lowest kind of frame that is not a call of a Python function but a marker of the interpreter."""
        return 3


_COMMON: dict[str, Any] = {
    "free_threaded": False,
    "interpreters": 40,
    "next_interpreter": 0,
    "gil_holder": 8,
    "gil_locked": 16,
    "gil_size": 208,
    "next_thread": 8,
    "frame_instruction": 56,
    "frame_locals": 72,
    "code_file": 112,
    "code_name": 128,
    "code_lines": 136,
    "head": 16,
}
_KNOWN = {
    (3, 11): Layout(
        version=(3, 11), threads=16, gil=360, native_id=160, frame=56, cframe=8, frame_previous=48, frame_code=32,
        frame_owner=69, code_first_line=72, code_instructions=184, string=48, wide_string=72, **_COMMON,
    ),
    (3, 12): Layout(
        version=(3, 12), threads=72, gil=384, native_id=144, frame=56, cframe=0, frame_previous=8, frame_code=0,
        frame_owner=70, code_first_line=68, code_instructions=192, string=40, wide_string=56, **_COMMON,
    ),
}  # fmt: skip

# The names of the published words after the cookie, in order, up to the last one that is used.
_INTERPRETER = (
    "size id next threads_head threads_main gc imports_modules sysdict builtins ceval_gil gil_runtime_state "
    "gil_runtime_state_enabled gil_runtime_state_locked gil_runtime_state_holder code_object_generation tlbc_generation"
)
_INTERPRETER_13 = _INTERPRETER.replace("threads_main ", "").partition(" code_object")[0]
_THREAD = "size prev next interp current_frame thread_id native_thread_id"
_THREAD_END = " datastack_chunk status"
_THREAD_15 = (
    "size prev next interp current_frame base_frame last_profiled_frame last_profiled_frame_seq thread_id "
    "native_thread_id datastack_chunk status holds_gil gil_requested current_exception exc_state"
)
_FRAME = "size previous executable instr_ptr localsplus owner"
_CODE = "size filename name qualname linetable firstlineno argcount localsplusnames localspluskinds co_code_adaptive"


def published_names(version: tuple[int, int]) -> list[str]:
    """Return the names of the published words, in order."""
    groups = [("runtime", "size finalizing interpreters_head")]
    if version >= (3, 15):
        groups += [("interpreter", _INTERPRETER), ("thread", _THREAD_15), ("error", "exc_value")]
    elif version >= (3, 14):
        groups += [("interpreter", _INTERPRETER), ("thread", _THREAD + _THREAD_END)]
    else:
        groups += [("interpreter", _INTERPRETER_13), ("thread", _THREAD + _THREAD_END)]
    groups += [("frame", _FRAME + (" stackpointer tlbc_index" if version >= (3, 14) else "")), ("code", _CODE)]
    return [f"{group} {name}" for group, names in groups for name in names.split()]


def published(version: tuple[int, int], data: bytes) -> Layout:
    """Return the layout that an interpreter of 3.13 or later publishes."""
    if data[:8] != COOKIE:
        raise LabError("the interpreter does not publish its structures as CPython does")
    _, free_threaded = struct.unpack_from("<QQ", data, 8)
    names = published_names(version)
    words = struct.unpack_from(f"<{len(names)}Q", data, 24)
    at = dict(zip(names, words, strict=True))
    free = bool(free_threaded)
    structure = at["interpreter gil_runtime_state"]
    return Layout(
        version=version,
        free_threaded=free,
        interpreters=at["runtime interpreters_head"],
        threads=at["interpreter threads_head"],
        next_interpreter=at["interpreter next"],
        gil=at["interpreter ceval_gil"],
        gil_holder=at["interpreter gil_runtime_state_holder"] - structure,
        gil_locked=at["interpreter gil_runtime_state_locked"] - structure,
        gil_size=216 if free else 208,
        next_thread=at["thread next"],
        native_id=at["thread native_thread_id"],
        frame=at["thread current_frame"],
        cframe=None,
        frame_previous=at["frame previous"],
        frame_code=at["frame executable"],
        frame_instruction=at["frame instr_ptr"],
        frame_owner=at["frame owner"],
        frame_locals=at["frame localsplus"],
        code_file=at["code filename"],
        code_name=at["code qualname"],
        code_lines=at["code linetable"],
        code_first_line=at["code firstlineno"],
        code_instructions=at["code co_code_adaptive"],
        head=32 if free else 16,
        string=56 if free else 40,
        wide_string=72 if free else 56,
    )


def of(version: tuple[int, int], data: bytes) -> Layout:
    """Return the layout of a version, given the start of its ``_PyRuntime``. Raise LabError if it is not known."""
    if not OLDEST <= version <= NEWEST:
        raise LabError(
            f"the program runs Python {version[0]}.{version[1]}; gilkit profile knows CPython 3.{OLDEST[1]} to "
            f"3.{NEWEST[1]}"
        )
    return _KNOWN[version] if version in _KNOWN else published(version, data)
