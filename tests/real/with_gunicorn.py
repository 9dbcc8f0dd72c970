"""gunicorn: sync workers forked after the application was loaded, threads, and gevent."""

from __future__ import annotations

import signal
import sys
import time

import support

KINDS = {"sync": ["--preload", "-w", "2"], "gthread": ["-w", "2", "--threads", "4"], "gevent": ["-w", "2"]}


def without_control() -> list[str]:
    """Turn off the control socket that new versions create in the user's home."""
    from gunicorn.config import KNOWN_SETTINGS

    known = any(setting.name == "control_socket_disable" for setting in KNOWN_SETTINGS)
    return ["--no-control-socket"] if known else []


def main(kind: str) -> None:
    support.needs("gunicorn", *(["gevent"] if kind == "gevent" else []))
    port = support.free_port()
    command = [sys.executable, "-m", "gunicorn", "-b", f"{support.HOST}:{port}", "-k", kind, "-t", "30"]
    command += ["--graceful-timeout", "5", *KINDS[kind], *without_control(), "app:wsgi"]
    preload = {"REAL_PRELOAD": "1"} if kind == "sync" else {}
    with support.started(*command, **preload) as process:
        support.await_port(port, process)
        support.check(port)
        process.send_signal(signal.SIGHUP)  # other workers take over
        time.sleep(2)
        support.check(port)
        if kind == "gevent":
            print(support.check_or_refused(port))
            support.check(port)  # the workers survived
        else:
            support.check(port, ["sleep"], requests=16)


if __name__ == "__main__":
    main(sys.argv[1])
