"""The default number of threads follows affinity and quota while the program runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

import gilkit

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity masks")

PROLOGUE = """
import os, threading, time, gilkit
all_cores = sorted(os.sched_getaffinity(0))

def becomes(number):
    "Whether the default is that number within two seconds, for calls too."
    end = time.monotonic() + 2
    while gilkit.num_threads() != number and time.monotonic() < end:
        time.sleep(0.05)
    return gilkit.num_threads() == number == gilkit.info()["threads"] and gilkit.spin(10_000_001) == 1
"""


@pytest.fixture
def default(monkeypatch):
    monkeypatch.delenv("GILKIT_NUM_THREADS", raising=False)


@pytest.mark.skipif(gilkit.info()["affinity"] < 2, reason="the machine has one core")
def test_affinity_at_run_time(run_python, default):
    run_python(
        PROLOGUE
        + """
before = gilkit.num_threads()
os.sched_setaffinity(0, all_cores[:1])
assert becomes(1)
os.sched_setaffinity(0, all_cores)
assert becomes(before)
# An explicit setting takes precedence over the affinity mask.
gilkit.set_num_threads(5)
os.sched_setaffinity(0, all_cores[:1])
time.sleep(1.1)
assert gilkit.num_threads() == 5
"""
    )


@pytest.mark.skipif(shutil.which("taskset") is None, reason="the system has no taskset")
def test_taskset(default):
    core = min(os.sched_getaffinity(0))
    command = ["taskset", "-c", str(core), sys.executable, "-c", "import gilkit; print(gilkit.num_threads())"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["1"]


@pytest.mark.skipif(gilkit.info()["affinity"] < 2, reason="the machine has one core")
def test_workers_do_not_spin_without_a_core(run_python, default):
    """When only one core remains, idle workers sleep immediately, and only the caller uses CPU time."""
    run_python(
        PROLOGUE
        + """
assert gilkit.spin(30_000_001, threads=8) == 1
os.sched_setaffinity(0, all_cores[:1])
assert becomes(1)
time.sleep(0.1)
before = time.process_time()
for _ in range(50):
    gilkit.spin(1000)
    time.sleep(0.01)
used = time.process_time() - before
assert used < 0.25, used
"""
    )


def test_a_real_quota(run_python, default, tmp_path):
    """Set a quota in a new control group, if this process may create one."""
    version2 = tmp_path / "v2"
    version2.mkdir()
    if shutil.which("mount") is None or os.getuid() != 0:
        pytest.skip("only root can make a control group")
    if not os.path.exists("/sys/fs/cgroup/cpu.max") and not os.path.exists("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"):
        pytest.skip("no control groups with a quota are mounted at /sys/fs/cgroup")
    name = f"gilkit-test-{os.getpid()}"
    if os.path.exists("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"):
        group, settings = f"/sys/fs/cgroup/cpu/{name}", {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "100000"}
    else:
        group, settings = f"/sys/fs/cgroup/{name}", {"cpu.max": "100000 100000"}
    try:
        os.mkdir(group)
        for file, value in settings.items():
            with open(f"{group}/{file}", "w") as setting:
                setting.write(value)
    except OSError as error:
        if os.path.isdir(group):
            os.rmdir(group)
        pytest.skip(f"this system allows no quota: {error}")
    try:
        run_python(
            PROLOGUE
            + f"""
before = gilkit.num_threads()
with open({group!r} + "/cgroup.procs", "w") as file:
    file.write(str(os.getpid()))
assert becomes(1), gilkit.info()
assert gilkit.info()["quota"] == 1.0
"""
        )
    finally:
        os.rmdir(group)
