"""Two locks taken in opposite order: the hang, and three ways to avoid it."""

import threading
import time

from .usage import clock, since, usage

HUNG_AFTER = 0.5  # seconds after which two threads that only take two locks count as hung


def _both(first, second):
    """Run two functions in two threads; return how many hung, and the exceptions raised."""
    errors = []

    def run(steps):
        try:
            steps()
        except Exception as error:
            errors.append(error)

    workers = [threading.Thread(target=run, args=(steps,), daemon=True) for steps in (first, second)]
    before = usage()
    start = clock()
    for worker in workers:
        worker.start()
    deadline = clock() + HUNG_AFTER
    for worker in workers:
        worker.join(max(0.0, deadline - clock()))
    wall = clock() - start
    hung = sum(worker.is_alive() for worker in workers)
    return dict(since(before), wall=wall, hung=hung), errors


def _opposed(lock, other, take):
    """Let two threads take two locks in opposite order, the second one only when both hold their first."""
    barrier = threading.Barrier(2)

    def way(mine, theirs):
        def steps():
            with mine:
                barrier.wait(HUNG_AFTER)
                take(theirs)

        return steps

    return _both(way(lock, other), way(other, lock))


def _take(lock):
    with lock:
        pass


def hang():
    """threading's locks, which hang."""
    return _opposed(threading.Lock(), threading.Lock(), _take)[0]


def found():
    """gilkit.sync's locks with detection, which raise in the second thread that waits."""
    from gilkit import sync

    with sync.detect_deadlocks():
        figures, errors = _opposed(sync.Lock(), sync.Lock(), _take)
    named = [error for error in errors if isinstance(error, sync.DeadlockError)]
    figures["found"] = len(named)
    figures["cycle"] = len(named[0].cycle) if named else 0
    figures["message"] = str(named[0]) if named else ""
    return figures


def avoided():
    """All threads take the locks in one order."""
    locks = sorted((threading.Lock(), threading.Lock()), key=id)

    def steps():
        for _ in range(1000):
            with locks[0], locks[1]:
                pass

    return _both(steps, steps)[0]


def survived():
    """A timeout on the second lock: release everything, wait a little, and retry."""
    pair = (threading.Lock(), threading.Lock())
    barrier = threading.Barrier(2)
    retries = []

    def way(mine, theirs, pause):
        def steps():
            met = False
            while True:
                with mine:
                    if not met:
                        barrier.wait(HUNG_AFTER)
                        met = True
                    if theirs.acquire(timeout=0.02):
                        theirs.release()
                        return
                retries.append(pause)
                time.sleep(pause)

        return steps

    figures, _ = _both(way(pair[0], pair[1], 0.001), way(pair[1], pair[0], 0.005))
    figures["retries"] = len(retries)
    return figures
