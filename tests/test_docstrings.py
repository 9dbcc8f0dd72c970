"""Docstrings of the public names: numpydoc sections that name every parameter, and examples that run."""

import ast
import dataclasses
import doctest
import inspect
import re

import pytest

import gilkit
from gilkit import sync

NOT_CALLED = {"__version__", "array_api", "blocks", "patching", "reference", "sync"}
RETURN_NOTHING = {"gilkit.parallel_for", "gilkit.set_num_threads", "gilkit.unpatch_numpy"}

NAMES = [f"gilkit.{name}" for name in sorted(set(gilkit.__all__) - NOT_CALLED)]
NAMES += [f"gilkit.sync.{name}" for name in sorted(sync.__all__) if name != "BrokenBarrierError"]  # threading's
SECTION = re.compile(r"^([A-Z][A-Za-z ]*)\n-{3,}$", re.M)


def public(name):
    module, _, attribute = name.rpartition(".")
    return getattr(sync if module == "gilkit.sync" else gilkit, attribute)


def docstring(thing):
    """The docstring without the signature that Cython puts in front of it."""
    text = inspect.cleandoc(thing.__doc__ or "")
    return re.sub(rf"\A(?:[\w.]+\.)?{thing.__name__}\(.*\)(?: -> .*)?\n+", "", text)


def sections(text):
    """The text of each section by its title. The summary has the title ""."""
    parts = SECTION.split(text)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def documented(section):
    """The names that a Parameters section describes: lines such as "a, b : int"."""
    names = []
    for line in section.splitlines():
        match = re.match(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: : \S.*)?$", line)
        if match:
            names += [name.lstrip("*") for name in match[1].split(", ")]
    return names


def parameters(thing):
    """The names of the parameters, also of a Cython class, whose docstring begins with its signature."""
    try:
        found = list(inspect.signature(thing).parameters)
    except (ValueError, TypeError):
        head = re.match(rf"{thing.__name__}\((.*)\)", inspect.cleandoc(thing.__doc__ or ""))
        if head is None:
            return []
        arguments = ast.parse(f"def function({head[1]}): pass").body[0].args
        found = [argument.arg for argument in arguments.posonlyargs + arguments.args]
        found += [arguments.vararg.arg] if arguments.vararg else []
        found += [argument.arg for argument in arguments.kwonlyargs]
        found += [arguments.kwarg.arg] if arguments.kwarg else []
    return [name for name in found if name not in ("self", "cls")]


def is_made_by_gilkit(thing):
    """Whether users do not call the class: exceptions, warnings and results."""
    return isinstance(thing, type) and (issubclass(thing, (BaseException, tuple)) or dataclasses.is_dataclass(thing))


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def test_opens_with_a_summary(name):
    summary, _, rest = docstring(public(name)).partition("\n")
    assert re.match("[A-Z].*[.]$", summary), summary
    assert len(summary) <= 120
    assert rest == "" or rest.startswith("\n"), "the summary is one line"


def test_names_every_parameter(name):
    thing = public(name)
    if is_made_by_gilkit(thing):
        pytest.skip("users do not call it")
    assert documented(sections(docstring(thing)).get("Parameters", "")) == parameters(thing)


def test_says_what_it_returns(name):
    thing = public(name)
    if isinstance(thing, type) or name in RETURN_NOTHING:
        pytest.skip("returns nothing")
    assert {"Returns", "Yields"} & set(sections(docstring(thing)))


def test_sections_are_in_order(name):
    order = [
        "", "Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns", "See Also", "Notes", "References", "Examples",
    ]  # fmt: skip
    found = list(sections(docstring(public(name))))
    assert [title for title in order if title in found] == found


@pytest.mark.thread_unsafe(reason="doctest replaces sys.stdout")
def test_examples_run(name):
    thing = public(name)
    if is_made_by_gilkit(thing):
        pytest.skip("shown by the function that makes it")
    examples = sections(docstring(thing)).get("Examples", "")
    assert ">>>" in examples, "no Examples section"
    test = doctest.DocTestParser().get_doctest(examples, {"gilkit": gilkit}, name, None, None)
    report = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)
