"""A pytest plugin: patches NumPy if FOREIGN_PATCH is set, and writes the outcome of each test to FOREIGN_OUTCOMES.

Each line of the file has three fields, separated by tabs: the outcome, the number of calls of gilkit's functions (see
functions.py), and the argument with which pytest runs the test from any folder. If a test has several lines, the last
one counts. If FOREIGN_WARNINGS is set, each warning of a test is a line too, with "warns", its category and its text as
the outcome. Lines are written immediately, so a crash of the interpreter loses only the tests after it.
"""

import os
import re

failed = set()
files = {}
lines = open(os.environ["FOREIGN_OUTCOMES"], "w", buffering=1, errors="backslashreplace")  # noqa: SIM115 - open until the process ends


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


def pytest_warning_recorded(warning_message, nodeid):
    if "::" in nodeid and os.environ.get("FOREIGN_WARNINGS"):
        # Times, addresses and process ids differ from one run to the next.
        text = re.sub(r"0x[0-9a-fA-F]+|\d+", "#", " ".join(str(warning_message.message).split()))
        write(f"warns {warning_message.category.__name__}: {text}", nodeid)


def pytest_runtest_logstart(nodeid):
    write("crashed", nodeid)


def pytest_runtest_logreport(report):
    # A failure of setup or teardown counts more than the test's own outcome.
    if (report.when == "call" or report.outcome != "passed") and report.nodeid not in failed:
        if report.outcome == "failed":
            failed.add(report.nodeid)
        outcome = f"x{report.outcome}" if hasattr(report, "wasxfail") else report.outcome
        write(outcome, report.nodeid, dict(report.user_properties).get("calls", 0))
