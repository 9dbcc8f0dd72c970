"""Runs the C code itself, in the small programs of the folder genmc, through the model checker GenMC.

GenMC (https://github.com/MPI-SWS/genmc, tried with 0.9) explores every execution of a program that a memory model
allows: RC11, or IMM, which also has those that Armv8 and POWER add. It must be installed, with the clang it was built
for. For structures with pointers that are set to zero, version 0.9 needs the PromoteMemIntrinsicPass of 0.10. Only one
copy may run at a time, since its temporary file has a fixed name.

The programs include files of csrc as they are. With --weaken, each operation of these files gets each weaker order in
turn, and GenMC's findings are compared with those of the races.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from check import RACES, Proof, needs, weaker
from source import CSRC, FILES, Site, atomics, with_order

PROGRAMS = Path(__file__).parent / "genmc"


def run(genmc: str, program: Path, csrc: Path, model: str, seconds: float) -> tuple[bool, str]:
    """Return whether GenMC finds no error, and what it says."""
    unroll = re.search(r"GenMC: (--unroll=\d+)", program.read_text())
    options = [f"--{model}", "--disable-function-inliner", unroll[1] if unroll else "--unroll=4"]
    command = [genmc, *options, "--", "-std=gnu11", "-w", f"-I{csrc}", str(program)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return True, f"no error in {seconds:g} s; not finished"
    if "No errors were detected" in done.stdout:
        counts = re.search(r"executions explored: (\d+)", done.stdout)
        return True, f"{counts[1] if counts else '?'} executions"
    error = re.search(r"^Error detected: (.*)$", done.stdout, re.M)
    if error is None:
        raise SystemExit(f"{program.name}: GenMC failed:\n{done.stdout}{done.stderr}")
    return False, error[1]


def sources(program: Path) -> set[str]:
    """Return the files of csrc that a program includes, and their headers."""
    text = program.read_text()
    while own := re.findall(r'#include "(\w+\.[ch])"', text):
        for name in own:
            text = text.replace(f'#include "{name}"', (PROGRAMS / name).read_text())
    names = re.findall(r'#include "(?:base|sync|runtime)/(\w+)\.c"', text)
    return {f"{name}.{suffix}" for name in names for suffix in "ch"}


def weaken(genmc: str, program: Path, site: Site, order: str, seconds: float) -> bool:
    """Return whether GenMC finds an error if one operation has another order."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "csrc"
        shutil.copytree(CSRC, copy, ignore=shutil.ignore_patterns("kernels"))
        (path,) = [copy / name / site.file for name in (*FILES, "base") if (copy / name / site.file).exists()]
        path.write_text(with_order(path.read_text(), site, order))
        return not run(genmc, program, copy, "rc11", seconds)[0]


def explore(genmc: str, programs: list[Path], seconds: float) -> tuple[dict[Path, float], int]:
    """Run the programs as they are. Return how long each takes, and the number of failures."""
    times, failed = {}, 0
    for program in programs:
        for model in ("rc11", "imm"):
            begin = time.monotonic()
            holds, what = run(genmc, program, CSRC, model, seconds)
            times[program] = time.monotonic() - begin
            print(
                f"{'holds ' if holds else 'FAILS '} {program.stem}, {model}: {what}, {times[program]:.1f} s", flush=True
            )
            failed += not holds
    return times, failed


def weaken_all(genmc: str, times: dict[Path, float], seconds: float) -> int:
    """Weaken each order of the files that the programs include. Return how often GenMC disagrees with the races."""
    spare = {need.site: need.weakest["C11"] for need in needs([Proof(race) for race in RACES], ["C11"])}
    verdicts: dict[str, Counter[str]] = {}
    wrong = 0
    for site, orders in sorted(atomics().items()):
        programs = [program for program in sorted(times, key=times.__getitem__) if site.file in sources(program)]
        tried: dict[str, str] = {}  # orders, and the program in which GenMC finds an error
        allowed = spare.get(site, weaker(site, orders.success))

        def finds(order: str, site: Site = site, programs: list[Path] = programs) -> str:
            limits = {program: min(seconds, 10 + 3 * times[program]) for program in programs}
            return next((p.stem for p in programs if weaken(genmc, p, site, order, limits[p])), "")

        for order in weaker(site, orders.success) if programs else []:
            # Each execution is also one of any weaker order.
            known = [found for stronger, found in tried.items() if found and order in weaker(site, stronger)]
            if order in allowed and set(weaker(site, order)) & set(allowed):
                continue  # the weaker order is tried
            tried[order] = known[0] if known else finds(order)
            if order in allowed:
                verdict = "not needed" if site in spare else "part of no race"
                if tried[order]:
                    verdict = f"WRONG: {'README.md' if site in spare else 'outside.py'} says that it is not needed"
                    wrong += 1
            else:
                verdict = "found by GenMC" if tried[order] else "found by the races alone"
            print(f"{site}: {order}: {verdict}{f' ({tried[order]})' if tried[order] else ''}", flush=True)
            verdicts.setdefault(site.file, Counter())[verdict.partition(":")[0]] += 1
    for file, counts in sorted(verdicts.items()):
        print(f"{file}: {sum(counts.values())} weaker orders: {', '.join(f'{n} {what}' for what, n in counts.items())}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="*", help="default: all")
    parser.add_argument("--genmc", default="genmc", help="the command (default: genmc)")
    parser.add_argument("--seconds", type=float, default=120, help="at most for one run")
    parser.add_argument("--weaken", action="store_true", help="try weaker orders, too; takes up to an hour")
    options = parser.parse_args()
    if shutil.which(options.genmc) is None:
        print(f"{options.genmc} is not installed: skipped")
        return 0
    programs = [path for path in sorted(PROGRAMS.glob("*.c")) if path.stem in (options.programs or [path.stem])]
    times, failed = explore(options.genmc, programs, options.seconds)
    if options.weaken:
        failed += weaken_all(options.genmc, times, options.seconds)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
