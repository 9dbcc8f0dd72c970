"""``gilkit profile``: what is read from a process: threads, frames, the GIL's holder, and the operation that runs.

Reading is tested on this process itself, whose threads are known.
"""

from __future__ import annotations

import argparse
import ast
import dis
import inspect
import os
import struct
import sys
import textwrap
import threading
import time

import pytest

pytest.importorskip("psutil")
pytest.importorskip("rich")
if not sys.platform.startswith("linux"):
    pytest.skip("reads /proc", allow_module_level=True)

from gilkit.lab.errors import LabError
from gilkit.lab.profile import layouts, memory, operations, sampler, tasks
from gilkit.lab.profile.operations import Array, Items, Other, Scalar, Type
from gilkit.lab.profile.reader import Code, Frame, Reader
from gilkit.lab.profile.sampler import Sample, State
from gilkit.lab.profile.tasks import Task

# ---- Threads, as /proc shows them


def test_the_name_of_a_thread_may_hold_anything():
    fields = ["R", *["0"] * 10, "250", "50", *["0"] * 8, "77", *["0"] * 14, "3", "0"]
    task = tasks.parse(b"7 (a) R (b) " + " ".join(fields).encode())
    assert task == Task("R", 300 * tasks.TICK, 3, system=50 * tasks.TICK, pages=77)
    assert task.runs


def test_threads_that_sleep_on_a_futex():
    assert tasks.futex(b"202 0x7f00 0x80 0x0 0x0 0x0 0x0 0x7ffe 0x7f01\n", (202,)) == 0x7F00
    assert tasks.futex(b"230 0x1 0x0 0x7f00 0x0 0x0 0x0 0x7ffe 0x7f01\n", (202,)) == 0  # clock_nanosleep
    assert tasks.futex(b"running\n", (202,)) == 0
    assert tasks.futex(b"", (202,)) == 0


def test_waits_for_a_core_count_as_long_as_they_took():
    queue, ms = tasks.Queue(), 1_000_000
    assert not queue.waits(1, 500 * ms, 0.0)  # waits before the first call do not count
    assert not queue.waits(1, 504 * ms, 0.010)  # 4 of 10 ms
    assert queue.waits(1, 508 * ms, 0.020)  # 8 of 20 ms: one sample of the two
    assert not queue.waits(1, 510 * ms, 0.030)
    queue.sleeps(1, 0.040)
    assert [queue.waits(1, 540 * ms, 0.050 + 0.01 * step) for step in range(4)] == [True, True, True, False]
    queue.forget(1)
    queue.sleeps(1, 8.0)
    assert not queue.waits(1, 999 * ms, 9.0)
    assert not queue.waits(2, 0, 9.0)  # a kernel that does not count
    assert not queue.waits(2, 0, 9.1)


def test_own_threads():
    found = tasks.Tasks(os.getpid())
    seen = found.look()
    assert seen[threading.get_native_id()].state == "R"
    before, begin = found.cpu(), time.process_time()
    while time.process_time() < begin + 0.3:
        pass
    found.look()
    assert found.cpu() - before == pytest.approx(time.process_time() - begin, abs=0.1)
    found.close()
    with pytest.raises(FileNotFoundError):
        tasks.Tasks(2**22 + 1).look()


def test_threads_that_no_look_saw_count():
    found = tasks.Tasks(os.getpid())
    found.look()
    before, faults, begin = found.cpu(), found.faults(), time.process_time()
    while time.process_time() < begin + 0.3:
        thread = threading.Thread(target=lambda: sum(bytearray(1 << 20)))  # pages of its own
        thread.start()
        thread.join()
    found.look()
    assert found.cpu() - before == pytest.approx(time.process_time() - begin, abs=0.1)
    assert found.faults() > faults
    found.close()


@pytest.mark.parametrize(
    ("runs", "queued", "holds", "wants", "state"),
    [
        (True, False, True, False, State.HOLDS),
        (False, False, True, False, State.BLOCKS),  # in a call of C that sleeps without giving the GIL up
        (True, True, True, False, State.BLOCKS),
        (True, False, False, False, State.FREE),
        (True, True, False, False, State.QUEUES),
        (False, False, False, True, State.WANTS),
        (False, False, False, False, State.WAITS),  # time.sleep: neither a holder nor a waiter
    ],
)
def test_states(runs, queued, holds, wants, state):
    assert sampler.state_of(Task("R" if runs else "S", 0.0, 0, queued), holds, wants) is state


def test_the_sampler_keeps_to_its_share():
    assert sampler.next_interval([20e-6], 0.01) == sampler.INTERVAL
    assert sampler.next_interval([500e-6], 0.01) == pytest.approx(0.05)
    assert sampler.next_interval([20e-6, 20e-6, 0.5], 0.01) == sampler.INTERVAL  # the last look read a new file
    assert sampler.next_interval([20e-6], 0.01, 0.04) == 0.04


@pytest.mark.parametrize(
    ("used", "cores", "share"),
    [
        (1.0, 2, 0.05),
        (1.25, 2, 0.05),
        (1.4, 2, 0.0066),
        (2.0, 2, 0.0066),
        (0.0, 1, 0.05),
        (1.0, 1, 0.0033),
        (64.0, 64, 0.0264),
    ],
)
def test_the_share_depends_on_the_cores_that_are_idle(used, cores, share):
    assert sampler.share_of(used, cores) == pytest.approx(share)


@pytest.mark.parametrize("count", [5, 6])
def test_thinned_samples_stand_for_the_same_time(count):
    found = [Sample(0.01 * (number + 1), 0.01, ()) for number in range(count)]
    thin = sampler.thinned(found)
    assert len(thin) == 3
    assert sum(each.seconds for each in thin) == pytest.approx(0.01 * count)
    assert thin[-1].when == found[-1].when


# ---- Memory and layouts


def test_mappings():
    text = "7f01-7f02 r-xp 00001000 08:01 42 /usr/lib/lib python.so (deleted)\n7f03-7f04 rw-p 0 00:00 0 [heap]\n7f05-7f06 rw-p 0 00:00 0\n"
    assert list(memory.mappings(text)) == [(0x7F01, 0x1000, "/usr/lib/lib python.so (deleted)")]


def test_a_file_that_is_not_elf_has_no_symbols():
    assert memory.symbols(b"#!/bin/sh\n", {"_PyRuntime"}) == {}
    assert memory.symbols(b"\x7fELF\x01\x01" + bytes(100), {"_PyRuntime"}) == {}


def test_memory_that_is_not_mapped():
    own = memory.Memory(os.getpid())
    for address in (0, 1 << 60, 1 << 63, (1 << 64) - 8):
        with pytest.raises(memory.Unreadable):
            own.word(address)
    own.close()


def test_layouts_that_the_interpreter_publishes():
    names = layouts.published_names((3, 13))
    words = {name: 1000 + number for number, name in enumerate(names)}
    for free_threaded in (0, 1):
        data = layouts.COOKIE + struct.pack(f"<{len(names) + 2}Q", 0x030D0000, free_threaded, *words.values())
        found = layouts.of((3, 13), data)
        assert found.threads == words["interpreter threads_head"]
        assert (
            found.gil_holder == words["interpreter gil_runtime_state_holder"] - words["interpreter gil_runtime_state"]
        )
        assert found.frame == words["thread current_frame"]
        assert found.head == (32 if free_threaded else 16)
    with pytest.raises(LabError, match="does not publish"):
        layouts.of((3, 14), bytes(4096))


@pytest.mark.parametrize("version", [(2, 7), (3, 10), (3, 16), (4, 0)])
def test_unknown_versions_are_refused(version):
    with pytest.raises(
        LabError, match=rf"runs Python {version[0]}\.{version[1]}; gilkit profile knows CPython 3\.11 to"
    ):
        layouts.of(version, bytes(4096))


def test_later_versions_publish_more():
    assert "interpreter threads_main" in layouts.published_names((3, 14))
    assert "frame tlbc_index" in layouts.published_names((3, 14))
    assert layouts.published_names((3, 15)).index("frame size") > layouts.published_names((3, 14)).index("frame size")


# ---- This process


@pytest.fixture
def reader():
    found = Reader(os.getpid())
    yield found
    found.close()


def spin(stop):
    while not stop.is_set():
        sum(range(100))


def test_the_holder_of_the_gil(reader):
    """This thread releases the GIL whenever it reads, so the other thread holds it."""
    stop = threading.Event()
    thread = threading.Thread(target=spin, args=(stop,))
    thread.start()
    mine = next(each for each in reader.threads() if each.native_id == thread.native_id)
    assert reader.ready
    end = time.monotonic() + 10
    while mine.gil and reader.holder(mine.gil) != mine.address and time.monotonic() < end:
        time.sleep(0.001)
    held = not mine.gil or reader.holder(mine.gil) == mine.address
    stop.set()
    thread.join()
    assert held or time.monotonic() < end
    assert reader.holder(0) == 0
    if mine.gil:
        assert reader.waits_for(mine.gil, mine.gil)
        assert not reader.waits_for(mine.gil, mine.gil + 4096)
    assert not reader.waits_for(0, 0)


def sleeper(entered, leave):
    entered.set()
    leave.wait(20)


def test_frames_and_places(reader):
    entered, leave = threading.Event(), threading.Event()
    thread = threading.Thread(target=sleeper, args=(entered, leave))
    thread.start()
    entered.wait(20)
    time.sleep(0.05)
    mine = next(each for each in reader.threads() if each.native_id == thread.native_id)
    stack = reader.stack(mine.address)
    assert reader.stack(mine.address) == stack  # it has not moved
    leave.set()
    thread.join()
    assert [frame.code.function for frame in stack][:2] == ["Condition.wait", "Event.wait"]
    decoder = operations.Decoder(reader)
    assert decoder.operation(stack) is None  # the standard library is decoded after the run
    assert decoder.named(stack) == operations.Operation("waiter.acquire", text="waiter.acquire(True, timeout)")
    assert decoder.named(stack[2:]) is None
    place = next(frame.place for frame in stack if frame.code.function == "sleeper")
    lines, first = inspect.getsourcelines(sleeper)
    assert place.file == __file__
    assert place.line == first + 2
    assert lines[2][place.column : place.end_column] == "leave.wait(20)"


def test_a_place_without_a_line_table():
    code = Code("f.py", "f", 7, 0, 0, 3)
    code.lines = b"\xff"
    assert code.place(1)[:3] == ("f.py", "f", 7)
    assert code.place(-1)[:3] == ("f.py", "f", 7)


# CPython never moves an object, so its id is its address.
def test_values(reader):
    np = pytest.importorskip("numpy")
    decoder = operations.Decoder(reader)
    array = np.zeros((4, 6), np.float32)[::2, ::-1]
    objects = [
        3.5, 7, -7, 0, True, False, None, 2**70, "text", (1, 2.5), [3], np.sqrt, np.float64(0.25), array, ((1, 2), 3),
        tuple(range(50)), np.zeros(()), "ж" * 50, "ж", np.float32, slice(None, 3),
        b"bytes", bytearray(3),
    ]  # fmt: skip
    found = [decoder.value(id(each)) for each in objects]
    assert found == [
        Scalar(3.5), Scalar(7), Scalar(-7), Scalar(0), Scalar(True), Scalar(False), Scalar(None), Other("int"),
        Scalar("text"), Items("tuple", (Scalar(1), Scalar(2.5))), Items("list", (Scalar(3),)), Other("numpy.ufunc sqrt"),
        Scalar(0.25), Array((2, 6), (48, -4), "f"), Items("tuple", (Items("tuple", (Scalar(1), Scalar(2))), Scalar(3))),
        Other("tuple"), Array((), (), "d"), Other("str"), Scalar("ж"), Type("numpy.float32"),
        Items("slice", (Scalar(None), Scalar(3), Scalar(None))), Other("bytes", 5), Other("bytearray", 3),
    ]  # fmt: skip
    assert decoder.value(0) == Other("")
    assert decoder.value(8) == Other("?")
    assert array.size == found[13].size


def busy(kind, stop, seconds=20):
    import numpy as np

    a = np.linspace(0, 1, 400_000).reshape(400, 1000)
    b, rng, end = a + 1, np.random.default_rng(1), time.monotonic() + seconds
    while not stop.is_set() and time.monotonic() < end:
        if kind == "add":
            a[1:-1] + b[:-2]
        elif kind == "sqrt":
            np.sqrt(a, out=b)
        elif kind == "in place":
            b *= 1.0
        elif kind == "sum":
            a.sum(axis=1)
        elif kind == "median":
            np.median(a, axis=0)
        elif kind == "compare":
            a < 0.5  # noqa: B015
        elif kind == "normal":
            rng.normal(1.0, size=200_000)


@pytest.mark.parametrize(
    ("kind", "name", "arrays", "text"),
    [
        ("add", "numpy.add", [Array((398, 1000), (8000, 8), "d")] * 2, "a[1:-1] + b[:-2]"),
        ("sqrt", "numpy.sqrt", [Array((400, 1000), (8000, 8), "d")], "np.sqrt(a, out=b)"),
        ("in place", "numpy.multiply", [Array((400, 1000), (8000, 8), "d")], "b *= 1.0"),
        ("sum", ".sum", [Array((400, 1000), (8000, 8), "d")], "a.sum(axis=1)"),
        ("median", "numpy.median", [Array((400, 1000), (8000, 8), "d")], "np.median(a, axis=0)"),
        ("compare", "numpy.less", [Array((400, 1000), (8000, 8), "d")], "a < 0.5"),
        ("normal", "numpy.random.Generator.normal", [], "rng.normal(1.0, size=200_000)"),
    ],
)
def test_operations_of_a_running_thread(reader, kind, name, arrays, text):
    pytest.importorskip("numpy")
    stop = threading.Event()
    thread = threading.Thread(target=busy, args=(kind, stop))
    thread.start()
    decoder = operations.Decoder(reader)
    found, end = {}, time.monotonic() + 10
    while name not in found and time.monotonic() < end:
        time.sleep(0.002)
        address = next(each.address for each in reader.threads() if each.native_id == thread.native_id)
        operation = decoder.operation(reader.stack(address))
        if operation:
            found[operation.name] = operation
    stop.set()
    thread.join()
    operation = found[name]
    assert operation.arrays == arrays
    assert operation.text == text
    assert operation.in_place == (kind == "in place")
    assert operation.numpys
    if kind in ("sum", "median"):
        assert operation.keywords == (("axis", Scalar(1 if kind == "sum" else 0)),)
    if kind == "normal":
        assert (operation.operands, operation.keywords) == ((Scalar(1.0),), (("size", Scalar(200_000)),))


def test_large_blocks_of_bytes():
    block, text, count = Other("bytes", 1000), Other("str"), Scalar(100)
    sizes = [
        operations.made_of(name, operands)
        for name in ("multiply", "add", "subtract")
        for operands in ((block, count), (count, block), (block, block), (text, count), (Scalar(1.5), Scalar(2)))
    ]
    assert sizes == [100_000, 100_000, 0, 0, 0, 1000, 1000, 2000, 0, 0, 0, 0, 0, 0, 0]


def test_no_operation_where_the_source_is_of_another_version(reader):
    decoder = operations.Decoder(reader)
    code = Code("<string>", "f", 1, 0, 0, 10)
    assert decoder.operation([Frame(code, 2, 0)]) is None  # no file has that name
    assert decoder.operation([]) is None
    assert decoder.work([]) is None
    assert decoder.operation([Frame(Code(__file__, "sleeper", 1, 0, 0, 10), 2, 0)]) is None  # another line
    decoder.usable = False
    assert decoder.operation([Frame(code, 2, 0)]) is None


PROGRAM = """
import numpy as np
from numpy import linalg, sqrt as root
import hashlib

def f(x, y):
    for i in range(3):
        try:
            z = x[i:] + y if y else root(x, where=y)
        except ValueError:
            z = np.linalg.norm(x * 2, axis=(0, 1))
        with open(z) as q:
            yield z.sum(axis=0), not z, -z, [k for k in x if k < y]
    return hashlib.sha256(z), linalg.norm(x)
"""


def test_the_depth_of_the_stack():
    """Every instruction that can be reached has a depth, within what the compiler says, and 0 where a statement begins."""
    source = operations.Source(PROGRAM.encode(), "p.py")
    for codes in source.codes.values():
        for code in codes:
            found = operations.depths(code)
            assert found
            assert all(0 <= depth <= code.co_stacksize + 2 for depth in found.values())
    for name in ("read_file", "run", "splitroot"):  # larger functions
        for function in (
            vars(os.path).values()
            if name == "run"
            else [textwrap.wrap, argparse.ArgumentParser._parse_known_args, ast.literal_eval]
        ):
            if inspect.isfunction(function):
                assert operations.depths(function.__code__)


def test_names_of_the_source():
    source = operations.Source(PROGRAM.encode(), "p.py")
    names = {source.dotted(call.func) for call in source.calls.values()}
    assert {"numpy.sqrt", "numpy.linalg.norm", "hashlib.sha256", "range", "z.sum"} <= names
    lambda_call = ast.parse("f()()").body[0].value
    assert source.dotted(lambda_call.func) == ""


@pytest.mark.parametrize(
    ("kind", "work", "operation", "found"),
    [
        ("", operations.Work.STEPS, None, True),
        ("binary", operations.Work.ARITHMETIC, None, True),  # of numbers
        ("binary", operations.Work.ARITHMETIC, operations.Operation("numpy.add"), False),  # of arrays
        ("call", operations.Work.C, None, False),
        ("other", operations.Work.ITEMS, None, False),
        ("", None, None, False),  # not known
    ],
)
def test_threads_in_python_code_compute_only_with_the_gil(reader, kind, work, operation, found, monkeypatch):
    decoder = operations.Decoder(reader)
    monkeypatch.setattr(decoder, "step", lambda code, unit: operations.Step(kind, work=work))
    frame = Frame(Code("f.py", "f", 1, 0, 0, 9), 3, 0)
    assert decoder.in_python([frame], operation) is found
    assert not decoder.in_python([], operation)


def test_kinds_of_work():
    names = [
        "CALL",
        "PRECALL",
        "CALL_KW",
        "LOAD_ATTR",
        "BINARY_SUBSCR",
        "LIST_APPEND",
        "BINARY_OP",
        "COMPARE_OP",
        "FOR_ITER",
        "YIELD_VALUE",
        "RETURN_GENERATOR",
        "RETURN_VALUE",
        "FORMAT_VALUE",
    ]
    found = [operations.work_of(name).name for name in names]
    assert found == [
        "C",
        "C",
        "C",
        "CALLS",
        "ITEMS",
        "ITEMS",
        "ARITHMETIC",
        "ARITHMETIC",
        "STEPS",
        "GENERATORS",
        "GENERATORS",
        "CALLS",
        "TEXT",
    ]
    symbols = {symbol: operations.work_of("BINARY_OP", symbol) for symbol in ("+", "*=", "%", ">>=", "**")}
    assert [symbol for symbol, work in symbols.items() if work is operations.Work.ARITHMETIC] == ["+", "*="]


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the bytecode of 3.11")
def test_steps():
    code = compile("x + y\nx += y\nx < y\n-x\nx[y]\nx[y] = 1\nf(x, y)\nf(*x)\nx", "p.py", "exec")
    depths = operations.depths(code)
    steps = [operations.step_of(each, depths.get(each.offset, 0), (3, 11)) for each in dis.get_instructions(code)]
    found = [(step.kind, step.name, step.in_place, step.slots) for step in steps if step.kind]
    assert found == [
        ("binary", "add", False, (0, 1)), ("binary", "add", True, (0, 1)), ("binary", "less", False, (0, 1)),
        ("unary", "negative", False, (0,)), ("binary", "[]", False, (0, 1)), ("other", "[]=", False, ()),
        ("call", "", False, (0, 1, 2, 3)), ("call", "", False, (0, 1, 2, 3)), ("call", "", False, ()),
    ]  # fmt: skip


def test_many_threads_need_few_files(monkeypatch):
    monkeypatch.setattr(tasks, "MOST_FILES", 2)
    leave = threading.Event()
    threads = [threading.Thread(target=leave.wait) for _ in range(6)]
    for each in threads:
        each.start()
    found = tasks.Tasks(os.getpid())
    numbers = {each.native_id for each in threads}
    assert numbers <= found.look().keys()
    assert len(found._files) == 2
    assert found.faults() > 0
    before = found.cpu()
    leave.set()
    for each in threads:
        each.join()
    time.sleep(0.05)
    assert not numbers & found.look().keys()
    assert found.cpu() >= before  # the time of threads that have ended counts
    found.close()
