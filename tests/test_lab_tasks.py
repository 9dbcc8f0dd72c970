"""The tasks of the lab's workers in unusual cases; the experiments cover the usual ones."""

from __future__ import annotations

import asyncio
import io
import multiprocessing
import os
import queue
import socket
import socketserver
import threading
import types
from multiprocessing import shared_memory

import pytest
from scripts import module

from gilkit.lab import workers
from gilkit.lab.worker.gilkit_tasks import compare as compare_tasks
from gilkit.lab.worker.gilkit_tasks import messages, serving, switching, usage, waiting, work
from gilkit.lab.worker.gilkit_tasks.serving import LINE

# ---- Functions of processes that are killed in the end


def test_a_queue_is_answered_batch_by_batch():
    inbox, outbox = queue.SimpleQueue(), queue.SimpleQueue()
    for each in (2, b"a", b"b", 1, b"c", None):
        inbox.put(each)
    with pytest.raises(TypeError):  # None is not a count
        messages._serve_queue(inbox, outbox)
    assert outbox.qsize() == 2
    assert inbox.empty()


def test_a_pipe_is_answered_batch_by_batch():
    receiver, sender = multiprocessing.Pipe(duplex=False)
    answers, answer = multiprocessing.Pipe(duplex=False)
    with receiver, answers, answer:
        for each in (2, b"a", b"b", 1, b"c"):
            sender.send(each)
        sender.close()
        with pytest.raises(EOFError):
            messages._serve_pipe(receiver, answer)
        assert answers.recv() is answers.recv() is True
        assert not answers.poll()


def test_shared_memory_is_checked():
    receiver, sender = multiprocessing.Pipe(duplex=False)
    answers, answer = multiprocessing.Pipe(duplex=False)
    block = shared_memory.SharedMemory(create=True, size=12)
    try:
        with receiver, answers, answer:
            block.buf[:12] = bytes(range(12))
            sender.send((4, 3))
            sender.close()
            with pytest.raises(EOFError):
                messages._serve_memory(block.name, receiver, answer)
            assert answers.recv() == 0 + 4 + 8  # the first byte of each message
    finally:
        block.close()
        block.unlink()


def test_the_token_is_passed_on():
    (inbox, begin), (end, outbox) = os.pipe(), os.pipe()
    os.write(begin, b"abc")
    os.close(begin)
    switching._pass_on(inbox, outbox)
    assert os.read(end, 10) == b"abc"
    for each in (inbox, end, outbox):
        os.close(each)


# ---- Servers and their client


def talk(address):
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(LINE)
        return connection.recv(64)


@pytest.mark.parametrize("kind", ["serial", "threads", "pool"])  # a fork would inherit the client's socket
def test_servers_echo(kind):
    with serving.SERVERS[kind](("127.0.0.1", 0), serving._Echo) as server:
        if kind == "pool":
            server.pool = serving.ThreadPoolExecutor(2)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            assert [talk(server.server_address) for _ in range(3)] == [LINE] * 3
        finally:
            server.shutdown()
            thread.join()
            if kind == "pool":
                server.pool.shutdown()


def test_coroutines_echo():
    async def run():
        server = await asyncio.start_server(serving._echo, "127.0.0.1", 0)
        async with server:
            return await asyncio.to_thread(talk, server.sockets[0].getsockname())

    assert asyncio.run(run()) == LINE


class _Wrong(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(64)
        self.request.sendall(b"goodbye\n")


class _Reset(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(64)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, serving.RESET)


@pytest.mark.parametrize(("handler", "right"), [(serving._Echo, True), (_Wrong, False), (_Reset, False)])
def test_the_client_counts_what_is_right_and_what_is_not(monkeypatch, handler, right):
    monkeypatch.setattr(serving, "MAX_REQUESTS", 7)
    with serving.SERVERS["threads"](("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        client = serving._Client(server.server_address, 3, usage.clock() + 60)
        try:
            client.run()  # stops after MAX_REQUESTS, long before the deadline
        finally:
            client.close()
            server.shutdown()
            thread.join()
    assert (client.answered, client.errors) == ((7, 0) if right else (0, 7))
    assert client.started == 7


def test_the_client_keeps_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        start = usage.clock()
        client = serving._Client(deaf.getsockname(), 2, start + 0.2)
        client.run()
        client.close()
    assert 0.2 <= usage.clock() - start < 10
    assert (client.started, client.answered) == (2, 0)


def test_wrong_work_is_not_measured():
    with pytest.raises(RuntimeError, match="not all six were right"):
        waiting._timed(lambda: [True] * 5 + [False])
    assert waiting._timed(lambda: [True] * 6)["count"] == 6


# ---- Figures of the system, known and unknown


def test_usage_where_the_system_counts_no_switches(monkeypatch):
    assert set(usage.usage()) == {"user", "system", "voluntary", "involuntary"}
    monkeypatch.setattr(usage, "resource", None)
    before = usage.usage()
    assert set(before) == {"user", "system"}
    assert all(value >= 0 for value in usage.since(before).values())


def test_peak_memory(monkeypatch):
    here = work.peak_memory()
    assert here is None or here > 1 << 20
    status = io.StringIO("Name:\tpython\nVmHWM:\t   1234 kB\nVmRSS:\t   1000 kB\n")
    monkeypatch.setattr(work, "open", lambda path: status, raising=False)
    assert work.peak_memory() == 1234 * 1024
    status = io.StringIO("Name:\tpython\n")
    assert work.peak_memory() is None

    def missing(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(work, "open", missing)
    assert work.peak_memory() is None


@pytest.fixture
def idle(monkeypatch):
    """The search path of a worker, and no task started."""
    monkeypatch.syspath_prepend(workers.SERVER.parent)
    work.stop()
    yield
    work.stop()


@pytest.mark.parametrize("threads", [1, 3])
def test_work_is_begun_done_and_ended(idle, threads):
    alive = threading.active_count()
    work.start("sort", {"count": 1000}, threads)
    assert work.run()["wall"] > 0
    first = work.result()
    assert first == sorted(first)
    assert len(first) == 1000
    work.stop()
    assert threading.active_count() == alive


def test_work_goes_on_with_what_it_has(idle, monkeypatch):
    first = work.once("sort", {"count": 1000}, 2)
    result = work.result()
    assert ("memory" in first) == (work.peak_memory() is not None)
    monkeypatch.setattr(work, "peak_memory", lambda: None)
    assert "memory" not in work.once("nonsense", {}, 99)  # runs again what was started
    assert work.result() == result


def test_strategies_without_gilkit(idle, tmp_path):
    cost = compare_tasks.portable("spin", {"iterations": 1000}, 2, 1000)
    assert (cost["count"], cost["digest"]) == (1000, None)
    assert cost["wall"] > 0
    work.stop()
    path = tmp_path / "of_the_reader.py"
    path.write_text("def f(n): return n * n\ndef inputs(): return list(range(10))\n")
    size = {"function": f"{path}:f", "make": f"{path}:inputs", "take": 5, "repeat": 1}
    cost = compare_tasks.portable("custom", size, 2)
    assert cost["count"] == 5
    assert cost["digest"] == compare_tasks.digest([n * n for n in range(5)])
    assert cost["inputs"] == compare_tasks.digest(list(range(5)))


def test_bytes_moved_on_a_system_without_counters(monkeypatch):
    def refuse():
        raise NotImplementedError

    assert compare_tasks.transferred(types.SimpleNamespace()) is None
    assert compare_tasks.transferred(types.SimpleNamespace(io_counters=refuse)) is None
    assert compare_tasks.reading_overhead(types.SimpleNamespace(io_counters=refuse)) is None
    monkeypatch.setattr(compare_tasks, "_state", {})
    monkeypatch.setattr(compare_tasks, "transferred", lambda process: None)
    sample = compare_tasks.once("pool-spawn", "spin", {"iterations": 100}, 2)
    compare_tasks._state["contender"].close()
    assert "moved" not in sample
    assert sample["wall"] > 0


def test_inspecting_a_function_ends_after_a_second(tmp_path):
    text = "import time\ndef f(n): time.sleep(0.6)\ndef inputs(): return list(range(50))\n"
    path = module(tmp_path, "slow", text)
    facts = compare_tasks.inspect(f"{path}:f", f"{path}:inputs")
    assert facts["inputs"] == 50
    assert facts["tried"] == 2
    assert facts["each"] >= 0.6


def test_memory_of_children_that_end_during_the_sum(monkeypatch):
    """Pools start and end processes while their memory is summed."""
    import psutil

    def gone(self):
        raise psutil.NoSuchProcess(self.pid)

    monkeypatch.setattr(compare_tasks, "_state", {})
    monkeypatch.setattr(psutil.Process, "memory_full_info", gone)
    assert compare_tasks.once("serial", "spin", {"iterations": 100}, 1)["memory"] == 0
