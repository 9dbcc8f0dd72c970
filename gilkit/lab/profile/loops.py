"""Loops of the program that take much of its time, and whether their iterations could run at the same time.

The source decides, so the answer is about names: an iteration that uses a value that an earlier one has stored cannot
run at the same time. State that is changed inside the functions called, such as that of a random generator, is not
seen.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..text import shorten_middle
from .reader import Place
from .sampler import Look, Recording, State
from .summary import importing, own

TEXT = 60
REDUCTIONS = (ast.Add, ast.Mult, ast.BitAnd, ast.BitOr, ast.BitXor)
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Loop = ast.For | Comprehension


@dataclass
class LoopFigures:
    """A loop, and the seconds that the main thread spent in it."""

    file: str
    line: int
    text: str
    obstacle: str = ""  # why its iterations cannot run at the same time
    held: float = 0.0
    free: float = 0.0
    waits: float = 0.0
    beside: float = 0.0  # seconds that other threads ran meanwhile, or would have
    sleeps: float = 0.0  # seconds of the waits that are neither for the GIL nor for a core

    @property
    def seconds(self) -> float:
        return self.held + self.free + self.waits

    @property
    def where(self) -> str:
        return f"{os.path.basename(self.file)}:{self.line}"


@dataclass
class _File:
    loops: list[Loop] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def find_loops(found: Recording, read: dict[str, str] | None = None) -> list[LoopFigures]:
    """Return the loops of the program's own files in which the main thread spent time, the longest first.

    ``read`` returns the text of a file, for tests; by default the files are read.
    """
    files: dict[str, _File] = {}
    figures: dict[tuple[str, int, int], LoopFigures] = {}
    places: dict[Place, list[Loop]] = {}
    for sample in found.samples:
        main = next((look for look in sample.looks if look.thread == found.pid), None)
        if main is None or importing(main.stack):
            continue
        beside = any(active(look) for look in sample.looks if look is not main)
        seen = set()
        for place in main.stack:
            if place not in places:
                places[place] = loops_at(place, files, read)
            for loop in places[place]:
                key = place.file, loop.lineno, loop.col_offset
                if key in seen:  # recursion
                    continue
                seen.add(key)
                each = figures.get(key)
                if each is None:
                    text = files[place.file].lines[loop.lineno - 1].strip()
                    each = figures[key] = LoopFigures(
                        place.file, loop.lineno, shorten_middle(text.removesuffix(":"), TEXT), obstacle(loop)
                    )
                add(each, main, sample.seconds)
                each.beside += sample.seconds * beside
    return sorted(figures.values(), key=lambda each: -each.seconds)


def active(look: Look) -> bool:
    """Whether a thread runs, or would run if the GIL or a core were free."""
    return look.state is not State.WAITS


def add(figures: LoopFigures, look: Look, seconds: float) -> None:
    if look.state in (State.HOLDS, State.BLOCKS):
        figures.held += seconds
    elif look.state is State.FREE:
        figures.free += seconds
    else:
        figures.waits += seconds
        figures.sleeps += seconds * (look.state is State.WAITS)


def loops_at(place: Place, files: dict[str, _File], read: dict[str, str] | None) -> list[Loop]:
    """Return the loops around a place, in the same function."""
    if not own(place.file):
        return []
    if place.file not in files:
        files[place.file] = parsed(place.file, read)
    return [
        loop
        for loop in files[place.file].loops
        if body_of(loop)[0] <= place.line <= body_of(loop)[1] and not between(loop, place)
    ]


def parsed(file: str, read: dict[str, str] | None) -> _File:
    try:
        if read is not None:
            text = read[file]
        else:
            with open(file, encoding="utf-8") as opened:
                text = opened.read()
        tree = ast.parse(text)
    except (OSError, KeyError, ValueError, SyntaxError, RecursionError):
        return _File()
    return _File([node for node in ast.walk(tree) if isinstance(node, Loop)], text.splitlines())


def body_of(loop: Loop) -> tuple[int, int]:
    """Return the first and the last line of what is repeated."""
    if isinstance(loop, ast.For):
        return loop.body[0].lineno, loop.body[-1].end_lineno or 0
    return loop.lineno, loop.end_lineno or 0


def between(loop: Loop, place: Place) -> bool:
    """Whether the place is in a function that is defined inside the loop."""
    return any(
        isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        and node.lineno <= place.line <= (node.end_lineno or 0)
        and not isinstance(node, ast.Lambda)
        for node in ast.walk(loop)
    )


# ---- Dependencies between iterations


def obstacle(loop: Loop) -> str:
    """Return why the iterations of a loop cannot run at the same time, or an empty string if no reason is seen."""
    if not isinstance(loop, ast.For):
        return ""
    for node in ast.walk(ast.Module(loop.body, [])):
        if isinstance(node, (ast.Yield, ast.YieldFrom, ast.Await)):
            return "it hands values out one by one"
    if any(True for _ in leaves(loop.body)):
        return "it may end early"
    targets = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
    events = list(events_of(loop.body, targets))
    carried = []
    for name in dict.fromkeys(name for kind, name in events if kind != "load"):
        if name in targets:
            continue
        mine = [kind for kind, other in events if other == name]
        if mine[0] == "store" or set(mine) == {"reduce"} or set(mine) == {"item"}:
            continue  # its own value in each iteration, a partial result, or its own items
        carried.append(name)
    if carried:
        return f"each iteration needs {', '.join(carried[:3])} of the one before"
    return ""


def leaves(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Return the statements that end the loop: break and return. Those that belong to inner loops and functions do not
    count."""
    for node in body:
        if isinstance(node, (ast.Break, ast.Return)):
            yield node
        elif isinstance(node, (ast.For, ast.While)):
            yield from (each for each in leaves(node.body) if isinstance(each, ast.Return))
        elif not isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            for name in ("body", "orelse", "finalbody"):
                yield from leaves(getattr(node, name, []))
            for handler in getattr(node, "handlers", []):
                yield from leaves(handler.body)


def events_of(nodes: Sequence[ast.AST], targets: set[str]) -> Iterator[tuple[str, str]]:
    """Return what happens to names, in the order of execution.

    load, store; reduce: something is added to it; item: an item is stored at an index that the loop variable gives;
    change: any other item or attribute is stored.
    """
    for node in nodes:
        if isinstance(node, ast.Name):
            yield ("load" if isinstance(node.ctx, ast.Load) else "store"), node.id
        elif isinstance(node, ast.Assign):
            yield from events_of([node.value, *node.targets], targets)
        elif isinstance(node, ast.AugAssign):
            yield from events_of([node.value], targets)
            if isinstance(node.target, ast.Name):
                yield ("reduce" if isinstance(node.op, REDUCTIONS) else "change"), node.target.id
            else:
                yield from stored(node.target, targets, True)
        elif isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            yield from stored(node, targets, False)
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            yield from events_of([node.iter, node.target, *node.body, *node.orelse], targets)
        elif isinstance(node, Comprehension):
            own_names = {
                each.id for part in node.generators for each in ast.walk(part.target) if isinstance(each, ast.Name)
            }
            yield from (
                (kind, name)
                for kind, name in events_of(list(ast.iter_child_nodes(node)), targets)
                if name not in own_names
            )
        elif isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            continue
        else:
            yield from events_of(list(ast.iter_child_nodes(node)), targets)


def stored(node: ast.expr, targets: set[str], reads: bool) -> Iterator[tuple[str, str]]:
    """Return the events of storing an item or an attribute."""
    inner = node
    named = False
    while isinstance(inner, (ast.Subscript, ast.Attribute)):
        if isinstance(inner, ast.Subscript):
            yield from events_of([inner.slice], targets)
            named |= any(isinstance(each, ast.Name) and each.id in targets for each in ast.walk(inner.slice))
        inner = inner.value
    if isinstance(inner, ast.Name) and inner.id not in targets:
        yield ("item" if named and not reads else "change"), inner.id
    elif not isinstance(inner, ast.Name):
        yield from events_of([inner], targets)
