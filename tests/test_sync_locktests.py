"""CPython's own lock tests, unchanged, with gilkit's locks."""

import importlib.util
import sys
import threading
import unittest

import pytest

from gilkit import sync

if importlib.util.find_spec("test.lock_tests") is None:
    pytest.skip(
        "this interpreter comes without the package test, which has the tests of locks", allow_module_level=True
    )

from test import lock_tests

# The tests start threads with the low-level function and wait for all of them to end.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


class LockTests(lock_tests.LockTests):
    locktype = staticmethod(sync.Lock)


@pytest.mark.full
class RLockTests(lock_tests.RLockTests):
    locktype = staticmethod(sync.RLock)


@pytest.mark.full
class EventTests(lock_tests.EventTests):
    eventtype = staticmethod(sync.Event)


@pytest.mark.full
class ConditionAsRLockTests(lock_tests.RLockTests):
    locktype = staticmethod(sync.Condition)

    def test_recursion_count(self):
        self.skipTest("threading.Condition has no _recursion_count() either")


class ConditionTests(lock_tests.ConditionTests):
    condtype = staticmethod(sync.Condition)


@pytest.mark.full
class ConditionOverLockOfThreadingTests(lock_tests.ConditionTests):
    condtype = staticmethod(lambda lock=None: sync.Condition(threading.RLock() if lock is None else lock))


@pytest.mark.full
class ConditionOverLockTests(lock_tests.ConditionTests):
    condtype = staticmethod(lambda lock=None: sync.Condition(sync.Lock() if lock is None else lock))

    def test_acquire(self):
        self.skipTest("takes the default lock twice")


@pytest.mark.full
class ThreadingConditionOverRLockTests(lock_tests.ConditionTests):
    condtype = staticmethod(lambda lock=None: threading.Condition(sync.RLock() if lock is None else lock))


@pytest.mark.full
class SemaphoreTests(lock_tests.SemaphoreTests):
    semtype = staticmethod(sync.Semaphore)


class BoundedSemaphoreTests(lock_tests.BoundedSemaphoreTests):
    semtype = staticmethod(sync.BoundedSemaphore)


class BarrierTests(lock_tests.BarrierTests):
    barriertype = staticmethod(sync.Barrier)


def test_all_classes_of_lock_tests_are_here():
    """A newer CPython may have more test classes."""
    tested = {base for cls in list(globals().values()) if isinstance(cls, type) for base in cls.__mro__}
    theirs = {
        value
        for name, value in vars(lock_tests).items()
        if isinstance(value, type) and issubclass(value, unittest.TestCase) and not name.startswith("Base")
    }
    assert theirs <= tested, f"{sorted(c.__name__ for c in theirs - tested)} of {sys.version}"
