"""Runs the pool's C code under random schedules, and seeds the mutations of tests/model in it, which must be found.

Needs clang. Each mutation is built and run until a schedule fails; a schedule that fails is printed with its seed, and
`--keep FOLDER` keeps the programs, which repeat it: FOLDER/NAME SEED.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
SEEDS = 50  # of one call of the program
ROUNDS = 16  # schedules of one seed, as in test_schedule.c

# For each mutation of tests/model/pool.pml: the file, what is replaced, and by what.
MUTATIONS: dict[str, list[tuple[str, str, str]]] = {
    "OFFER_AFTER_LOOK": [
        ("region.h", "    int eager;\n", "    int eager, early;\n"),
        ("slots.c", "        atomic_fetch_add(&work_mask, (UINT64_C(1) << index)",
         "        extern int gk_pool_sleepers(void);\n        r->early = gk_pool_sleepers();\n"
         "        atomic_fetch_add(&work_mask, (UINT64_C(1) << index)"),
        ("pool.c", "    int asleep = atomic_load(&pool.sleepers);",
         "    int asleep = blocking ? atomic_load(&pool.sleepers) : r->early;"),
    ],
    "SLEEPER_AFTER_LOOK": [
        ("pool.c", "    atomic_fetch_add(&pool.sleepers, 1);\n",
         "    int look = (lazily || gk_offers() == 0) && atomic_load(&pool.stop) == 0;\n"
         "    atomic_fetch_add(&pool.sleepers, 1);\n"),
        ("pool.c", "if ((lazily || gk_offers() == 0) && atomic_load(&pool.stop) == 0) {", "if (look) {"),
    ],
    "NO_SECOND_LOOK": [("pool.c", "if ((lazily || gk_offers() == 0) && atomic", "if (atomic")],
    "SAME_EPOCH": [("pool.c", "    atomic_fetch_add(&pool.epoch, 1);\n    gk_wake(&pool.epoch, count);",
                    "    gk_wake(&pool.epoch, count);")],
    "JOIN_CLOSED": [("slots.c", "if ((seen & OPEN) == 0 || (seen & ROOM) == 0)", "if ((seen & ROOM) == 0)")],
    "COUNT_BEFORE_CLOSE": [("slots.c", "    uint32_t left = atomic_fetch_and(word, ~(uint32_t)OPEN);",
                            "    uint32_t left = atomic_load(word);\n    atomic_fetch_and(word, ~(uint32_t)OPEN);")],
    "OPEN_BEFORE_REGION": [
        ("slots.c", "        s->region = r;\n", ""),
        ("slots.c", "unopened | OPEN, memory_order_release);\n",
         "unopened | OPEN, memory_order_release);\n        schedule_step();\n        s->region = r;\n"),
    ],
    "OPEN_BEFORE_OFFER": [
        ("slots.c", "        atomic_fetch_add(&work_mask, (UINT64_C(1) << index) + (r->counted ? CALLER : 0));\n", ""),
        ("slots.c", "unopened | OPEN, memory_order_release);\n",
         "unopened | OPEN, memory_order_release);\n"
         "        atomic_fetch_add(&work_mask, (UINT64_C(1) << index) + (r->counted ? CALLER : 0));\n"),
    ],
    "LEAVE_BEFORE_RESULT": [
        ("pool.c", "    r->work(r);\n", "    gk_leave(slot);\n    r->work(r);\n"),
        ("pool.c", "        gk_leave(slot);\n    gk_self.helped", "        ;\n    gk_self.helped"),
    ],
    "NO_LAST_WAKE": [("slots.c", "        gk_wake(word, GK_WAKE_ALL);", "        ;")],
    "WAIT_UNSEEN": [("slots.c", "gk_wait(word, seen, has_duties", "gk_wait(word, atomic_load(word), has_duties")],
    "CLAIM_IN_TWO": [
        ("parallel.c", "        int64_t first = atomic_fetch_add_explicit(&r->next, count, memory_order_relaxed);",
         "        int64_t first = atomic_load(&r->next);\n        atomic_store(&r->next, first + count);"),
    ],
    "WITHDRAW_OUTSIDE": [("slots.c", "    uint32_t seen = atomic_fetch_sub(word, 1);\n",
                          "    uint32_t seen = atomic_fetch_sub(word, 1);\n    gk_withdraw_offer(slot);\n")],
    "STOP_SAME_EPOCH": [("pool.c", "        atomic_fetch_add(&pool.epoch, 1);\n        gk_wake", "        gk_wake")],
    "STOP_UNSEEN": [("pool.c", "gk_offers() == 0) && atomic_load(&pool.stop) == 0) {", "gk_offers() == 0)) {")],
    "STOP_JOINED": [("pool.c", "if (atomic_load(&pool.closed) != 0) { /* [close-join] */", "if (0) {")],
    "STOP_BEFORE_CLOSE": [
        ("pool.c", "    atomic_store(&pool.closed, 1);\n    GK_STEP();\n", ""),
        ("pool.c", "!gk_helpers_inside(); /* [close-join] */\n",
         "!gk_helpers_inside();\n    atomic_store(&pool.closed, 1);\n"),
    ],
    "STOP_STALE_OFFER": [("slots.c", "    gk_withdraw_offer(r->slot); /* again:", "    /* again:")],
    "FOREIGN_STOP_PLACE": [("pool.c", "                gk_give_back((int)index);", "                gk_leave((int)index);")],
    "FOREIGN_LOOK_FIRST": [
        ("pool.c", "            atomic_fetch_sub(&pool.looking, 1);\n            *looking = 0;\n",
         "            int foreign = gk_foreign_offer();\n"
         "            atomic_fetch_sub(&pool.looking, 1);\n            *looking = 0;\n"),
        ("pool.c", "            if (gk_foreign_offer() == 0) /* [look-away] */", "            if (foreign == 0)"),
    ],
    "FOREIGN_LOOK_ONCE": [("pool.c", "            if (gk_foreign_offer() == 0) /* [look-away] */", "")],
    "FOREIGN_JOIN_ONLY": [("pool.c", "        if (helpers > 0)\n            ensure_watch(helpers);", "")],
    "FOREIGN_STOP_ALONE": [("pool.c", "    int stopped = stop_idle_workers();\n    replace_watch();",
                            "    int stopped = stop_idle_workers();")],
}  # fmt: skip


def of_the_model() -> set[str]:
    """Return the names of the mutations of tests/model."""
    return set(re.findall(r"^#define ([A-Z_]+) +\d+ /\*", (ROOT / "tests/model/pool.pml").read_text(), re.M))


def build(name: str, folder: Path) -> Path:
    """Build the program, with the mutation `name`, or the code as it is if it has none."""
    csrc = folder / f"{name}.csrc"
    for part in ("base", "runtime"):
        shutil.copytree(ROOT / "csrc" / part, csrc / part)
    for file, before, after in MUTATIONS.get(name, []):
        text = (csrc / "runtime" / file).read_text()
        if text.count(before) != 1:
            raise SystemExit(f"{name}: {file} has changed: {before!r} is there {text.count(before)} times")
        (csrc / "runtime" / file).write_text(text.replace(before, after))
    program = folder / name
    sources = [HERE / "test_schedule.c", HERE / "scheduler.c", *sorted((csrc / "runtime").glob("*.c"))]
    subprocess.run(
        ["clang", "-std=gnu11", "-O1", "-g", "-w", "-pthread", f"-I{csrc}", f"-I{HERE}",
         "-include", HERE / "atomics.h", *sources, "-o", program],
        check=True,
    )  # fmt: skip
    return program


def search(program: Path, seed: int, seconds: float) -> tuple[int, str]:
    """Run schedules until one fails or the time is over; return how many seeds were tried, and what went wrong."""
    count, end = 0, time.monotonic() + seconds
    while count == 0 or time.monotonic() < end:
        done = subprocess.run([program, str(seed + count), str(SEEDS)], stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            return count, ", ".join(done.stdout.split("\n")).strip(", ")
        count += SEEDS
    return count, ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="mutations (default: all, and the code as it is)")
    parser.add_argument("--seconds", type=float, default=60, help="for each program")
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="build the programs there")
    options = parser.parse_args()
    if shutil.which("clang") is None:
        print("clang is not installed")
        return 2
    failed = 0
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(2) as pool:
        folder = options.keep or Path(scratch)
        folder.mkdir(exist_ok=True)

        def one(name: str) -> tuple[str, int, str, float]:
            begin = time.monotonic()
            count, why = search(build(name, folder), options.seed, options.seconds)
            return name, count, why, time.monotonic() - begin

        for name, count, why, seconds in pool.map(one, options.names or ["as-it-is", *MUTATIONS]):
            wrong = (why == "") == (name in MUTATIONS)
            failed += wrong
            outcome = why or f"no failure in {count * ROUNDS:,} schedules"
            print(f"{'NOT AS EXPECTED: ' if wrong else ''}{name}: {outcome} ({seconds:.1f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
