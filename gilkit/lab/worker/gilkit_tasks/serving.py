"""Echo servers of several kinds on loopback, and a client that keeps a number of connections open.

The client is one event loop on raw sockets, to keep it from being the bottleneck. It stops after ``seconds`` or
MAX_REQUESTS. Each request has its own connection, because a forking or threading server works per connection.
"""

import asyncio
import multiprocessing
import selectors
import socket
import socketserver
import struct
from concurrent.futures import ThreadPoolExecutor

from .usage import clock

MAX_REQUESTS = 2000
POOL = 16
LINE = b"hello\n"
# Closing sends a reset, because connections in TIME_WAIT would use up the ports.
RESET = struct.pack("ii", 1, 0)


class _Echo(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            self.request.sendall(self.request.recv(64))
            self.request.recv(1)  # waits until the client closes
        except OSError:
            pass


class _Quiet(object):
    request_queue_size = 1024
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass


class _Serial(_Quiet, socketserver.TCPServer):
    pass


class _Threading(_Quiet, socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


class _Forking(_Quiet, getattr(socketserver, "ForkingTCPServer", socketserver.TCPServer)):
    max_children = 600
    block_on_close = False


class _Pooled(_Quiet, socketserver.TCPServer):
    def process_request(self, request, client_address):
        self.pool.submit(self._work, request, client_address)

    def _work(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)


SERVERS = {"serial": _Serial, "fork": _Forking, "threads": _Threading, "pool": _Pooled}


async def _echo(reader, writer):
    try:
        writer.write(await reader.read(64))
        await reader.read(1)
    except OSError:
        pass
    finally:
        writer.close()


def _serve(kind, answer):  # pragma: no cover - runs in a process that is killed
    if kind == "asyncio":

        async def run():
            server = await asyncio.start_server(_echo, "127.0.0.1", 0, backlog=1024)
            answer.send(server.sockets[0].getsockname())
            await server.serve_forever()

        asyncio.run(run())
        return
    server = SERVERS[kind](("127.0.0.1", 0), _Echo)
    if kind == "pool":
        server.pool = ThreadPoolExecutor(POOL)
    answer.send(server.server_address)
    server.serve_forever(0.05)


class _Client(object):
    """Keeps ``clients`` connections open and replaces each when its answer arrives."""

    def __init__(self, address, clients, deadline):
        self.address = address
        self.deadline = deadline
        self.selector = selectors.DefaultSelector()
        self.started = self.answered = self.errors = 0
        for _ in range(clients):
            self.connect()

    def connect(self):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.setblocking(False)
        connection.connect_ex(self.address)
        self.started += 1
        self.selector.register(connection, selectors.EVENT_WRITE)

    def run(self):
        while self.selector.get_map():
            for key, events in self.selector.select(0.05):
                connection = key.fileobj
                try:
                    if events & selectors.EVENT_WRITE:
                        connection.send(LINE)
                        self.selector.modify(connection, selectors.EVENT_READ)
                        continue
                    good = connection.recv(64) == LINE
                except OSError:
                    good = False
                self.answered += good
                self.errors += not good
                self.replace(connection)
            if clock() > self.deadline:
                return

    def replace(self, connection):
        self.selector.unregister(connection)
        connection.close()
        if self.started < MAX_REQUESTS and clock() < self.deadline:
            self.connect()

    def close(self):
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


def ask(address, clients, seconds):
    """Return the requests per second that the server at ``address`` answers to ``clients`` simultaneous clients."""
    warm = _Client(address, 1, clock() + 0.05)
    warm.run()
    warm.close()
    start = clock()
    client = _Client(address, clients, start + seconds)
    client.run()
    wall = clock() - start
    client.close()
    return {
        "wall": wall,
        "count": max(1, client.answered),
        "answered": client.answered,
        "errors": client.errors,
        "rate": client.answered / wall,
    }


def echo(kind, clients, seconds):
    """Return the requests per second that a server of that kind answers to ``clients`` simultaneous clients."""
    parent, child = multiprocessing.Pipe()
    # Not a daemon, because the forking server has children. The lab ends the whole group if this process dies.
    server = multiprocessing.Process(target=_serve, args=(kind, child))
    server.start()
    try:
        if not parent.poll(20):
            raise RuntimeError("the server did not start")
        return ask(tuple(parent.recv()), clients, seconds)
    finally:
        server.kill()
        server.join()
