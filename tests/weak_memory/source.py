"""The atomic operations of a C file, with their memory orders, as the source has them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

CSRC = Path(__file__).resolve().parent.parent.parent / "csrc"
FOLDERS = ("runtime", "sync")
ORDERS = ("relaxed", "acquire", "release", "acq_rel", "seq_cst")

_COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
# A definition begins in the first column; its body ends with the first brace there.
_FUNCTION = re.compile(r"^[A-Za-z_][^\n;={}]*?\b(\w+)\([^;{}]*?\)\s*\n\{\n(.*?)^\}", re.M | re.S)
_CALL = re.compile(
    r"\batomic_((?:load|store|exchange|compare_exchange|fetch|init|flag|thread_fence|signal_fence)\w*)\s*\("
)
_ORDER = re.compile(r"memory_order_(\w+)")


class Site(NamedTuple):
    """One atomic operation: where it stands, and what it does to which variable."""

    file: str
    function: str
    operation: str  # load, store, exchange, compare_exchange, fetch_add, ...
    name: str  # the last name of the object: `word` in &slots[i].word
    number: int = 1  # among the operations of the function that are alike

    def __str__(self) -> str:
        number = f" #{self.number}" if self.number > 1 else ""
        return f"{self.file} {self.function}: {self.operation}({self.name}){number}"


class Orders(NamedTuple):
    """The order of an operation, and the one of a compare_exchange that fails."""

    success: str
    failure: str = ""

    def __str__(self) -> str:
        return self.success


def _arguments(text: str, begin: int) -> list[str]:
    """Return the arguments of the call whose opening parenthesis is before `begin`."""
    arguments, depth, last = [], 0, begin
    for i in range(begin, len(text)):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}" and depth > 0:
            depth -= 1
        elif text[i] == ")" or (text[i] == "," and depth == 0):
            arguments.append(text[last:i].strip())
            if text[i] == ")":
                return arguments
            last = i + 1
    raise SyntaxError("a call without an end")


def _object_of(argument: str) -> str:
    names = re.findall(r"[A-Za-z_]\w*", re.sub(r"\[[^]]*\]", "", argument))
    return names[-1]


def atomics_in(text: str, file: str) -> dict[Site, Orders]:
    """Return the atomic operations inside the functions of a C file."""
    text = _COMMENT_OR_STRING.sub(lambda found: " " if found[0].startswith("/") else '""', text)
    found: dict[Site, Orders] = {}
    for function in _FUNCTION.finditer(text):
        body = function[2]
        for call in _CALL.finditer(body):
            operation = call[1].removesuffix("_explicit")
            if operation == "init":
                continue  # not an atomic access
            arguments = _arguments(body, call.end())
            orders = [order[1] for argument in arguments if (order := _ORDER.fullmatch(argument))]
            if call[1].endswith("_explicit") != bool(orders) or not set(orders) <= set(ORDERS):
                raise SyntaxError(f"{file}: {function[1]}: {call[0]}: no order that this program can read")
            operation = re.sub("_(strong|weak)$", "", operation)
            if operation == "compare_exchange" and not orders:
                orders = ["seq_cst", "seq_cst"]
            site = Site(file, function[1], operation, _object_of(arguments[0]))
            while site in found:
                site = site._replace(number=site.number + 1)
            found[site] = Orders(*(orders or ["seq_cst"]))
    if (calls := len([call for call in _CALL.finditer(text) if not call[1].startswith("init")])) != len(found):
        raise SyntaxError(f"{file}: {calls} atomic operations, and {len(found)} of them inside functions")
    return found


@cache
def atomics() -> dict[Site, Orders]:
    """Return every atomic operation of the pool and of the locks."""
    found: dict[Site, Orders] = {}
    for folder in FOLDERS:
        for path in sorted((CSRC / folder).glob("*.[ch]")):
            found |= atomics_in(path.read_text(), path.name)
    return found
