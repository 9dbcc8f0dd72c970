"""Many connections that stay open, most of them silent at any time, to servers of several kinds on loopback.

The client is one event loop on raw sockets. It sends each connection's request when it is due, and counts the time from
then, so a server that falls behind cannot hide it by making the client send less.
"""

import contextlib
import itertools
import select
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from . import family, proc
from .serving import LINE, POOL, RESET
from .usage import clock

BACKLOG = 4096
BATCH = 128  # connections opened before their first answers are awaited
OPENING = 30.0  # seconds for all of them
IDLE = 0.2
IN_TIME = 1.0  # seconds within which an answer counts, and after which the run ends
RESERVE = 0.5  # of the memory available at the start: with less left, servers refuse connections
SPARE = 128  # descriptors


def raise_limit():
    """Raise the limit on descriptors as far as it goes, and return it."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


# ---- Servers


def _echo(connection):
    """Answer the requests of a connection until it is closed."""
    with connection:
        try:
            while True:
                data = connection.recv(64)
                if not data:
                    return
                connection.sendall(data)
        except OSError:
            pass


def _accepted(listener):  # pragma: no cover - runs in processes that are killed
    """Yield new connections, as long as there is memory for them."""
    reserve = RESERVE * proc.available()
    enough = True
    for number in itertools.count():
        connection, _ = listener.accept()
        if number % 64 == 0:
            enough = proc.available() > reserve
        if enough:
            yield connection
        else:
            connection.close()


def _fork(listener, children):  # pragma: no cover
    for connection in _accepted(listener):
        try:
            family.fork(children, _echo, connection)
        except OSError:  # no process left
            pass
        connection.close()
        family.reap(children)


def _threads(listener, children):  # pragma: no cover
    for connection in _accepted(listener):
        try:
            threading.Thread(target=_echo, args=(connection,), daemon=True).start()
        except RuntimeError:  # no thread left
            connection.close()


def _pool(listener, children):  # pragma: no cover
    """One thread waits for requests, and a pool of threads answers them."""
    flags = select.EPOLLIN | select.EPOLLONESHOT
    poll = select.epoll()
    listener.setblocking(False)
    poll.register(listener, select.EPOLLIN)
    connections = {}

    def answer(connection):
        number = connection.fileno()
        try:
            data = connection.recv(64)
            if data:
                connection.sendall(data)
                poll.modify(number, flags)
                return
        except OSError:
            pass
        del connections[number]
        connection.close()

    with ThreadPoolExecutor(POOL) as pool:
        while True:
            for number, _ in poll.poll():
                if number != listener.fileno():
                    pool.submit(answer, connections[number])
                    continue
                with contextlib.suppress(BlockingIOError):
                    while True:
                        connection, _ = listener.accept()
                        connections[connection.fileno()] = connection
                        poll.register(connection, flags)


def _asyncio(listener, children):  # pragma: no cover
    import asyncio

    class Echo(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.transport.write(data)

    async def run():
        server = await asyncio.get_running_loop().create_server(Echo, sock=listener, backlog=BACKLOG)
        await server.serve_forever()

    asyncio.run(run())


def _greenlets(listener, children):  # pragma: no cover
    import gevent.server
    import gevent.socket

    def echo(connection, address):
        _echo(connection)

    gevent.server.StreamServer(gevent.socket.socket(fileno=listener.detach()), echo).serve_forever()


SERVERS = {"fork": _fork, "threads": _threads, "pool": _pool, "asyncio": _asyncio, "greenlets": _greenlets}


def _serve(kind, channel, children):  # pragma: no cover
    serve = SERVERS[kind]
    raise_limit()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(BACKLOG)
    channel.send(listener.getsockname())
    serve(listener, children)


# ---- The client


class Client(object):
    """Holds many connections, each of which has been answered once."""

    def __init__(self):
        self.poll = select.epoll()
        self.connections = {}
        self.refused = 0

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for connection in self.connections.values():
            connection.close()
        self.poll.close()

    def open(self, address, count, deadline):
        while count > 0 and clock() < deadline:
            self._open(address, min(BATCH, count), deadline)
            count -= BATCH
        self.refused += max(0, count)

    def _open(self, address, count, deadline):
        waiting = {}
        for _ in range(count):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            connection.settimeout(2)
            try:
                connection.connect(address)
                connection.send(LINE)
            except OSError:
                connection.close()
                self.refused += 1
                continue
            connection.setblocking(False)
            self.poll.register(connection, select.EPOLLIN)
            waiting[connection.fileno()] = connection
        while waiting and clock() < deadline:
            for number, _ in self.poll.poll(0.05):
                connection = waiting.pop(number, None)
                if connection is None:  # an older one, which the server has closed
                    self._lose(self.connections.pop(number))
                elif _answered(connection):
                    self.connections[number] = connection
                else:
                    self._lose(connection)
        for connection in waiting.values():
            self._lose(connection)

    def _lose(self, connection):
        self.poll.unregister(connection)
        connection.close()
        self.refused += 1

    def run(self, seconds):
        """Send one request a second on each connection, evenly spread; return the latencies and the time."""
        numbers = list(self.connections)
        due = max(1, round(len(numbers) * seconds)) if numbers else 0
        pace = 1 / max(1, len(numbers))
        latencies = []
        pending = {}
        sent = 0
        start = clock()
        while (sent < due or pending) and clock() < start + seconds + IN_TIME:
            now = clock()
            for _ in range(BATCH):  # then look at the answers
                when = start + sent * pace
                if sent == due or when > now:
                    break
                number = numbers[sent % len(numbers)]
                sent += 1
                if number in pending or number not in self.connections:
                    continue  # a request that is not answered in time
                try:
                    self.connections[number].send(LINE)
                    pending[number] = when
                except OSError:
                    self._lose(self.connections.pop(number))
            rest = start + sent * pace - clock() if sent < due else 0.05
            for number, _ in self.poll.poll(max(0, min(0.05, rest)), 1024):
                connection = self.connections[number]
                when = pending.pop(number, None)
                if _answered(connection) and when is not None:
                    latencies.append(clock() - when)
                else:
                    self._lose(self.connections.pop(number))
        return sorted(latencies), clock() - start


def _answered(connection):
    try:
        return connection.recv(64) == LINE
    except OSError:
        return False


def _switches(pids):
    return sum(sum(proc.switches(pid)) for pid in pids)


def hold(kind, count, seconds):
    """Open ``count`` connections to such a server, leave them idle, then send one request a second on each.

    Returns the share of the requests due that were answered within a second (requests of connections that could not be
    opened are due, too), the latency of the answered ones, and the memory and context switches of the server's
    processes.
    """
    from gilkit.lab.measure import descendants

    limit = raise_limit()
    if count + SPARE > limit:
        raise RuntimeError("%d connections need %d descriptors, the limit is %d" % (count, count + SPARE, limit))
    with contextlib.ExitStack() as stack:
        # The client closes after the server has ended; all threads would wake up for it and take turns with the GIL.
        client = stack.enter_context(Client())
        server, address = stack.enter_context(family.server(_serve, kind))
        before = proc.memory([server.pid])["pss"]
        start = clock()
        client.open(address, count, start + OPENING)
        opened = clock() - start
        pids = [server.pid] + descendants(server.pid)
        memory = proc.memory(pids)["pss"] - before
        first, began = _switches(pids), clock()
        client.poll.poll(IDLE)  # silent: returns early only if the server closes one
        idle, rested = _switches(pids), clock()
        latencies, wall = client.run(seconds)
        busy = _switches(pids)
    asked = max(1, round(count * seconds))
    return {
        "wall": wall,
        "opened": opened,
        "refused": client.refused,
        "asked": asked,
        "count": max(1, len(latencies)),
        "rate": len(latencies) / wall,
        "kept": sum(each <= IN_TIME for each in latencies) / asked,
        "p50": latencies[len(latencies) // 2] if latencies else wall,
        "p99": latencies[-1 - len(latencies) // 100] if latencies else wall,
        "memory": max(0.0, memory / max(1, count - client.refused)),
        "switches": (busy - idle) / max(1, len(latencies)),
        "idle_switches": (idle - first) / (rested - began),
    }
