"""celery with a pool of processes, threads or greenlets. The broker is redis on the loopback interface, or a folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import support
import work

TASKS = 36


@contextlib.contextmanager
def broker(folder: str) -> Iterator[None]:
    server = shutil.which("redis-server")
    if server is None:
        for name in ("queue", "results"):
            Path(folder, name).mkdir()
        os.environ["REAL_BROKER"], os.environ["REAL_BACKEND"] = "filesystem://", f"file://{folder}/results"
        os.environ["REAL_FOLDER"] = f"{folder}/queue"
        yield
        return
    support.needs("redis")
    port = support.free_port()
    command = [server, "--bind", support.HOST, "--port", port, "--save", "", "--appendonly", "no", "--dir", folder]
    with support.started(*command) as process:
        support.await_port(port, process)
        address = f"redis://{support.HOST}:{port}"
        os.environ["REAL_BROKER"], os.environ["REAL_BACKEND"] = f"{address}/0", f"{address}/1"
        yield


def main(pool: str) -> None:
    support.needs("celery", *([pool] if pool in ("gevent", "eventlet") else []))
    with tempfile.TemporaryDirectory() as folder, broker(folder):
        command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-P", pool, "-c", "4", "-l", "WARNING"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        environment = {key: value for key, value in os.environ.items() if key.startswith("REAL_")}
        with support.started(*command, **environment):
            from tasks import answer, answer_or_error

            def check() -> None:
                asked = [(work.KINDS[number % len(work.KINDS)], number) for number in range(TASKS)]
                for (kind, seed), found in zip(asked, [answer.delay(*each) for each in asked], strict=True):
                    got = found.get(timeout=60)
                    assert got == work.expected(kind, seed), f"{kind}/{seed}: {str(got)[:500]}"

            check()
            # Items that switch greenlets give a right answer or an error that names greenlets, but no crash or hang.
            right = 0
            for seed, found in [(seed, answer_or_error.delay("sleep", seed)) for seed in range(12)]:
                got = found.get(timeout=30)
                if got == work.expected("sleep", seed):
                    right += 1
                else:
                    assert pool in ("gevent", "eventlet") and "greenlet" in str(got), str(got)[:500]
            print(f"{right} of 12 waiting tasks answered")
            check()


if __name__ == "__main__":
    main(sys.argv[1])
