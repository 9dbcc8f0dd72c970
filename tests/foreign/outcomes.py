"""A pytest plugin: patches NumPy if FOREIGN_PATCH is set, and writes the outcome of each test to FOREIGN_OUTCOMES.

The file has a line for each test: its outcome, a tab, and what pytest takes to run it from any folder.
"""

import os

outcomes = {}
files = {}


def pytest_configure(config):
    size = os.environ.get("FOREIGN_PATCH")
    if size:
        import gilkit

        gilkit.patch_numpy(min_size=int(size))


def pytest_itemcollected(item):
    files[item.nodeid.partition("::")[0]] = item.path


def pytest_runtest_logreport(report):
    # A failure of setup or teardown counts more than the test's own outcome.
    if report.when == "call" or report.outcome != "passed":
        outcome = f"x{report.outcome}" if hasattr(report, "wasxfail") else report.outcome
        if outcomes.get(report.nodeid) != "failed":
            outcomes[report.nodeid] = outcome


def pytest_sessionfinish(session):
    with open(os.environ["FOREIGN_OUTCOMES"], "w") as file:
        for name, outcome in sorted(outcomes.items()):
            place, separator, test = name.partition("::")
            file.write(f"{outcome}\t{files.get(place, place)}{separator}{test}\n")
