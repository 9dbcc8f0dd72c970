"""uvicorn: an asyncio loop that computes in its own thread and in its executor's; then two worker processes."""

from __future__ import annotations

import sys

import support


def main() -> None:
    support.needs("uvicorn")
    for workers in (1, 2):
        port = support.free_port()
        command = [sys.executable, "-m", "uvicorn", "--host", support.HOST, "--port", port, "--workers", workers]
        with support.started(*command, "--log-level", "warning", "app:asgi") as process:
            support.await_port(port, process)
            support.check(port, ["kernels", "map", "locks", "sleep"])


if __name__ == "__main__":
    main()
