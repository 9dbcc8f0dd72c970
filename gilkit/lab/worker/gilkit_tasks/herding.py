"""How many of the contexts that wait for connections wake up for each of them."""

import contextlib
import multiprocessing
import os
import select
import socket
import threading
import time

from . import proc
from .usage import clock

BACKLOG = 128
SETTLE = 0.03  # seconds until all contexts wait
PAUSE = 0.001  # between connections, so that every context waits again


def _answer(connection):
    with connection:
        connection.sendall(b"k")


def _take(listener):
    with contextlib.suppress(BlockingIOError):  # another context was faster
        _answer(listener.accept()[0])


def _accept(listener):
    while True:
        _answer(listener.accept()[0])


def _select(listener):
    listener.setblocking(False)
    while True:
        select.select([listener], [], [])
        _take(listener)


def _epoll(listener, flags=0):
    listener.setblocking(False)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN | flags)
    while True:
        poll.poll()
        _take(listener)


def _exclusive(listener):
    _epoll(listener, select.EPOLLEXCLUSIVE)


WAYS = {"accept": _accept, "select": _select, "epoll": _epoll, "exclusive": _exclusive, "reuseport": _accept}


def listen(address, own=False):
    """Return a listening socket; ``own`` sockets of several contexts share the port (SO_REUSEPORT)."""
    listener = socket.socket()
    if own:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(address)
    listener.listen(BACKLOG)
    return listener


def _wait(way, address, listener, ready):  # pragma: no cover - runs in processes that are killed
    if way == "reuseport":
        listener = listen(address, own=True)
    os.write(ready, b"r")
    WAYS[way](listener)


def _wait_in_threads(count, *arguments):  # pragma: no cover
    for _ in range(count):
        threading.Thread(target=_wait, args=arguments, daemon=True).start()
    threading.Event().wait()


def _start(kind, count, arguments):
    context = multiprocessing.get_context("fork")
    if kind == "threads":
        started = [context.Process(target=_wait_in_threads, args=(count, *arguments))]
    else:
        started = [context.Process(target=_wait, args=arguments) for _ in range(count)]
    for process in started:
        process.start()
    return started


def _ready(pipe, count):
    deadline = clock() + 20
    while count:
        if not select.select([pipe], [], [], max(0, deadline - clock()))[0]:
            raise RuntimeError("%d contexts did not start" % count)
        count -= len(os.read(pipe, count))
    time.sleep(SETTLE)


def _connect(address):
    with socket.create_connection(address, timeout=10) as connection:
        if connection.recv(1) != b"k":
            raise RuntimeError("the connection was not answered")


def wakes(way, kind, count, connections):
    """Let ``count`` processes or threads wait for connections, and return how many wake up for each of them.

    A context that wakes up and goes to sleep again makes one voluntary switch, even if it finds inside the kernel that
    the wake-up was spurious.
    """
    ready, begin = os.pipe()
    processes = []
    reserved = socket.socket()
    listener = None
    try:
        if way == "reuseport":
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            reserved.bind(("127.0.0.1", 0))  # keeps the port, and gets no connection as it does not listen
            address = reserved.getsockname()
        else:
            listener = listen(("127.0.0.1", 0))
            address = listener.getsockname()
        processes = _start(kind, count, (way, address, listener, begin))
        _ready(ready, count)
        contexts = [(each.pid, tid) for each in processes for tid in proc.threads(each.pid)]
        if kind == "threads":
            contexts = contexts[1:]  # the main thread does not wait for connections
        for _ in range(2):
            _connect(address)
            time.sleep(SETTLE)
        before = sum(proc.switches(*each)[0] for each in contexts)
        taken = []
        for _ in range(connections):
            start = clock()
            _connect(address)
            taken.append(clock() - start)
            time.sleep(PAUSE)
        time.sleep(SETTLE)
        woken = sum(proc.switches(*each)[0] for each in contexts) - before
    finally:
        for each in processes:
            each.kill()
            each.join()
        for each in filter(None, (listener, reserved)):
            each.close()
        os.close(ready)
        os.close(begin)
    taken.sort()
    return {
        "wall": sum(taken),
        "count": connections,
        "contexts": len(contexts),
        "wakes": woken / connections,
        "answer": taken[len(taken) // 2],
    }
