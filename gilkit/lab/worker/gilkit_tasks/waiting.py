"""Six fetches that wait, or six computations: serially, in threads, in processes or in coroutines."""

import asyncio
import multiprocessing
import socket
import socketserver
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from .usage import clock, since, usage

COUNT = 6


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.rfile.readline()
        time.sleep(self.server.delay)
        self.wfile.write(b"a page\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64


def _fetch(address):
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(b"GET\n")
        return connection.makefile("rb").readline() == b"a page\n"


async def _fetch_async(address):
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET\n")
    page = await reader.readline()
    writer.close()
    return page == b"a page\n"


def _compute(loops):
    x = 0
    for _ in range(loops):
        x ^= 1
    return x == loops % 2


async def _compute_async(loops):
    return _compute(loops)


def six(work, how, delay=0.1, loops=1500000):
    """Do six fetches (``work`` is "fetch") or six computations ("compute") in the given way and return the cost."""
    server = None
    if work == "fetch":
        server = _Server(("127.0.0.1", 0), _Handler)
        server.delay = delay
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        function, coroutine, argument = _fetch, _fetch_async, server.server_address
    else:
        function, coroutine, argument = _compute, _compute_async, loops
    try:
        return WAYS[how](function, coroutine, [argument] * COUNT)
    finally:
        if server:
            server.shutdown()
            server.server_close()


def _timed(run):
    before = usage()
    start = clock()
    results = list(run())
    wall = clock() - start
    if results != [True] * COUNT:
        raise RuntimeError("not all six were right: %r" % (results,))
    return dict(since(before), wall=wall, count=COUNT)


def _serial(function, coroutine, arguments):
    return _timed(lambda: map(function, arguments))


def _threads(function, coroutine, arguments):
    with ThreadPoolExecutor(COUNT) as pool:
        return _timed(lambda: pool.map(function, arguments))


def _processes(function, coroutine, arguments):
    with multiprocessing.Pool(COUNT) as pool:
        pool.map(time.sleep, [0.02] * COUNT, 1)
        result = _timed(lambda: pool.map(function, arguments, 1))
        # The children do the work, so the usage of this process means nothing.
        return {"wall": result["wall"], "count": COUNT}


def _asyncio(function, coroutine, arguments):
    async def gather():
        return await asyncio.gather(*map(coroutine, arguments))

    return _timed(lambda: asyncio.run(gather()))


def _gilkit(function, coroutine, arguments):
    import gilkit

    gilkit.map(_nothing, arguments)
    return _timed(lambda: gilkit.map(function, arguments, threads=COUNT))


def _nothing(_):
    return None


WAYS = {
    "serial": _serial,
    "threads": _threads,
    "processes": _processes,
    "asyncio": _asyncio,
    "gilkit.map": _gilkit,
}
