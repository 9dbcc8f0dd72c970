"""The user's own function, named as ``path/to/file.py:function``, and the function that makes its inputs."""

import importlib
import inspect
import os
import sys

_targets = {}
_inputs = {}


class Unusable(Exception):
    """A mistake in the given names, in a sentence that needs no traceback."""


def target(spec):
    """Return the function that ``path/to/file.py:name`` names.

    The file's folder is added to sys.path and the file is imported under its own name, as the processes of a pool will
    import it.
    """
    if spec not in _targets:
        path, _, name = spec.rpartition(":")
        path = os.path.abspath(path)
        stem = os.path.splitext(os.path.basename(path))[0]
        folder = os.path.dirname(path)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        module = importlib.import_module(stem)
        found = os.path.abspath(getattr(module, "__file__", None) or "")
        if not os.path.exists(found) or not os.path.samefile(found, path):
            raise ImportError("%s is hidden by another module named %r: rename the file" % (path, stem))
        value = module
        for part in name.split("."):
            if not hasattr(value, part):
                raise Unusable("%s has no attribute %r" % (path, name))
            value = getattr(value, part)
        _targets[spec] = value
    return _targets[spec]


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
    call = target(make)
    if not callable(call):
        raise Unusable("%s is %s, not a function" % (make, type(call).__name__))
    if arity(make):
        raise Unusable(
            "%s() is missing %d required positional argument%s: it must make the inputs without arguments"
            % (make, arity(make), "s" * (arity(make) > 1))
        )
    items = call()
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


def solve(map, parts, function, make, take=None, repeat=1):
    """Return the list of results. An input is the only argument, or a tuple of all arguments if there are several."""
    items = inputs(function, make, take, repeat)
    call = target(function)
    if not make:
        return list(map(_Spread(function), items))
    if (arity(function) or 1) > 1:
        return list(map(_Spread(function), items))
    return list(map(call, items))


class _Spread(object):
    """Calls the function with the items of a tuple, and is pickled by the function's name."""

    def __init__(self, spec):
        self.spec = spec

    def __call__(self, item):
        return target(self.spec)(*item)
