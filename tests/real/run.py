"""Test gilkit inside real servers: start each, send requests, and check every answer.

Run it with `nox -s real` or `python tests/real/run.py`.

The servers use only the loopback interface. Requests and time are bounded, and all child processes are ended. A server
that is not installed is skipped unless --all is given. Exit status 0 means that every answer was right.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = [
    ("gunicorn", "sync"), ("gunicorn", "gthread"), ("gunicorn", "gevent"), ("uvicorn",), ("celery", "prefork"),
    ("celery", "threads"), ("celery", "gevent"), ("celery", "eventlet"), ("dask",),
    ("jupyter",), ("xdist",), ("uwsgi",), ("twisted",),
]  # fmt: skip
SECONDS = 90  # seconds for one server; about ten are needed
LEFT_OUT = 77


def run(program: tuple[str, ...]) -> tuple[int, str]:
    """Run one program; return its exit status (-1 after a timeout) and its output."""
    command = [sys.executable, "-P", str(HERE / f"with_{program[0]}.py"), *program[1:]]
    environment = {**os.environ, "PYTHONPATH": str(HERE), "PYTHONFAULTHANDLER": "1"}
    # Not in the checkout: servers put their current folder on sys.path, where gilkit/ would hide the installed package.
    with subprocess.Popen(
        command, cwd=HERE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            said, _ = process.communicate(timeout=SECONDS)
            return process.returncode, said
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # on this signal it ends its servers
            with contextlib.suppress(subprocess.TimeoutExpired):
                return -1, process.communicate(timeout=20)[0]
            return -1, "it had to be killed"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def main() -> int:
    options = argparse.ArgumentParser(description="gilkit inside real servers")
    options.add_argument("names", nargs="*", help="servers such as gunicorn or celery-gevent (default: all)")
    options.add_argument("--all", action="store_true", help="fail if a server is not installed")
    chosen = options.parse_args()
    failed = 0
    for program in PROGRAMS:
        name = "-".join(program)
        if chosen.names and not {name, program[0]} & set(chosen.names):
            continue
        start = time.monotonic()
        status, said = run(program)
        left_out = status == LEFT_OUT and not chosen.all
        failed += status != 0 and not left_out
        word = "right" if status == 0 else "left out" if left_out else "TOO LONG" if status == -1 else "WRONG"
        last = said.strip().splitlines()[-1:] if status in (0, LEFT_OUT) else []
        print(f"{name:18} {word:9} {time.monotonic() - start:5.1f} s  {' '.join(last)}", flush=True)
        if status not in (0, LEFT_OUT):
            print("    " + "\n    ".join(said[-5000:].splitlines()), flush=True)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
