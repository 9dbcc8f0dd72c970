# cython: subinterpreters_compatible = own_gil
"""The pool, seen from Python: how many threads, and what there is of it."""
import math
import os
import sys
import sysconfig

from gilkit._call cimport integer
from gilkit._exports cimport (
    GK_NO_DEADLINE, GK_SECOND, gk_now,
    GK_ISA_AVX2, GK_ISA_AVX512, GK_ISA_SCALAR, GK_MAX_THREADS, gk_cores_affinity, gk_cores_online,
    gk_cores_quota, gk_isa, gk_isa_best, gk_isa_level, gk_isa_name, gk_num_threads, gk_pool_sleepers,
    gk_pool_set_spin, gk_pool_spin, gk_pool_stop, gk_pool_workers, gk_set_isa, gk_set_num_threads, import_core,
)

from gilkit import _call, _core

import_core()

_ISA_LEVELS = {"scalar": GK_ISA_SCALAR, "avx2": GK_ISA_AVX2, "avx512": GK_ISA_AVX512}


def num_threads():
    """The number of threads that a call uses when it names none.

    In this order: the innermost ``with gilkit.threads(n)``; what
    ``set_num_threads`` set; the environment variable GILKIT_NUM_THREADS; the
    smaller of the CPU affinity mask and the cgroup quota. Thread-safe.
    """
    return _call.scope_threads() or gk_num_threads()


def set_num_threads(n):
    """Sets the number of threads of the process's calls that name none.

    n: 1 to 1024, or None to return to the default. More than there are cores
    is allowed, and slower. Thread-safe; calls that run go on as they are.
    """
    gk_set_num_threads(0 if n is None else <int>integer(n, "n", 1, GK_MAX_THREADS))


class threads:
    """``with gilkit.threads(n):`` sets the number of threads of the calls in
    the block, for this thread or asyncio task only (it is a context variable).

    n: 1 to 1024, or None for what it is outside of all such blocks.
    """

    def __init__(self, n):
        self._n = 0 if n is None else integer(n, "n", 1, GK_MAX_THREADS)

    def __enter__(self):
        _call.enter_scope(self, self._n, 0, None)
        return self

    def __exit__(self, *exc):
        _call.leave_scope(self)

    def __repr__(self):
        return f"gilkit.threads({self._n or None})"


class timeout:
    """``with gilkit.timeout(seconds):`` gives the calls in the block so long, all
    together: one that has not ended by then raises ``TimeoutError``, and so does
    one that begins later.

    For this thread or asyncio task only (it is a context variable); of nested
    blocks the earliest end holds. seconds: a number >= 0, or None for no limit.
    The call's threads notice within some milliseconds. What such a call has
    written to an ``out=`` array is unspecified. May be entered again; each time
    the clock starts anew.
    """

    def __init__(self, seconds):
        if seconds is not None:
            if isinstance(seconds, (str, bytes)):
                raise TypeError(f"seconds must be a number or None, not {seconds!r}")
            try:
                value = float(seconds)
            except TypeError:
                raise TypeError(f"seconds must be a number or None, not {seconds!r}") from None
            if not value >= 0:
                raise ValueError(f"seconds must be at least 0, not {seconds!r}")
            seconds = value
        self._seconds = seconds

    def __enter__(self):
        deadline = GK_NO_DEADLINE
        # Beyond a century: no limit, and no overflow of the clock.
        if self._seconds is not None and self._seconds < 4e9:
            deadline = gk_now() + math.ceil(self._seconds * GK_SECOND)
        _call.enter_scope(self, None, deadline, None)
        return self

    def __exit__(self, *exc):
        _call.leave_scope(self)

    def __repr__(self):
        return f"gilkit.timeout({self._seconds})"


def gil_enabled():
    """Whether this interpreter runs with a GIL now."""
    return getattr(sys, "_is_gil_enabled", lambda: True)()


def info():
    """What gilkit found here, as a dict of plain values.

    version, python; cores (online), affinity (cores in this process's mask),
    quota (cores' worth of time that the cgroups allow; None: no limit);
    threads (num_threads()); workers (threads of the pool that exist), sleeping
    (those of them that are parked); spin_us (how long an idle worker spins);
    isa, isa_best (instruction set in use, and the best of this machine);
    gil (True if the GIL is on), free_threaded_build.
    """
    return {
        "version": _core.__version__,
        "python": sys.version.split()[0],
        "cores": gk_cores_online(),
        "affinity": gk_cores_affinity(),
        "quota": gk_cores_quota(b"") or None,
        "threads": num_threads(),
        "workers": gk_pool_workers(),
        "sleeping": gk_pool_sleepers(),
        "spin_us": gk_pool_spin() / 1000,
        "isa": gk_isa_name(gk_isa()).decode(),
        "isa_best": gk_isa_name(gk_isa_best()).decode(),
        "gil": gil_enabled(),
        "free_threaded_build": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    }


def set_spin(microseconds):
    """Sets how long a worker without work spins before it sleeps.

    0: never spin (the least CPU time; each region must wake its helpers).
    """
    gk_pool_set_spin(1000 * integer(microseconds, "microseconds", 0, 1_000_000))


def set_isa(name):
    """Chooses the kernels' instruction set: "scalar", "avx2" or "avx512".

    For tests; not while calls run. Every choice gives the same results.
    """
    level = _ISA_LEVELS.get(name)
    best = gk_isa_name(gk_isa_best()).decode()
    if level is None:
        raise ValueError(f"the instruction set must be one of {', '.join(_ISA_LEVELS)}, not {name!r}")
    if gk_set_isa(<gk_isa_level>level) != 0:
        raise ValueError(f"this machine cannot run {name!r}; its best is {best!r}")


def stop():
    """Ends the pool's workers if no call is running; returns whether none is
    left. The next call that needs workers starts them anew."""
    with nogil:
        stopped = gk_pool_stop()
    return bool(stopped)


def _read_environment():
    # A setting that is ignored silently is a trap: bad ones stop the import.
    threads = os.environ.get("GILKIT_NUM_THREADS")
    if threads is not None and not (threads.isascii() and threads.isdigit() and 1 <= int(threads) <= GK_MAX_THREADS):
        raise ValueError(f"the environment variable GILKIT_NUM_THREADS must be an integer from 1 to {GK_MAX_THREADS}, "
                         f"not {threads!r}")
    isa = os.environ.get("GILKIT_ISA")
    if isa is not None:
        try:
            set_isa(isa)
        except ValueError as error:
            raise ValueError(f"the environment variable GILKIT_ISA: {error}") from None
    spin = os.environ.get("GILKIT_SPIN_US")
    if spin is not None:
        try:
            set_spin(int(spin))
        except ValueError:
            raise ValueError(f"the environment variable GILKIT_SPIN_US must be an integer from 0 to 1000000, "
                             f"not {spin!r}") from None


if _core.is_first_interpreter:
    _read_environment()
