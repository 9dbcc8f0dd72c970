"""Run the interpreter's own tests of concurrent.futures with gilkit.Executor in place of ThreadPoolExecutor.

usage: cpython_futures.py [--as-completed] [NAME...]     (parts of the names of tests; default: all that concern threads)

--as-completed also puts gilkit.as_completed in place of that of concurrent.futures.
"""

import concurrent.futures
import concurrent.futures.thread
import importlib
import importlib.util
import subprocess
import sys
import unittest

import gilkit
from gilkit._executor import Future

SWAP = """\
import concurrent.futures, concurrent.futures.thread, gilkit
concurrent.futures.ThreadPoolExecutor = concurrent.futures.thread.ThreadPoolExecutor = gilkit.Executor
"""


def swap():
    # Child processes import the class by this name.
    gilkit.Executor.__name__ = "ThreadPoolExecutor"
    concurrent.futures.ThreadPoolExecutor = concurrent.futures.thread.ThreadPoolExecutor = gilkit.Executor
    concurrent.futures.Future = concurrent.futures._base.Future = Future

    helper = importlib.import_module("test.support.script_helper")
    run = helper.assert_python_ok

    def run_swapped(*arguments, **variables):
        if arguments[0] == "-c":
            program = arguments[1].replace("if 1:", "if True:", 1)
            assert program.startswith("if True:"), program
            arguments = ("-c", SWAP + program, *arguments[2:])
        return run(*arguments, **variables)

    helper.assert_python_ok = run_swapped


def tests(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests(test)
        elif type(test).__name__.startswith(("ThreadPool", "Future")):
            yield test


def modules():
    package = importlib.import_module("test.test_concurrent_futures")
    if not hasattr(package, "__path__"):
        return [package]
    names = ("thread_pool", "wait", "as_completed", "init", "shutdown", "future")
    return [importlib.import_module(f"test.test_concurrent_futures.test_{name}") for name in names]


def run_in_a_process(*arguments):
    """Run this file with the arguments in another process, and return how many tests passed. For pytest."""
    import pytest

    try:
        found = importlib.util.find_spec("test.test_concurrent_futures")
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip("this interpreter was installed without its tests")
    # Without the mark -X dev or warnings as errors: the tests themselves fork and start threads.
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-5000:]
    return int(done.stdout.split()[-2])


def main():
    swap()
    if "--as-completed" in sys.argv:
        sys.argv.remove("--as-completed")
        concurrent.futures.as_completed = gilkit.as_completed
    support = importlib.import_module("test.support")
    support.use_resources = {"cpu": None, "walltime": None} if sys.version_info >= (3, 14) else ["cpu", "walltime"]
    found = [
        test
        for module in modules()
        for test in tests(unittest.defaultTestLoader.loadTestsFromModule(module))
        if len(sys.argv) == 1 or any(part in test.id() for part in sys.argv[1:])
    ]
    result = unittest.TextTestRunner(verbosity=2).run(unittest.TestSuite(found))
    print(f"{result.testsRun} tests")
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main()
