# cython: subinterpreters_compatible = own_gil
"""The pool from Python's side: the number of threads, the settings and the state."""
import math
import os
import sys
import sysconfig

from gilkit._call cimport integer
from gilkit._exports cimport (
    GK_ISA_LEVELS, GK_MAX_THREADS, GK_NO_DEADLINE, GK_SECOND, gk_cores_affinity,
    gk_cores_online, gk_cores_quota, gk_isa, gk_isa_best, gk_isa_level, gk_isa_name, gk_now, gk_num_threads,
    gk_num_threads_source, gk_pool_set_spin, gk_pool_sleepers, gk_pool_spin, gk_pool_stop, gk_pool_workers, gk_set_isa,
    gk_set_num_threads, gk_set_python_cpu_count, import_core,
)

from gilkit import _core, _scopes
from gilkit._call import seconds_of

import_core()

_ISA_LEVELS = {gk_isa_name(<gk_isa_level>level).decode(): level for level in range(<int>GK_ISA_LEVELS)}


def num_threads():
    """Return the number of threads that calls without ``threads=`` use.

    The first of these that is set: the innermost ``with gilkit.threads(n)``
    block, ``set_num_threads(n)``, the environment variable GILKIT_NUM_THREADS.
    Otherwise the smallest of the number of CPUs in the affinity mask, the cgroup's
    CPU quota, and the limits in the variables of other programs, such as
    PYTHON_CPU_COUNT and OMP_NUM_THREADS. ``info()["threads_source"]`` says which.

    Returns
    -------
    int
        1 to 1024.

    Notes
    -----
    Thread-safe.

    Examples
    --------
    >>> with gilkit.threads(3):
    ...     gilkit.num_threads()
    3
    """
    return _scopes.scope_threads() or gk_num_threads()


def set_num_threads(n):
    """Set the number of threads for calls without ``threads=`` in this process.

    Parameters
    ----------
    n : int or None
        1 to 1024. None restores the default (see ``num_threads``). More threads
        than cores are allowed, but slower.

    Raises
    ------
    TypeError
        If n is neither an integer nor None.
    ValueError
        If n is out of range.

    Notes
    -----
    Thread-safe. Calls that are running keep their number of threads.

    Examples
    --------
    >>> gilkit.set_num_threads(2)
    >>> gilkit.num_threads()
    2
    >>> gilkit.set_num_threads(None)
    """
    gk_set_num_threads(0 if n is None else <int>integer(n, "n", 1, GK_MAX_THREADS))


class threads:
    """Set the number of threads for the calls in a ``with`` block.

    The setting is a context variable: it holds for this thread or asyncio task
    only.

    Parameters
    ----------
    n : int or None
        1 to 1024. None restores the number in force outside of all such blocks.

    Raises
    ------
    TypeError
        If n is neither an integer nor None.
    ValueError
        If n is out of range.

    Examples
    --------
    >>> with gilkit.threads(2):
    ...     gilkit.map(abs, [-1, 2])
    [1, 2]
    """

    def __init__(self, n):
        self._n = 0 if n is None else integer(n, "n", 1, GK_MAX_THREADS)

    def __enter__(self):
        _scopes.enter_scope(self, self._n, 0, None)
        return self

    def __exit__(self, *exc):
        _scopes.leave_scope(self)

    def __repr__(self):
        return f"gilkit.threads({self._n or None})"


class timeout:
    """Limit the time of all calls in a ``with`` block together.

    When the time is up, the running call raises ``TimeoutError``, and so does
    every call that begins later in the block.

    Parameters
    ----------
    seconds : float or None
        At least 0. None sets no limit.

    Raises
    ------
    TypeError
        If seconds is neither a number nor None.
    ValueError
        If seconds is negative or NaN.

    Notes
    -----
    The limit is a context variable: it holds for this thread or asyncio task
    only. In nested blocks, the earliest deadline counts. Threads notice the
    deadline within a few milliseconds. The contents of an ``out=`` array are
    unspecified after a timeout. An object may be entered more than once; each
    time starts the clock again.

    Examples
    --------
    >>> with gilkit.timeout(0.01):
    ...     gilkit.spin(10**12)
    Traceback (most recent call last):
    TimeoutError: the gilkit call did not end within its timeout
    """

    def __init__(self, seconds):
        self._seconds = None if seconds is None else seconds_of(seconds, "seconds")

    def __enter__(self):
        deadline = GK_NO_DEADLINE
        # A limit of more than a century would overflow the clock, so it counts as none.
        if self._seconds is not None and self._seconds < 4e9:
            deadline = gk_now() + math.ceil(self._seconds * GK_SECOND)
        _scopes.enter_scope(self, None, deadline, None)
        return self

    def __exit__(self, *exc):
        _scopes.leave_scope(self)

    def __repr__(self):
        return f"gilkit.timeout({self._seconds})"


def gil_enabled():
    """Return whether this interpreter runs with the GIL enabled.

    Returns
    -------
    bool
    """
    return getattr(sys, "_is_gil_enabled", lambda: True)()


def _threads_source():
    if _scopes.scope_threads():
        by_other = type(_scopes.threads_owner()).__module__ == "gilkit.threadpoolctl"
        return "threadpoolctl" if by_other else "gilkit.threads"
    source = gk_num_threads_source().decode()
    return "-X cpu_count" if source == "PYTHON_CPU_COUNT" and "cpu_count" in sys._xoptions else source


def info():
    """Return what gilkit knows about the machine, the interpreter and its own settings.

    Returns
    -------
    dict
        - ``version``, ``python`` (str): of gilkit and of Python
        - ``cores`` (int): CPUs that are online
        - ``affinity`` (int): CPUs in this process's affinity mask
        - ``quota`` (float or None): CPUs' worth of time that the cgroups allow;
          None means no limit
        - ``threads`` (int): ``num_threads()``
        - ``threads_source`` (str): what decides it: "gilkit.threads",
          "threadpoolctl", "set_num_threads", the name of an environment variable,
          "-X cpu_count", "quota" or "affinity"
        - ``workers``, ``sleeping`` (int): threads in the pool, and how many of
          them are asleep
        - ``spin_us`` (float): microseconds that an idle worker spins before it
          sleeps
        - ``isa``, ``isa_best`` (str): the instruction set in use, and the best
          one of this machine
        - ``gil`` (bool): whether the GIL is enabled
        - ``free_threaded_build`` (bool): whether the interpreter was built
          without the GIL
        - ``numpy_patched`` (bool): ``numpy_is_patched()``

    Notes
    -----
    Thread-safe.

    Examples
    --------
    >>> gilkit.info()["threads"] == gilkit.num_threads()
    True
    """
    return {
        "version": _core.__version__,
        "python": sys.version.split()[0],
        "cores": gk_cores_online(),
        "affinity": gk_cores_affinity(),
        "quota": gk_cores_quota(b"") or None,
        "threads": num_threads(),
        "threads_source": _threads_source(),
        "workers": gk_pool_workers(),
        "sleeping": gk_pool_sleepers(),
        "spin_us": gk_pool_spin() / 1000,
        "isa": gk_isa_name(gk_isa()).decode(),
        "isa_best": gk_isa_name(gk_isa_best()).decode(),
        "gil": gil_enabled(),
        "free_threaded_build": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "numpy_patched": "gilkit.patching" in sys.modules and sys.modules["gilkit.patching"].numpy_is_patched(),
    }


def set_spin(microseconds):
    """Set how long an idle worker spins before it sleeps.

    Parameters
    ----------
    microseconds : int
        0 to 1,000,000. With 0, workers never spin: they use the least CPU time,
        and every region has to wake its helpers.

    Raises
    ------
    TypeError
        If microseconds is not an integer.
    ValueError
        If microseconds is out of range.
    """
    gk_pool_set_spin(1000 * integer(microseconds, "microseconds", 0, 1_000_000))


def set_isa(name):
    """Choose the instruction set of the kernels. For tests.

    Parameters
    ----------
    name : {"scalar", "avx2", "avx512", "neon"}
        "avx2" and "avx512" exist on x86-64, "neon" on aarch64.

    Raises
    ------
    ValueError
        If name is none of those of the processor's family, or this machine does not
        have the instructions.

    Notes
    -----
    Every instruction set gives the same results. Not to be called while gilkit
    calls are running.
    """
    level = _ISA_LEVELS.get(name)
    best = gk_isa_name(gk_isa_best()).decode()
    if level is None:
        raise ValueError(f"the instruction set must be one of {', '.join(_ISA_LEVELS)}, not {name!r}")
    if gk_set_isa(<gk_isa_level>level) != 0:
        raise ValueError(f"this machine cannot run {name!r}; its best is {best!r}")


def stop():
    """Stop the workers of the pool if no call is running.

    The next call that needs workers starts new ones. A worker that is just leaving a call still counts as running: on a
    busy machine, try again.

    Returns
    -------
    bool
        Whether no worker is left.
    """
    with nogil:
        stopped = gk_pool_stop()
    return bool(stopped)


def _python_cpu_count():
    """Return the number in -X cpu_count or PYTHON_CPU_COUNT, which Python itself reads from 3.13 on; 0: none."""
    value = sys._xoptions.get("cpu_count")
    if value is None and not sys.flags.ignore_environment:
        value = os.environ.get("PYTHON_CPU_COUNT")
    try:
        return max(0, min(int(value), 2**31 - 1)) if isinstance(value, str) else 0
    except ValueError:  # such as "default"
        return 0


def _read_environment():
    gk_set_python_cpu_count(_python_cpu_count())
    # Bad values stop the import, because a setting that is silently ignored is a trap.
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
    # Read now, since a program may change them: Dask's LocalCluster leaves OMP_NUM_THREADS=1, meant for its workers.
    num_threads()


if _core.is_first_interpreter:
    _read_environment()
