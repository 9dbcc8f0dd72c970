"""uWSGI: processes forked after the application was loaded, each with threads."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import support


def main() -> None:
    program = shutil.which("uwsgi", path=str(Path(sys.executable).parent)) or shutil.which("uwsgi")
    if program is None:
        support.unavailable("uwsgi not installed")
    port = support.free_port()
    command = [program, "--http-socket", f"{support.HOST}:{port}", "--module", "app:wsgi", "--master", "--die-on-term"]
    command += ["--processes", "2", "--threads", "3", "--need-app", "--virtualenv", sys.prefix]
    with support.started(*command, REAL_PRELOAD="1") as process:
        support.await_port(port, process)
        support.check(port, ["kernels", "map", "locks", "sleep"])


if __name__ == "__main__":
    main()
