"""The pool's C code under random schedules (tests/c/schedule), in short: .ci/run and nox -s schedules do more."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "c" / "schedule"))
from schedules import MUTATIONS, build, of_the_model, search  # noqa: E402


def test_each_mutation_of_the_model_is_made_in_the_code():
    assert set(MUTATIONS) == of_the_model()
    for name, changes in MUTATIONS.items():
        for file, before, _ in changes:
            assert (ROOT / "csrc/runtime" / file).read_text().count(before) == 1, f"{name}: {file}: {before!r}"


@pytest.mark.full
@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("clang"), reason="needs clang on Linux")
def test_a_schedule_that_fails_is_repeated_by_its_seed(tmp_path):
    assert search(build("as-it-is", tmp_path), seed=1, seconds=1)[1] == ""
    program = build("NO_SECOND_LOOK", tmp_path)
    why = search(program, seed=1, seconds=60)[1]
    assert "seed" in why
    seed = why.rpartition(" ")[2]
    for _ in range(2):
        done = subprocess.run([program, seed], stdout=subprocess.PIPE, text=True)
        assert done.returncode == 1
        assert done.stdout.splitlines()[-1] == why.partition(",")[0]
