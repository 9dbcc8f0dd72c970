"""Counting in several threads: the lost updates, and the cost of each way to prevent them."""

from __future__ import absolute_import, division

import threading

from .usage import clock, since, usage

CHANGES = 100000  # per thread, as in the tutorials
AMOUNTS = (5, 8)

balance = 0


def change(n):
    global balance
    balance = balance + n
    balance = balance - n


def account(locked, seconds, threads=2):
    """Let two threads deposit and withdraw 100,000 times each, with or without a lock, repeatedly for about ``seconds``.

    ``wrong`` counts the runs whose balance is not 0 at the end; ``balance`` is the final balance farthest from 0.
    """
    global balance
    lock = threading.Lock()

    def run(n):
        for _ in range(CHANGES):
            change(n)

    def run_locked(n):
        for _ in range(CHANGES):
            with lock:
                change(n)

    runs = wrong = farthest = 0
    before = usage()
    start = clock()
    while runs == 0 or clock() < start + seconds:
        balance = 0
        workers = [
            threading.Thread(target=run_locked if locked else run, args=(AMOUNTS[index % 2],))
            for index in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        runs += 1
        wrong += balance != 0
        farthest = max(farthest, balance, key=abs)
    wall = clock() - start
    return dict(since(before), wall=wall, count=runs * threads * CHANGES, runs=runs, wrong=wrong, balance=farthest)


def _counter(kind):
    from gilkit import sync

    makers = {
        "RacyCounter": sync.RacyCounter,
        "LockedCounter": sync.LockedCounter,
        "AtomicCounter": sync.AtomicCounter,
        "optimistic": sync.AtomicCounter,
        "ShardedCounter": sync.ShardedCounter,
        "padded cells": sync.ShardedCounter,
        "adjacent cells": lambda: sync.ShardedCounter(padded=False),
    }
    return makers[kind]()


def python(kind, threads, seconds):
    """Let Python threads call a counter's add for about ``seconds``, a thousand times between readings of the clock."""
    counter = _counter(kind)
    calls = [0] * threads
    before = usage()
    start = clock()

    def run(index):
        add, mine = counter.add, 0
        while clock() < start + seconds:
            for _ in range(1000):
                add()
            mine += 1000
        calls[index] = mine

    workers = [threading.Thread(target=run, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    wall = clock() - start
    return dict(since(before), wall=wall, count=sum(calls), lost=sum(calls) - counter.value, kind=kind)


def native(kind, threads, seconds, inside=0, outside=0):
    """Run gilkit.sync.contend for about ``seconds``: native threads add to one counter without the GIL."""
    from gilkit import sync

    def contend(increments):
        return sync.contend(
            _counter(kind),
            increments,
            threads=threads,
            optimistic=kind == "optimistic",
            inside=inside,
            outside=outside,
            timeout=60 + 10 * seconds,
        )

    increments = 10000
    while True:
        trial = contend(increments)
        if trial.seconds > seconds / 20 or increments > 1 << 40:
            break
        increments *= 4
    increments = max(1, int(increments * seconds / max(1e-9, trial.seconds)))
    before = usage()
    done = contend(increments)
    return dict(since(before), wall=done.seconds, count=done.expected, lost=done.lost, retries=done.retries, kind=kind)
