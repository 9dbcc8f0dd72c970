"""Print the robustness table: how gilkit and its peers behave where parallel runtimes break.

    python bench/robustness/table.py [--markdown] [--limit SECONDS] [SCENARIO ...]

Each pair of peer and scenario runs in its own process with a time limit. The table shows the outcome and the seconds
of the scenario, without imports and compilation. The scenario without threads needs root.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from peers import PEERS
from scenarios import SCENARIOS

HERE = Path(__file__).parent


def run(peer: str, scenario: str, limit: float) -> tuple[str, float]:
    command = [sys.executable, str(HERE / "scenarios.py"), peer, scenario]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        out, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return "hangs", limit
    seconds, end = time.perf_counter() - start, time.time()
    with contextlib.suppress(ProcessLookupError):  # leftover children
        os.killpg(process.pid, signal.SIGKILL)
    lines = out.splitlines()
    if process.returncode == 0 and lines and lines[-1].startswith("exit at "):
        seconds = end - float(lines[-1].split()[-1])
        return f"ends {seconds:.1f} s later", seconds
    if process.returncode == 0 and lines:
        return lines[-2], float(lines[-1])
    status = process.returncode
    died = f"dies ({signal.Signals(-status).name})" if status < 0 else f"ends the process (status {status})"
    said = [line.strip() for line in errors.splitlines() if line.strip()]
    return f"{died}: {said[0]}" if said else died, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--markdown", action="store_true", help="print a table for docs/robustness.md")
    parser.add_argument("--limit", type=float, default=30, metavar="SECONDS", help="of each scenario (default: 30)")
    parser.add_argument("scenarios", nargs="*", choices=[[], *SCENARIOS], metavar="SCENARIO", help=", ".join(SCENARIOS))
    arguments = parser.parse_args()
    peers = [name for name in PEERS if "numba" not in name or importlib.util.find_spec("numba")]
    if arguments.markdown:
        print(f"| scenario | {' | '.join(peers)} |\n|{' --- |' * (len(peers) + 1)}")
    for name in arguments.scenarios or SCENARIOS:
        cells = []
        for peer in peers:
            outcome, seconds = run(peer, name, arguments.limit)
            cells.append(f"{outcome} · {seconds:.1f} s")
            if not arguments.markdown:
                print(f"{peer:20} {name:12} {seconds:7.2f} s  {outcome}", flush=True)
        if arguments.markdown:
            print(f"| {SCENARIOS[name][0]} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
