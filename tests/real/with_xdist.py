"""pytest-xdist: tests that use gilkit, some in forked processes, on two workers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import support
import work

TESTS = """
import math
import os
import pytest
import work

@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kind", [*work.KINDS, "sleep"])
def test_answers(kind, seed):
    assert work.answer(kind, seed) == work.expected(kind, seed)

def test_share():
    import gilkit
    found = gilkit.info()
    assert found["threads"] == max(1, min(found["affinity"], math.ceil(found["quota"] or 1e9)) // 2)

def test_fork():
    assert work.answer("map", 3) == work.expected("map", 3)
    child = os.fork()
    if child == 0:
        os._exit(0 if work.answer("map", 4) == work.expected("map", 4) else 1)
    assert os.waitpid(child, 0)[1] == 0
"""


def main() -> None:
    support.needs("pytest", "xdist")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_real.py").write_text(TESTS)
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "-W", "ignore", folder]
        done = subprocess.run(command, cwd=folder, env=support.ENVIRONMENT, capture_output=True, text=True, timeout=90)
        expected = f"{10 * (len(work.KINDS) + 1) + 2} passed"
        assert done.returncode == 0 and expected in done.stdout, done.stdout[-3000:] + done.stderr[-3000:]


if __name__ == "__main__":
    main()
