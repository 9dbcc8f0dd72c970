"""A pytest plugin: patches NumPy if FOREIGN_PATCH is set, and writes the outcome of each test to FOREIGN_OUTCOMES.

The file has lines of an outcome, the number of calls of gilkit's functions (see functions.py), and what pytest takes to run
the test from any folder, with tabs between them. Of several lines for one test, the last one counts. Lines are written at
once, so a crash of the interpreter loses only the tests that come after it.
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
