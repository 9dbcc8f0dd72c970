"""python bench/programs [--predict] [--rounds N] [--threads N] [--min-size N] [--memory] [NAME ...]

Run the programs of this folder that use NumPy (or those named) under ``gilkit run --compare``, one after another, and print
a table with the geometric mean of the ratios. The exit status is 1 if a program printed something else when patched.

With --predict, run all programs under ``gilkit profile --verify`` instead, and print the predicted and the measured
time, each as a fraction of the unchanged program's time, or why there is no prediction. Programs without NumPy need a
free-threaded interpreter (GILKIT_FREE_THREADED_PYTHON). The exit status is 1 if fewer than nine in ten of the programs with
a prediction are predicted within 15 %.

The programs are written as a scientist would write them with NumPy, and some without. They do not mention gilkit and
are not tuned to it. Each is deterministic and prints its figures and a digest of its arrays.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
PROGRAMS = {path.stem: path for path in sorted(HERE.glob("*.py")) if path.name != "__main__.py"}
NAMES = [name for name, path in PROGRAMS.items() if "import numpy" in path.read_text()]


def compare(name: str, options: list[str], folder: Path) -> dict:
    """Run one comparison and return what it measured."""
    file = folder / f"{name}.json"
    # -P: in the checkout, the folder gilkit/ would hide the installed package.
    command = [sys.executable, "-P", "-m", "gilkit", "run", "--compare", f"--report={file}", *options]
    done = subprocess.run(
        [*command, HERE / f"{name}.py"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode not in (0, 1):
        sys.exit(f"{name}: exit status {done.returncode}\n{done.stdout}")
    return json.loads(file.read_text(encoding="utf-8"))


def row(name: str, found: dict) -> list[str]:
    """Return the cells of the table for one program."""
    cells = [name]
    for way in ("unpatched", "patched"):
        cells.append(f"{median(sample['wall'] for sample in found[way]):.2f} s")
    ratio = found["ratio"]
    cells.append(f"{ratio['middle']:.2f} ({ratio['low']:.2f}-{ratio['high']:.2f})")
    for way in ("unpatched", "patched"):
        cells.append(f"{median(sample['cpu_percent'] for sample in found[way]):.0f} %")
    if found["status"]:
        cells.append(f"FAILS with status {found['status']}")
    else:
        cells.append("identical" if found["identical"] else found["differences"][0]["text"])
    return cells


def predict(names: list[str], options: list[str], folder: Path) -> int:
    """Print the predictions next to the measurements."""
    rows = [["program", "time", "candidate", "predicted", "measured", "predicted / measured"]]
    right = checked = 0
    for name in names:
        print(f"{name} ...", file=sys.stderr)
        file = folder / f"{name}.json"
        command = [sys.executable, "-P", "-m", "gilkit", "profile", "--verify", f"--save={file}", *options]
        # The report goes to standard error.
        done = subprocess.run(
            [*command, HERE / f"{name}.py"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if done.returncode:
            sys.exit(f"{name}: exit status {done.returncode}\n{done.stderr.decode()}")
        found = json.loads(file.read_text(encoding="utf-8"))
        measured = [each for each in found["verifications"] if each["measured"] is not None]
        errors = [each["error"] for each in measured if each["error"] is not None]
        checked += bool(errors)
        right += bool(errors) and all(abs(error) <= 0.15 for error in errors)
        reasons = {each["candidate"]: each["why"] for each in found["predictions"]}
        overhead = f"{found['summary']['wall']:.2f} s ({found['baseline'] or 0:.2f} s alone)"
        for each in measured or [{"candidate": "nothing to verify"}]:
            cells = [name, overhead, each["candidate"]]
            if "measured" in each:
                interval = f"{each['measured']:.2f} ({each['low']:.2f}-{each['high']:.2f})"
                if each["error"] is None:
                    cells += ["-", interval, reasons[each["candidate"]]]
                else:
                    cells += [f"{each['predicted']:.2f}", interval, f"{100 * each['error']:+.0f} % {each['why']}"]
            rows.append(cells)
    show(rows)
    print(f"predicted within 15 %: {right} of {checked} programs")
    return 0 if right >= 0.9 * checked else 1


def show(rows: list[list[str]]) -> None:
    """Print rows of cells in columns; the last cells of a row may be missing."""
    widths = [max(len(row[place]) for row in rows if len(row) > place) for place in range(len(rows[0]))]
    for cells in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)).rstrip())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python bench/programs", description=__doc__.split("\n\n")[1])
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"of {', '.join(PROGRAMS)}")
    parser.add_argument("--predict", action="store_true")
    parser.add_argument("--rounds", metavar="N", default="5")
    parser.add_argument("--threads", metavar="N")
    parser.add_argument("--min-size", metavar="N")
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(PROGRAMS))
    if unknown:
        parser.error(f"there is no program {unknown[0]!r}; there are {', '.join(PROGRAMS)}")
    passed = ["--rounds", options.rounds, *(["--memory"] if options.memory else [])]
    for option in ("threads", "min_size"):
        if getattr(options, option) is not None:
            passed += [f"--{option.replace('_', '-')}", getattr(options, option)]
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        if options.predict:
            # --min-size and --memory are options of `gilkit run`.
            passed = ["--rounds", options.rounds, *(["--threads", options.threads] if options.threads else [])]
            return predict(options.names or list(PROGRAMS), passed, Path(folder))
        for name in options.names or NAMES:
            print(f"{name} ...", file=sys.stderr)
            found[name] = compare(name, passed, Path(folder))
    rows = [["program", "unpatched", "patched", "ratio (95 %)", "CPU", "CPU", "output"]]
    rows += [row(name, each) for name, each in found.items()]
    show(rows)
    ratios = [each["ratio"]["middle"] for each in found.values()]
    same = sum(each["identical"] and not each["status"] for each in found.values())
    print(f"geometric mean of {len(ratios)} ratios: {math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f}")
    print(f"identical output: {same} of {len(found)}")
    return 0 if same == len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
