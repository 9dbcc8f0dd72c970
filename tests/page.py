"""Run the code of one page of the documentation, from top to bottom, in the current folder: python page.py PAGE.

The fence of a block determines its use:

    python                run; the blocks of a page share one namespace
    python title="x.py"   written to the file x.py, for later blocks
    pycon                 an interactive session whose output is compared ("..." matches anything)
    sh                    commands, one per line; those that measure or build run in a cheap form (see CHEAP)
    c, cython, ...        part of a program that the build or the tests compile
    text                  no code

`<!-- from PATH -->` above a block means that the block is a verbatim part of that file. Such a block does not run
here, because the build or the tests run the file.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parent.parent
BUILT = ("bench/", "csrc/", "examples/", "gilkit/", "tests/")
FROM = re.compile(r"<!-- from (\S+) -->\s*$")
TITLE = re.compile(r'title="([\w.]+)"')


class PageError(Exception):
    """A block that does not behave as the page says."""


class Block(NamedTuple):
    language: str
    title: str | None
    source: str | None  # the file that contains the block
    line: int  # line of the page where the code begins
    code: str


def blocks(text: str) -> Iterator[Block]:
    before = None
    for token in MarkdownIt().parse(text):
        if token.type == "code_block":
            raise PageError(f"line {token.map[0] + 1}: indented code; use a fence, which names the language")
        if token.type == "fence":
            language, _, rest = token.info.partition(" ")
            title = TITLE.search(rest)
            source = FROM.search(before.content) if before and before.type == "html_block" else None
            yield Block(language, title and title[1], source and source[1], token.map[0] + 2, token.content)
        before = token


# ---- Commands


def gilkit(words: list[str]) -> list[str] | None:
    """Shorten the measurement, and run one experiment instead of all; the lab's workloads have their own tests."""
    from gilkit.lab import cli, experiments, workloads
    from gilkit.lab.program import command

    options = cli.parser().parse_args(words[1:])  # exits if an option is unknown
    if options.command == "experiment" and (options.name or options.all):
        name = options.name or "false-sharing"
        experiments.get(name)
        short = ["gilkit", "experiment", name, "--seconds", "0.02", "--threads", "2"]
        return [*short, "--save", options.save] if options.save else short
    if options.command == "run":
        own, program = command.split(words[2:])
        if not program[0].startswith("-") and not Path(program[0]).exists():
            return None  # a program that only the reader has
        return ["gilkit", "run", *own, *(["--rounds", "3"] if options.compare else []), *program]
    if options.command == "profile":
        exists = options.pid is None and (options.program[0].startswith("-m") or Path(options.program[0]).exists())
        # Skip a process or a program that only the reader has. One run of the program is enough.
        return [word for word in words if word != "--verify"] if exists else None
    if options.command == "compare":
        if ":" in options.target:
            return [*words, "--rounds", "1", "--threads", "2"]
        workloads.get(options.target)
        return None
    if options.command == "report" and not options.sources:
        return None
    return words


def pip(words: list[str]) -> None:
    """Check that the extras exist; .ci/run tests the installation."""
    if words[1] != "install":
        raise PageError(f"pip {words[1]} is not checked")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for word in words[2:]:
        named = re.fullmatch(r"\.(?:\[([\w,]+)\])?", word)
        missing = set(named[1].split(",")) - set(extras) if named and named[1] else set()
        if missing:
            raise PageError(f"pyproject.toml has no extra {', '.join(missing)}")


def pytest(words: list[str]) -> list[str] | None:
    """Only collect the tests, if the command selects some."""
    chosen = [word for word in words[1:] if not re.match("--(benchmark-json|timeout)", word)]
    if all(word.startswith("--") for word in chosen):
        return None
    return ["pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *chosen]


def python(words: list[str]) -> list[str] | None:
    if words[1] == "-m":
        return None if words[2] == "venv" else words
    path = ROOT / words[1]
    if path.exists():  # a program that measures: only compile it
        program = str(path / "__main__.py" if path.is_dir() else path)
        return [sys.executable, "-c", f"compile(open({program!r}).read(), {program!r}, 'exec')"]
    return words


def accept(_: list[str]) -> None:
    return None


CHEAP: dict[str, Callable[[list[str]], list[str] | None]] = {
    "gilkit": gilkit,
    "pip": pip,
    "pytest": pytest,
    "python": python,
    "bash": lambda words: ["bash", "-n", *words[1:]],
    **dict.fromkeys(("cc", "mkdir"), lambda words: words),
    "make": lambda words: ["make", "--dry-run", *words[1:]],
    **dict.fromkeys((".", "cd", "git", "mkdocs", "nox", "pre-commit"), accept),
}
IN_THE_CHECKOUT = ("bash", "make", "pytest", "python")


def run_commands(block: Block) -> None:
    for line in block.code.splitlines():
        words: list[str] = []
        for word in [*shlex.split(line, comments=True), "&&"]:
            if word != "&&":
                words.append(word)
            elif words:
                run_command(*words)
                words = []


@cache  # a page may contain a command twice
def run_command(*line: str) -> None:
    words, settings = list(line), {}
    while re.match(r"[A-Z_]+=", words[0]):
        name, settings[name] = words.pop(0).split("=", 1)
    if words[0] not in CHEAP:
        raise PageError(f"{shlex.join(words)!r}: CHEAP does not say how to run it")
    command = CHEAP[words[0]](words)
    if command is None:
        return
    inside = words[0] in IN_THE_CHECKOUT and not Path(words[-1]).exists()
    done = subprocess.run(
        command, env=os.environ | settings, cwd=ROOT if inside else None, stdin=subprocess.DEVNULL,
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise PageError(f"{shlex.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")


# ---- Python


def run_python(block: Block, page: Path, names: dict[str, object]) -> None:
    # Keep the page's line numbers for tracebacks.
    exec(compile("\n" * (block.line - 1) + block.code, page, "exec"), names)


def run_session(block: Block, page: Path, names: dict[str, object]) -> None:
    test = doctest.DocTestParser().get_doctest(block.code, {}, page.name, str(page), block.line - 1)
    if not test.examples:
        raise PageError("a session has lines that begin with >>>")
    test.globs = names
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    if runner.run(test, clear_globs=False).failed:
        raise PageError("the output of the session differs: see above")


# ---- A page


def check_part(block: Block) -> None:
    if not block.source.startswith(BUILT):
        raise PageError(f"{block.source} is not in a folder that is built or tested: {', '.join(BUILT)}")
    if block.code not in (ROOT / block.source).read_text(encoding="utf-8"):
        raise PageError(f"this is not in {block.source}, verbatim")


def run(block: Block, page: Path, names: dict[str, object]) -> None:
    if block.source:
        check_part(block)
    elif block.title:
        Path(block.title).write_text(block.code, encoding="utf-8")
    elif block.language == "python":
        run_python(block, page, names)
    elif block.language == "pycon":
        run_session(block, page, names)
    elif block.language == "sh":
        run_commands(block)
    elif block.language != "text":
        raise PageError(f"a block in {block.language or 'no language'} is neither run nor checked")


def main(page: Path) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page.read_text(encoding="utf-8")):
        try:
            run(block, page, names)
        except PageError as error:
            sys.exit(f"{page}:{block.line}: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
