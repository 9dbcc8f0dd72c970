"""Twisted: a WSGI container in the reactor's thread pool."""

from __future__ import annotations

import sys

import support


def main() -> None:
    support.needs("twisted")
    port = support.free_port()
    endpoint = f"tcp:{port}:interface={support.HOST}"
    command = [sys.executable, "-m", "twisted", "web", "--listen", endpoint, "--wsgi", "app.wsgi"]
    with support.started(*command) as process:
        support.await_port(port, process)
        support.check(port, ["kernels", "map", "locks", "sleep"])


if __name__ == "__main__":
    main()
