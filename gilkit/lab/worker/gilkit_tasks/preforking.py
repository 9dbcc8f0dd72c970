"""Servers that fork for each connection, and servers whose processes wait for connections."""

import mmap
import signal
import socket

from . import family, serving
from .herding import listen

BACKLOG = 1024


def _handle(connection):
    with connection:
        try:
            connection.sendall(connection.recv(64))
            connection.recv(1)  # waits until the client closes
        except OSError:
            pass


def _answer(listener, served, index):  # pragma: no cover - runs in processes that are killed
    """Answer connections of the socket, one after another, and count them."""
    while True:
        connection, _ = listener.accept()
        served[index] += 1
        _handle(connection)


def _fork(listener, workers, served, children):  # pragma: no cover
    while True:
        connection, _ = listener.accept()
        served[0] += 1
        family.fork(children, _handle, connection)
        connection.close()
        family.reap(children)


def _shared(listener, workers, served, children):  # pragma: no cover
    for index in range(workers):
        family.fork(children, _answer, listener, served, index)
    _idle()


def _reuseport(listener, workers, served, children):  # pragma: no cover
    listeners = [listener] + [listen(listener.getsockname(), own=True) for _ in range(1, workers)]
    for each in listeners:
        each.listen(BACKLOG)
    for index, each in enumerate(listeners):
        family.fork(children, _answer, each, served, index)
    for each in listeners:
        each.close()
    _idle()


def _passed(listener, workers, served, children):  # pragma: no cover
    channels = []
    for index in range(workers):
        mine, theirs = socket.socketpair()
        channels.append(mine)
        family.fork(children, _receive, theirs, served, index)
        theirs.close()
    turn = 0
    while True:
        connection, _ = listener.accept()
        socket.send_fds(channels[turn], [b"c"], [connection.fileno()])
        connection.close()
        turn = (turn + 1) % workers


def _receive(channel, served, index):  # pragma: no cover
    while True:
        _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
        if not descriptors:
            return
        served[index] += 1
        _handle(socket.socket(fileno=descriptors[0]))


def _idle():  # pragma: no cover
    while True:
        signal.pause()


SERVERS = {"fork": _fork, "shared": _shared, "passed": _passed, "reuseport": _reuseport}


def _serve(kind, workers, served, channel, children):  # pragma: no cover
    listener = listen(("127.0.0.1", 0), own=kind == "reuseport")
    listener.listen(BACKLOG)
    channel.send(listener.getsockname())
    SERVERS[kind](listener, workers, served, children)


def answer(kind, workers, clients, seconds):
    """Return the requests per second that such a server answers, and the share of its busiest process."""
    with mmap.mmap(-1, 8 * workers) as shared, memoryview(shared).cast("Q") as served:
        with family.server(_serve, kind, workers, served) as (_, address):
            figures = serving.ask(address, clients, seconds)
        total = sum(served)
        return dict(figures, busiest=max(served) / total if total and kind != "fork" else 0.0)
