"""Start servers on the loopback interface, send requests, and end the servers with all their children."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import work

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE), "PYTHONSAFEPATH": "1", "PYTHONFAULTHANDLER": "1"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def started(*command: object, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in its own session until the block ends; show its output if the block fails."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=HERE,
            env={**ENVIRONMENT, **environment},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            said.seek(0)
            text = said.read().decode(errors="replace")
            for word in ("Fatal Python error", "Segmentation fault", "SIGSEGV", "SIGABRT", "core dumped"):
                assert word not in text, f"the server crashed: {text[-3000:]}"
        except BaseException:
            said.seek(0)
            print(said.read().decode(errors="replace")[-6000:], file=sys.stderr)
            raise
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def await_port(port: int, process: subprocess.Popen[bytes], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while True:
        assert process.poll() is None, f"the server ended with status {process.returncode}"
        try:
            socket.create_connection((HOST, port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"no server after {seconds:g} s"
            time.sleep(0.1)


def ask(port: int, kind: str, seed: int) -> tuple[int, object]:
    """Return the status and the body; a connection error counts as a failure of the server."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request("GET", f"/{kind}/{seed}")
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def check(port: int, kinds: Sequence[str] = work.KINDS, requests: int = 48, at_once: int = 6) -> None:
    """Send a number of concurrent requests and check that every answer is right."""

    def one(number: int) -> None:
        kind = kinds[number % len(kinds)]
        got = ask(port, kind, number)
        assert got == (200, work.expected(kind, number)), f"{kind}/{number}: {str(got)[:500]}"

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for done in [pool.submit(one, number) for number in range(requests)]:
            done.result(60)


def check_or_refused(port: int, requests: int = 16, at_once: int = 8) -> str:
    """Request items that switch greenlets: a right answer or an error that names greenlets, but no crash or hang."""

    def one(number: int) -> bool:
        status, got = ask(port, "sleep", number)
        if status == 200:
            assert got == work.expected("sleep", number), str(got)[:500]
            return True
        assert status == 500 and "RuntimeError" in str(got) and "greenlet" in str(got), str(got)[:500]
        return False

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        right = [done.result(60) for done in [pool.submit(one, number) for number in range(requests)]]
    return f"{sum(right)} of {requests} waiting requests answered, the others refused by name"


def unavailable(reason: str) -> None:
    print(f"left out: {reason}")
    sys.exit(77)


def needs(*modules: str) -> None:
    import importlib.util

    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        unavailable(f"{', '.join(missing)} not installed")
