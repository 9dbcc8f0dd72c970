"""A heartbeat next to a task that computes without a break, on one core. Runs on Python 3.8 and later."""

import multiprocessing
import threading
import time

from .affinity import one_core
from .usage import clock

BEAT = 0.010
LOOPS = 2000
GIVE_WAY = 0.001


def _compute(deadline):
    """Compute in pure Python and return the CPU seconds that it took."""
    before = time.thread_time()
    x = 0
    while clock() < deadline:
        for _ in range(LOOPS):
            x ^= 1
    return time.thread_time() - before


def _kernel(deadline):
    """Run a gilkit kernel on this thread, again and again."""
    import gilkit

    before = time.thread_time()
    while clock() < deadline:
        gilkit.spin(5000000, threads=1)
    return time.thread_time() - before


def _beat(deadline, late):
    while True:
        begin = clock()
        time.sleep(BEAT)
        late.append(clock() - begin - BEAT)
        if clock() > deadline:
            return


def _thread(seconds, late, compute=_compute):
    go = threading.Event()
    deadline, busy = [], []

    def work():
        go.wait()
        busy.append(compute(deadline[0]))

    thread = threading.Thread(target=work)
    thread.start()
    deadline.append(clock() + seconds)
    go.set()
    _beat(deadline[0], late)
    thread.join()
    return busy[0]


def _kernel_thread(seconds, late):
    return _thread(seconds, late, _kernel)


def _in_process(channel):
    channel.send(None)
    channel.send(_compute(channel.recv()))


def _process(seconds, late):
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_in_process, args=(there,), daemon=True)
    process.start()
    try:
        if not here.poll(20):
            raise RuntimeError("the process did not start")
        here.recv()
        deadline = clock() + seconds  # the clock is the same in all processes
        here.send(deadline)
        _beat(deadline, late)
        return here.recv() if here.poll(20) else 0.0
    finally:
        process.kill()
        process.join()
        here.close()
        there.close()


def _asyncio(seconds, late, kind="loop"):
    import asyncio

    async def heart(deadline):
        while clock() < deadline:
            begin = clock()
            await asyncio.sleep(BEAT)
            late.append(clock() - begin - BEAT)

    async def busy(deadline):
        if kind == "loop":
            return _compute(deadline)
        if kind == "kernel":
            return await asyncio.to_thread(_kernel, deadline)
        used = 0.0
        while clock() < deadline:
            used += _compute(clock() + GIVE_WAY)
            await asyncio.sleep(0)
        return used

    async def run():
        deadline = clock() + seconds
        return (await asyncio.gather(heart(deadline), busy(deadline)))[1]

    return asyncio.run(run())


def _giving_way(seconds, late):
    return _asyncio(seconds, late, "giving way")


def _kernel_in_thread(seconds, late):
    return _asyncio(seconds, late, "kernel")


def _greenlets(seconds, late):
    import gevent

    deadline = clock() + seconds

    def heart():
        while clock() < deadline:
            begin = clock()
            gevent.sleep(BEAT)
            late.append(clock() - begin - BEAT)

    both = [gevent.spawn(heart), gevent.spawn(_compute, deadline)]
    gevent.joinall(both, raise_error=True)
    return both[1].value


KINDS = {
    "asyncio": _asyncio,
    "giving way": _giving_way,
    "greenlets": _greenlets,
    "threads": _thread,
    "processes": _process,
    "kernel": _kernel_thread,
    "kernel and asyncio": _kernel_in_thread,
}


def heartbeat(kind, seconds):
    """Return how late a heartbeat of 10 ms comes next to a task that computes for ``seconds``.

    ``late`` is the median, ``late_95`` the lateness that 95 % of the beats keep, ``longest`` the largest. ``share`` is the
    part of the core that the busy task had.
    """
    late = []
    if "kernel" in kind:
        import gilkit

        gilkit.spin(1000, threads=1)  # imported before the first beat
    with one_core():
        start = clock()
        used = KINDS[kind](seconds, late)
        wall = clock() - start
    late.sort()
    return {
        "wall": wall,
        "beats": len(late),
        "late": late[len(late) // 2],
        "late_95": late[-1 - len(late) // 20],
        "longest": late[-1],
        "asked": seconds,
        "share": used / wall,
    }
