"""The atomic operations of a C file, with their memory orders, as the source has them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

CSRC = Path(__file__).resolve().parent.parent.parent / "csrc"
# The files whose races the README.md of a folder describes. Greenlets wait for locks in base/hub.c.
FILES = {"runtime": ["runtime/*.[ch]"], "sync": ["sync/*.[ch]", "base/hub.c"]}
ORDERS = ("relaxed", "acquire", "release", "acq_rel", "seq_cst")

_COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|(?<!include )"(?:\\.|[^"\\\n])*"', re.S)
# A definition begins in the first column; its body ends with the first brace there.
_FUNCTION = re.compile(r"^[A-Za-z_][^\n;={}]*?\b(\w+)\([^;{}]*?\)\s*\n\{\n(.*?)^\}", re.M | re.S)
_CALL = re.compile(
    r"\batomic_((?:load|store|exchange|compare_exchange|fetch|init|flag|thread_fence|signal_fence)\w*)\s*\("
)
_ORDER = re.compile(r"memory_order_(\w+)")


class Site(NamedTuple):
    """One atomic operation: where it is in the source, and what it does to which variable."""

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


def _arguments(text: str, begin: int) -> tuple[list[str], int]:
    """Return the arguments of the call whose opening parenthesis is before `begin`, and where the call ends."""
    arguments, depth, last = [], 0, begin
    for i in range(begin, len(text)):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}" and depth > 0:
            depth -= 1
        elif text[i] == ")" or (text[i] == "," and depth == 0):
            arguments.append(text[last:i].strip())
            if text[i] == ")":
                return arguments, i + 1
            last = i + 1
    raise SyntaxError("a call without an end")


def _object_of(argument: str) -> str:
    names = re.findall(r"[A-Za-z_]\w*", re.sub(r"\[[^]]*\]", "", argument))
    return names[-1]


class Call(NamedTuple):
    """An atomic operation as it is written in the source."""

    orders: Orders
    operation: str  # without _explicit, but with _weak or _strong
    arguments: list[str]  # without the orders
    begin: int
    end: int


def calls_in(text: str, file: str) -> dict[Site, Call]:
    """Return the atomic operations inside the functions of a C file."""
    # Each comment or string becomes as many blanks, so that positions stay.
    text = _COMMENT_OR_STRING.sub(lambda found: " " * len(found[0]), text)
    found: dict[Site, Call] = {}
    for function in _FUNCTION.finditer(text):
        for call in _CALL.finditer(text, *function.span(2)):
            operation = call[1].removesuffix("_explicit")
            if operation == "init":
                continue  # not an atomic access
            arguments, end = _arguments(text, call.end())
            orders = [order[1] for argument in arguments if (order := _ORDER.fullmatch(argument))]
            if call[1].endswith("_explicit") != bool(orders) or not set(orders) <= set(ORDERS):
                raise SyntaxError(f"{file}: {function[1]}: {call[0]}: no order that this program can read")
            arguments = [argument for argument in arguments if not _ORDER.fullmatch(argument)]
            if not orders:
                orders = ["seq_cst"] * (2 if operation.startswith("compare_exchange") else 1)
            kind = re.sub("_(strong|weak)$", "", operation)
            site = Site(file, function[1], kind, _object_of(arguments[0]))
            while site in found:
                site = site._replace(number=site.number + 1)
            found[site] = Call(Orders(*orders), operation, arguments, call.start(), end)
    if (calls := len([call for call in _CALL.finditer(text) if not call[1].startswith("init")])) != len(found):
        raise SyntaxError(f"{file}: {calls} atomic operations, and {len(found)} of them inside functions")
    return found


def atomics_in(text: str, file: str) -> dict[Site, Orders]:
    return {site: call.orders for site, call in calls_in(text, file).items()}


def with_order(text: str, site: Site, order: str) -> str:
    """Return the text of a C file with another memory order of one operation."""
    call = calls_in(text, site.file)[site]
    orders = [order] if not call.orders.failure else [order, "relaxed"]
    arguments = ", ".join([*call.arguments, *(f"memory_order_{name}" for name in orders)])
    return f"{text[: call.begin]}atomic_{call.operation}_explicit({arguments}){text[call.end :]}"


def files(folder: str) -> list[Path]:
    """Return the files that the README.md of a folder is about."""
    return sorted(path for pattern in FILES[folder] for path in CSRC.glob(pattern))


@cache
def atomics() -> dict[Site, Orders]:
    """Return every atomic operation of the pool and of the locks."""
    found: dict[Site, Orders] = {}
    for folder in FILES:
        for path in files(folder):
            found |= atomics_in(path.read_text(), path.name)
    return found
