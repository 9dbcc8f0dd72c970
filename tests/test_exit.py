"""The end of the interpreter and of its modules while calls run: no crash, no hang, no leak."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

PROLOGUE = """
import os, sys, threading, time
import gilkit
MINUTE = 100_000_000_000

def forever():
    while True:
        gilkit.spin(3_000_001, threads=3)
        gilkit.spin(10)

def start(function, daemon=True):
    thread = threading.Thread(target=function, daemon=daemon)
    thread.start()
    return thread
"""

# Programs and their expected exit statuses.
PROGRAMS = {
    "daemon threads in calls": (
        """
for _ in range(4):
    start(forever)
start(lambda: gilkit.spin(MINUTE, threads=3))
time.sleep(0.01)
""",
        0,
    ),
    "daemon threads, and a call in the main thread": (
        """
start(forever)
gilkit.spin(30_000_001, threads=3)
sys.exit(7)
""",
        7,
    ),
    "os._exit in a thread": (
        """
start(forever)
start(lambda: (time.sleep(0.01), os._exit(5)))
gilkit.spin(MINUTE)
""",
        5,
    ),
    "sys.exit in a thread": (
        """
def leave():
    gilkit.spin(3_000_001, threads=3)
    sys.exit(3)
start(leave, daemon=False).join()
assert gilkit.spin(3_000_001, threads=3) == 1
""",
        0,
    ),
    "calls at exit": (
        """
import atexit
@atexit.register
def last():
    assert gilkit.spin(8_000_001, threads=3) == 1
    os.write(1, b"last")
class Late:
    def __del__(self, spin=gilkit.spin):
        spin(8_000_001, threads=3)
late = Late()
late.itself = late
start(forever)
""",
        0,
    ),
    "an exception in the main thread": (
        """
start(forever)
gilkit.spin(8_000_001, threads=3)
raise SystemExit(9)
""",
        9,
    ),
    "exit from a signal handler inside a call": (
        """
import signal
if hasattr(signal, "setitimer"):
    signal.signal(signal.SIGALRM, lambda number, frame: sys.exit(4))
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    start(forever)
    gilkit.spin(MINUTE, threads=3)
sys.exit(4)
""",
        4,
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_exit(name, often):
    code, status = PROGRAMS[name]
    for _ in range(often(5, 500)):
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", PROLOGUE + code], capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (status, ""), done
        if name == "calls at exit":
            assert done.stdout == "last"


def test_reload(run_python, often):
    run_python(
        """
        import importlib, sys, threading
        import gilkit, gilkit.runtime
        end = threading.Event()

        def caller():
            while not end.is_set():
                assert gilkit.spin(3_000_001, threads=3) == 1

        thread = threading.Thread(target=caller)
        thread.start()
        for _ in range(int(sys.argv[1])):
            importlib.reload(gilkit)
            importlib.reload(gilkit.runtime)
            assert gilkit.spin(3_000_001, threads=3) == 1
        # Some projects' tests remove the modules and import them again.
        for name in [name for name in sys.modules if name.partition(".")[0] == "gilkit"]:
            del sys.modules[name]
        import gilkit as again
        assert again.spin(3_000_001, threads=3) == 1
        assert again.info()["workers"] <= 2
        end.set()
        thread.join()
        """,
        often(20, 500),
        timeout=600,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.skipif(not (ROOT / "csrc").exists(), reason="csrc/ is not next to the tests")
def test_unloading(run_python, compile_c, often):
    """When a library that embeds the runtime is unloaded, its idle workers end."""
    sources = [*(ROOT / "csrc" / "base").glob("*.c"), *(ROOT / "csrc" / "runtime").glob("*.c")]
    text = """
        #include <stdatomic.h>
        #include "runtime/parallel.h"

        static void count(int64_t begin, int64_t end, void *data)
        {
            atomic_fetch_add((_Atomic int64_t *)data, end - begin);
        }

        int64_t run(int64_t n)
        {
            _Atomic int64_t counted = 0;
            gk_options options = {.threads = 4, .eager = 1, .grain = 1};
            gk_parallel_for(n, count, &counted, &options);
            return counted;
        }
    """
    library = compile_c("unloaded", text, f"-I{ROOT / 'csrc'}", *sources, "-lm")
    run_python(
        textwrap.dedent(
            """
            import _ctypes, ctypes, os, sys
            for _ in range(int(sys.argv[2])):
                library = ctypes.CDLL(sys.argv[1])
                library.run.argtypes, library.run.restype = [ctypes.c_int64], ctypes.c_int64
                assert library.run(100_000) == 100_000
                _ctypes.dlclose(library._handle)
                assert len(os.listdir("/proc/self/task")) == 1
                with open("/proc/self/maps") as maps:
                    assert sys.argv[1] not in maps.read()
                if os.fork() == 0:  # its fork handlers were removed as well
                    os._exit(0)
                os.wait()
            """
        ),
        library,
        often(20, 500),
        timeout=600,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_are_joined_at_exit(run_python, compile_c):
    """No thread of the pool is left when the C library shuts down, so leak checkers see none."""
    library = compile_c(
        "at_exit",
        """
        #include <dirent.h>
        #include <stdio.h>
        #include <stdlib.h>

        static void print_threads(void)
        {
            int count = -2; /* . and .. */
            DIR *tasks = opendir("/proc/self/task");
            while (tasks != NULL && readdir(tasks) != NULL)
                count++;
            printf("%d", count);
        }

        int print_threads_at_exit(void)
        {
            return atexit(print_threads);
        }
        """,
    )
    out = run_python(
        """
        import ctypes, sys, gilkit
        # Registered before the pool's own handler, so it runs after that one.
        assert ctypes.CDLL(sys.argv[1]).print_threads_at_exit() == 0
        gilkit.spin(30_000_001, threads=3)
        assert gilkit.info()["workers"] >= 1
        """,
        library,
    )
    assert out == "1"
