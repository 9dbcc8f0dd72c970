"""Runs the C code itself, in the small programs of the folder genmc, through the model checker GenMC.

GenMC (https://github.com/MPI-SWS/genmc, tried with 0.9) explores every execution of a program that a memory model
allows: RC11, or IMM, which also has those that Armv8 and POWER add. It must be installed, with the clang it was built
for. For structures with pointers that are set to zero, version 0.9 needs the PromoteMemIntrinsicPass of 0.10.

The programs include files of csrc as they are. With --weaken, each operation gets each weaker order in turn, and
GenMC's findings are compared with those of the races.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from check import RACES, Proof, needs, weaker
from source import CSRC, FILES, Site, atomics, with_order

PROGRAMS = Path(__file__).parent / "genmc"


def run(genmc: str, program: Path, csrc: Path, model: str, seconds: float) -> tuple[bool, str]:
    """Return whether GenMC finds no error, and what it says."""
    command = [genmc, f"--{model}", "--unroll=3", "--", "-std=gnu11", "-w", f"-I{csrc}", str(program)]
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
    for header in re.findall(r'#include "(\w+_stubs\.h)"', text):
        text += (PROGRAMS / header).read_text()
    names = re.findall(r'#include "(?:sync|runtime)/(\w+)\.c"', text)
    return {f"{name}.{suffix}" for name in names for suffix in "ch"}


def weaken(genmc: str, program: Path, site: Site, order: str, seconds: float) -> bool:
    """Return whether GenMC finds an error if one operation has another order."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "csrc"
        shutil.copytree(CSRC, copy, ignore=shutil.ignore_patterns("kernels"))
        (path,) = [copy / name / site.file for name in (*FILES, "base") if (copy / name / site.file).exists()]
        path.write_text(with_order(path.read_text(), site, order))
        return not run(genmc, program, copy, "rc11", seconds)[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="*", help="default: all")
    parser.add_argument("--genmc", default="genmc", help="the command (default: genmc)")
    parser.add_argument("--seconds", type=float, default=120, help="at most for one run")
    parser.add_argument("--weaken", action="store_true", help="try weaker orders, too; takes several minutes")
    options = parser.parse_args()
    if shutil.which(options.genmc) is None:
        print(f"{options.genmc} is not installed: skipped")
        return 0
    spare = {need.site: need.weakest["C11"] for need in needs([Proof(race) for race in RACES], ["C11"])}
    failed = 0
    for program in sorted(PROGRAMS.glob("*.c")):
        if options.programs and program.stem not in options.programs:
            continue
        for model in ("rc11", "imm"):
            begin = time.monotonic()
            holds, what = run(options.genmc, program, CSRC, model, options.seconds)
            print(
                f"{'holds ' if holds else 'FAILS '} {program.stem}, {model}: {what}, {time.monotonic() - begin:.1f} s"
            )
            sys.stdout.flush()
            failed += not holds
        for site in sorted(spare) if options.weaken else []:
            if site.file not in sources(program):
                continue
            for order in weaker(site, atomics()[site].success):
                if not weaken(options.genmc, program, site, order, options.seconds):
                    continue
                wrong = order in spare[site]
                failed += wrong
                print(f"  found out: {site}: {order}{' BUT THE RACES ALLOW IT' if wrong else ''}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
