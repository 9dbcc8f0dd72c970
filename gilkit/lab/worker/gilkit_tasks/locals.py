"""Ways of keeping state that belongs to one thread, and the cost of each access."""

import threading

from .usage import clock, since, usage

BATCH = 20000


class _State(object):
    def __init__(self):
        self.count = 0


def _argument(state):
    for _ in range(BATCH):
        state.count += 1


_local = threading.local()


def _thread_local(_):
    for _ in range(BATCH):
        _local.count += 1


_by_thread = {}


def _dictionary(_):
    ident = threading.get_ident
    for _ in range(BATCH):
        _by_thread[ident()].count += 1


_lock = threading.Lock()


def _dictionary_locked(_):
    ident = threading.get_ident
    for _ in range(BATCH):
        with _lock:
            state = _by_thread[ident()]
        state.count += 1


KINDS = {
    "argument": _argument,
    "threading.local": _thread_local,
    "dict by thread": _dictionary,
    "dict and lock": _dictionary_locked,
}


def access(kind, threads, seconds):
    """Let each thread count in its own state.

    Returns the time of an access, and whether each thread found exactly its own count.
    """
    batch = KINDS[kind]
    go = threading.Event()
    deadline = []
    batches = [0] * threads
    kept = [False] * threads
    walls = [0.0] * threads

    def work(index):
        state = _State()
        _local.count = 0
        _by_thread[threading.get_ident()] = state
        go.wait()
        start = clock()
        while clock() < deadline[0]:
            batch(state)
            batches[index] += 1
        walls[index] = clock() - start
        counted = _local.count if kind == "threading.local" else state.count
        kept[index] = counted == batches[index] * BATCH

    workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    before = usage()
    deadline.append(clock() + seconds)
    start = clock()
    go.set()
    for worker in workers:
        worker.join()
    used = since(before)
    return dict(used, wall=clock() - start, count=sum(batches) * BATCH, kept=int(all(kept)))
