"""Call gilkit's array functions with random arguments and compare each answer with NumPy's or the reference's.

``nox -s fuzz`` builds gilkit with AddressSanitizer and UndefinedBehaviorSanitizer and runs this file. It works with any
build:

    python tests/fuzz/fuzz.py --seconds 60
    python tests/fuzz/fuzz.py --seed 5 --case 1234      # repeat one case, as a finding suggests

A case depends only on the seed and its number. The cases run in a child process, so a crash is a finding as well.
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
from case import Case
from kinds import KINDS
from patched import PATCHED

# Errors that a function may raise for arguments that it does not accept. NumPy's axis errors are subclasses of them.
REFUSALS = (TypeError, ValueError, OverflowError, MemoryError, IndexError, ZeroDivisionError)
ENDED = (TimeoutError, CancelledError)
BATCH = 2000  # cases per child process


def run_case(seed, number, hostile):
    """Run the case; raise AssertionError for a wrong answer."""
    case = Case(seed, number, hostile)
    kind = case.pick([*KINDS, *PATCHED])
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            kind(case)
    except (*REFUSALS, *ENDED):
        return
    except RuntimeError as error:
        if str(error) != "armed":
            raise
    except BaseException:
        print(f"{kind.__name__}: {'; '.join(case.said)}", file=sys.stderr)
        raise


def child(seed, first, last, place, hostile, until):
    for number in range(first, last):
        if time.monotonic() > until:
            return
        place.write_text(str(number))
        run_case(seed, number, hostile)
    place.write_text(str(last))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, help="default: a random seed, which is printed")
    parser.add_argument("--case", type=int, help="run only this case, in this process")
    parser.add_argument("--findings", type=int, default=10, help="stop after this number of findings")
    parser.add_argument("--without-hostile", action="store_true", help="use no subclasses with wrong attributes")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    seed = secrets.randbits(32) if args.seed is None else args.seed
    if args.child:
        first, last, place = args.child
        child(seed, int(first), int(last), Path(place), not args.without_hostile, time.monotonic() + args.seconds)
        return 0
    if args.case is not None:
        run_case(seed, args.case, not args.without_hostile)
        return 0
    print(f"seed {seed}", flush=True)
    until, next_case, findings = time.monotonic() + args.seconds, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "case")
        while time.monotonic() < until and findings < args.findings:
            options = ["--without-hostile"] if args.without_hostile else []
            me = [sys.executable, __file__, "--seed", str(seed), *options]
            left = str(max(0.0, until - time.monotonic()))
            place.write_text(str(next_case))
            process = subprocess.Popen(
                [*me, "--seconds", left, "--child", str(next_case), str(next_case + BATCH), str(place)],
                stderr=subprocess.PIPE,
                text=True,
            )
            seen = None
            while True:  # a case that hangs is a finding as well
                try:
                    _, said = process.communicate(timeout=120)
                    break
                except subprocess.TimeoutExpired:
                    if place.read_text() == seen:
                        process.kill()
                    seen = place.read_text()
            at = int(place.read_text() or next_case)
            if process.returncode == 0:
                next_case = at
                continue
            findings += 1
            next_case = at + 1
            print(f"case {at} ended with {process.returncode}:\n{said[-6000:]}")
            print(f"again: {' '.join([*me, '--case', str(at)])}", flush=True)
    print(f"{next_case} cases, {findings} findings, seed {seed}")
    return min(findings, 1)


if __name__ == "__main__":
    try:
        status = main()
    except AssertionError:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    os._exit(status) if "--case" in sys.argv else sys.exit(status)
