"""The user's own function, and the function that makes its inputs.

Each is named as ``/path/to/file.py:function``, or as ``package.module:function`` by what can be imported from the
current folder.
"""

import importlib
import inspect
import os
import sys
import traceback

from .agreement import shown

LONGEST = 300  # characters of a line

_targets = {}
_inputs = {}

# Where the worker's own files and the import system are.
NOT_THEIRS = (
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep,
    importlib.__file__,
    "<frozen importlib",
)


class Unusable(Exception):
    """A mistake in the given names, in a sentence that needs no traceback."""


class Raised(Exception):
    """One sentence: what the user's function raised, and for which input."""

    def __init__(self, sentence):
        Exception.__init__(self, sentence)
        self.gilkit_sentence = sentence  # which serve.py shows in place of the last line of the traceback


def target(spec):
    """Return the function that ``/path/to/file.py:name`` or ``package.module:name`` names.

    A file is imported under its own name, and a file in a package under its full name, as the processes of a pool will
    import it.
    """
    if spec not in _targets:
        where, _, name = spec.rpartition(":")
        module = _from_file(where) if os.path.isabs(where) else _by_name(where)
        value = module
        for part in name.split("."):
            if not hasattr(value, part):
                raise Unusable("%s has no attribute %r" % (where, name))
            value = getattr(value, part)
        _targets[spec] = value
    return _targets[spec]


def place(path):
    """Return the folder to import a file from, and its name there: ``package.module`` if it is in a package."""
    folder, name = os.path.split(os.path.splitext(path)[0])
    names = [] if name == "__init__" else [name]
    while os.path.isfile(os.path.join(folder, "__init__.py")) and os.path.dirname(folder) != folder:
        folder, package = os.path.split(folder)
        names.insert(0, package)
    return folder, ".".join(names)


def _from_file(path):
    folder, name = place(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    beside = os.path.dirname(path)
    if beside not in sys.path:
        sys.path.append(beside)  # a script in a package may import the files next to it
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        if "attempted relative import with no known parent package" not in str(error):
            raise
        raise Unusable(
            "%s has relative imports but is in no package (its folder has no __init__.py): name it as "
            "package.module:function, from the folder that holds the package" % path
        )
    found = os.path.abspath(getattr(module, "__file__", None) or "")
    if not os.path.exists(found) or not os.path.samefile(found, path):
        raise ImportError("%s is hidden by another module named %r: rename the file" % (path, name))
    return module


def _by_name(name):
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name + ".").startswith(error.name + "."):
            raise Unusable("there is no module %r in the current folder or on sys.path" % error.name)
        raise


def is_async(spec):
    """Whether the function is an ``async def``, or an object whose ``__call__`` is one."""
    function = target(spec)
    return any(map(inspect.iscoroutinefunction, (function, getattr(function, "__call__", None))))


def inputs(function, make, take=None, repeat=1):
    """Return the first ``take`` inputs that ``make`` returns, repeated ``repeat`` times.

    Without ``make``, there are ``take`` (by default 8) empty inputs.
    """
    key = (make, take, repeat)
    if key not in _inputs:
        items = made(make) if make else [()] * (take or 8)
        _inputs[key] = items[:take] * repeat
    return _inputs[key]


def made(make):
    """Return the inputs that the user's function makes."""
    if not callable(target(make)):
        raise Unusable("%s is %s, not a function" % (make, type(target(make)).__name__))
    if arity(make):
        raise Unusable(
            "%s() is missing %d required positional argument%s: it must make the inputs without arguments"
            % (make, arity(make), "s" * (arity(make) > 1))
        )
    items = caller(make, None)(())
    try:
        return list(items)
    except TypeError:
        if hasattr(type(items), "__iter__"):  # the iteration itself failed
            raise
        raise Unusable("%s must return a list of inputs, got %s" % (make, type(items).__name__))


def arity(function):
    """Return the number of required positional arguments, or None if the function has no signature."""
    try:
        parameters = inspect.signature(target(function)).parameters.values()
    except (TypeError, ValueError):
        return None
    return sum(each.default is each.empty and each.kind in (0, 1) for each in parameters)


def caller(function, make):
    """Return what to call with each input, which is the only argument, or a tuple of all if there are several.

    It can be pickled if the function can be imported.
    """
    several = not make or (arity(function) or 1) > 1
    coroutine = is_async(function)
    return _Call(function, several, coroutine) if several or coroutine else target(function)


def solve(map, parts, function, make, take=None, repeat=1):
    """Return the list of results."""
    return list(map(caller(function, make), inputs(function, make, take, repeat)))


class _Call(object):
    """Calls the function with an input, or with the items of a tuple, and is pickled by the function's name.

    The coroutine of an ``async def`` runs to its end, in an event loop of its own.
    """

    def __init__(self, spec, several, coroutine):
        self.spec = spec
        self.several = several
        self.coroutine = coroutine

    def start(self, item):
        """Call the function, and return its result or its coroutine."""
        return target(self.spec)(*item) if self.several else target(self.spec)(item)

    def __call__(self, item):
        result = self.start(item)
        if not self.coroutine:
            return result
        import asyncio  # takes longer to import than many functions take

        return asyncio.run(result)


def raising(function, make, items):
    """Return the sentence about the first input for which the function raises in a plain loop, or None."""
    each = caller(function, make)
    for index, item in enumerate(items):
        try:
            each(item)
        except Exception as error:
            return sentence(make, error, index, item)
    return None


def sentence(make, error, index, item):
    """Return what a call raised, and for which input."""
    if not make:
        return "it raised %s" % named(error)
    return "it raised %s, for inputs[%d], which is %s" % (named(error), index, shown(item))


def named(error):
    """Return an exception as the last line of its traceback, shortened."""
    return shortened(traceback.format_exception_only(type(error), error)[-1].strip())


def shortened(line):
    """Return a line without its middle if it is long: an exception may quote all of its data."""
    return line if len(line) <= LONGEST else "%s ... %s" % (line[: LONGEST - 105], line[-100:])


def own_traceback(error):
    """Return the traceback of the user's own code, without the lab's frames and those of the import system."""
    whole = traceback.TracebackException.from_exception(error)
    pending = [whole]
    while pending:
        each = pending.pop()
        kept = [frame for frame in each.stack if not frame.filename.startswith(NOT_THEIRS)]
        while kept and os.path.basename(os.path.dirname(kept[0].filename)) == "asyncio":
            del kept[0]  # asyncio.run(), which the lab calls
        each.stack = traceback.StackSummary.from_list(kept)
        pending += filter(None, [each.__cause__, each.__context__, *(getattr(each, "exceptions", None) or ())])
    return "\n".join(map(shortened, "".join(whole.format()).rstrip().splitlines()))
