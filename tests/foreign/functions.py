"""A pytest plugin: in the code of the tests, gilkit's functions take the place of NumPy's of the same names.

Only the tests call gilkit. NumPy's own code, and what the tests import from it, calls NumPy's functions as before. If
FOREIGN_COUNT is set, the reports say how many of gilkit's functions each test has called.
"""

import functools
import os
import types

import numpy as np
import pytest

import gilkit

calls = 0


def counted(function):
    @functools.wraps(function)
    def call(*args, **keywords):
        global calls
        calls += 1
        return function(*args, **keywords)

    return call


FUNCTIONS = {
    name: getattr(gilkit, name)
    for name, module in gilkit._LAZY.items()
    if module.startswith("gilkit.kernels.") and callable(getattr(np, name, None))
}
if os.environ.get("FOREIGN_COUNT"):
    FUNCTIONS = {name: counted(function) for name, function in FUNCTIONS.items()}
REPLACED = {id(getattr(np, name)): function for name, function in FUNCTIONS.items()}


class NumPy(types.ModuleType):
    """The module numpy, with gilkit's functions."""

    def __init__(self):
        super().__init__("numpy")
        vars(self).update({**vars(np), **FUNCTIONS})

    def __getattr__(self, name):
        return getattr(np, name)

    def __setattr__(self, name, value):
        setattr(np, name, value)
        vars(self)[name] = value

    def __delattr__(self, name):
        delattr(np, name)
        del vars(self)[name]

    def __dir__(self):
        return dir(np)


REPLACED[id(np)] = NumPy()


def replaced(value):
    """Return the value, or the same container, with gilkit's functions."""
    if id(value) in REPLACED:
        return REPLACED[id(value)]
    if type(value) in (list, tuple):
        return type(value)(replaced(each) for each in value)
    if type(value) is dict:
        return {key: replaced(each) for key, each in value.items()}
    return value


def replace(namespace):
    for name, value in list(vars(namespace).items()):
        other = replaced(value)
        if other is not value and other != value:
            setattr(namespace, name, other)


def pytest_itemcollected(item):
    replace(item.module)
    if item.cls is not None:
        for each in item.cls.__mro__:
            if each.__module__ == item.module.__name__:
                replace(each)
    if hasattr(item, "callspec"):
        item.callspec.params.update({name: replaced(value) for name, value in item.callspec.params.items()})


def pytest_runtest_logstart():
    global calls
    calls = 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    report = yield
    report.user_properties.append(("calls", calls))
    return report
