"""A pytest plugin: patches NumPy if FOREIGN_PATCH is set, and writes the outcome of each test to FOREIGN_OUTCOMES.

Each line of the file has three fields, separated by tabs: the outcome, the number of calls of gilkit's functions (see
functions.py), and the argument with which pytest runs the test from any folder. If a test has several lines, the last
one counts. Lines are written immediately, so a crash of the interpreter loses only the tests after it.
"""

import os

failed = set()
files = {}
lines = open(os.environ["FOREIGN_OUTCOMES"], "w", buffering=1)  # noqa: SIM115 - open until the process ends


def write(outcome, nodeid, calls=0):
    place, separator, test = nodeid.partition("::")
    lines.write(f"{outcome}\t{calls}\t{files.get(place, place)}{separator}{test}\n")


def pytest_configure(config):
    size = os.environ.get("FOREIGN_PATCH")
    if size:
        import gilkit

        gilkit.patch_numpy(min_size=int(size))


def pytest_collectreport(report):
    if report.failed:
        write("not collected", report.nodeid)


def pytest_itemcollected(item):
    files[item.nodeid.partition("::")[0]] = item.path


def pytest_runtest_logstart(nodeid):
    write("crashed", nodeid)


def pytest_runtest_logreport(report):
    # A failure of setup or teardown counts more than the test's own outcome.
    if (report.when == "call" or report.outcome != "passed") and report.nodeid not in failed:
        if report.outcome == "failed":
            failed.add(report.nodeid)
        outcome = f"x{report.outcome}" if hasattr(report, "wasxfail") else report.outcome
        write(outcome, report.nodeid, dict(report.user_properties).get("calls", 0))
