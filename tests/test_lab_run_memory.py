"""``gilkit run`` lets glibc keep freed memory, unless the user has settings of his own."""

import os
import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
import resource
import numpy as np

def loop():
    for _ in range(20):
        a = np.zeros(400_000) + 1.0  # 3.2 MB
        b = a + 1
        del a, b

loop()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
loop()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(path, *command, **settings):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    kept.pop("GLIBC_TUNABLES", None)
    command = [sys.executable, "-P", *command, path]
    done = subprocess.run(command, env=kept | settings, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return int(done.stdout)


@pytest.fixture
def program(tmp_path):
    if not sys.platform.startswith("linux") or os.confstr("CS_GNU_LIBC_VERSION") is None:
        pytest.skip("the C library is not glibc")
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(PROGRAM))
    return str(path)


def test_freed_memory_is_kept(program):
    # Each round uses three arrays of 780 pages of 4 KiB.
    assert page_faults(program, "-m", "gilkit", "run") < 2000


@pytest.mark.parametrize(
    "settings",
    [
        {"MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072"},
        {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=131072"},
    ],
)
def test_the_users_own_settings_are_kept(program, settings):
    assert page_faults(program, "-m", "gilkit", "run", **settings) > 20 * 780
