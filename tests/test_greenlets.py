"""Greenlets that switch inside gilkit's calls, and programs patched by gevent and eventlet."""

import importlib.util
import signal
import subprocess
import sys

import pytest
import switching_handler

# Do not import greenlet here: it would change gilkit's behaviour in all other tests.
if importlib.util.find_spec("greenlet") is None:
    pytest.skip("needs greenlet", allow_module_level=True)

PROLOGUE = """
import ctypes, os, threading, time
import greenlet, gilkit
main, hub, out = threading.get_ident(), greenlet.getcurrent(), []
def switch(x):
    time.sleep(0.001)
    if threading.get_ident() == main and greenlet.getcurrent() is not hub:
        hub.switch()
    return x
def burn(n):
    return n and burn(n - 1)
def use_map():
    out.append(list(RUN))
greenlets = [greenlet.greenlet(use_map) for _ in range(3)]
while not all(g.dead for g in greenlets):
    for g in greenlets:
        if not g.dead:
            g.switch()
    list(map(burn, [50]))
    assert gilkit.map(abs, range(10)) == list(range(10))
    assert gilkit.spin(1000) == gilkit.spin(1000, threads=1)
"""


def run(code, timeout=60):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize(
    "call",
    [
        "gilkit.map(switch, range(20), threads=T)",
        "gilkit.map(switch, iter(range(20)), threads=T)",
        "gilkit.starmap(switch, [(x,) for x in range(20)], threads=T)",
        "gilkit.imap(switch, range(20), threads=T)",
        "gilkit.imap(lambda x: x, map(switch, range(20)), threads=T)",
        "gilkit.map(lambda x: sum(gilkit.map(switch, [x], threads=T)), range(20), threads=T)",
        "gilkit.map(abs, range(20), threads=T, progress=lambda done, total: switch(0))",
    ],
)
def test_greenlets_that_switch_inside_a_call(call, threads):
    code = PROLOGUE.replace("RUN", call.replace("T)", f"{threads})").replace("T,", f"{threads},"))
    assert run(code + "assert out == [list(range(20))] * 3, out\nprint('right')") == "right\n"


@pytest.mark.parametrize("threads", [1, 2])
def test_greenlets_that_switch_inside_a_compiled_loop(threads):
    call = f"gilkit.parallel_for(50, kernel, None, threads={threads}, grain=1) or range(20)"
    code = PROLOGUE.replace(
        "def burn",
        "seen = []\n"
        "@ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)\n"
        "def kernel(begin, end, data):\n    seen.append(switch(begin))\n"
        "def burn",
    ).replace("RUN", call)
    assert run(code + "assert sorted(seen) == sorted(list(range(50)) * 3)\nprint('right')") == "right\n"


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize(
    "call",
    [
        "gilkit.map(switch, list(range(N)), threads=T)",
        "gilkit.map(switch, iter(range(N)), threads=T)",
        "list(gilkit.imap(switch, range(N), threads=T))",
        "gilkit.map(lambda x: sum(gilkit.map(switch, [x], threads=T)), range(N), threads=T)",
        "gilkit.parallel_for(N, kernel, None, threads=T, grain=1) or sorted(seen)",
    ],
)
def test_greenlet_is_imported_in_a_call(call, threads):
    """The region of a call that has begun stays on the stack. Greenlets that are created during the call have stacks
    above it."""
    code = f"""
import ctypes, sys, threading, time
import gilkit
N, seen, left, local = 60, [], [], threading.local()
def burn(n):
    return n and burn(n - 1)
def body(x):
    list(map(burn, [x % 40]))
    for i in range(3):
        greenlet.getcurrent().parent.switch(i)
        assert gilkit.spin(1000) == gilkit.spin(1000, threads=1)
        assert gilkit.map(abs, [-x] * 3) == [x] * 3
def switch(x):
    global greenlet
    time.sleep(0.0005)
    if x >= 5:  # the call began without greenlet
        import greenlet
        mine = local.__dict__.setdefault("greenlets", [])
        mine.append(greenlet.greenlet(body))
        for each in mine[-4:]:
            if not each.dead:
                each.parent = greenlet.getcurrent()
                each.switch(*(() if each else (x,)))
    return x
@ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
def kernel(begin, end, data):
    seen.append(switch(begin))
assert "greenlet" not in sys.modules
T = {threads}
assert {call} == list(range(N))
assert "greenlet" in sys.modules
seen.clear()
assert {call} == list(range(N))
print("right")
"""
    assert run(code) == "right\n"


def test_errors_limits_and_signals_with_greenlets():
    code = """
import greenlet, signal, time, gilkit, pytest
for kind in (list, iter):
    with pytest.raises(ValueError, match="^5$"):
        def fail(x):
            if x >= 5: raise ValueError(x)
        gilkit.map(fail, kind(range(20)), threads=2)
    with pytest.raises(TimeoutError), gilkit.timeout(0.1):
        gilkit.map(lambda _: gilkit.spin(10**14, threads=1), kind(range(4)), threads=2)
if hasattr(signal, "setitimer"):
    class Signal(Exception): pass
    def handler(*_): raise Signal
    signal.signal(signal.SIGALRM, handler)
    for call in (lambda: gilkit.map(lambda _: gilkit.spin(10**14, threads=1), range(4), threads=2),
                 lambda: gilkit.map(time.sleep, [0.001] * 10**6, threads=2)):
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(Signal): call()
assert gilkit.map(abs, [-1], threads=4) == [1]
assert gilkit.map(abs, []) == []
def stop(x): raise StopIteration(x)
with pytest.raises(StopIteration): gilkit.map(stop, range(3))
items = list(range(1000))
with pytest.raises(RuntimeError, match="became shorter"): gilkit.map(lambda x: items.clear(), items, threads=1)
print("right")
"""
    assert run(code) == "right\n"


WITH_TIMERS = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signal.setitimer")


@WITH_TIMERS
@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_signal_handler_may_switch_greenlets_inside_a_kernel(threads):
    code = f"""
import gilkit, numpy as np
gilkit.sort, gilkit.map, gilkit.spin  # imported before the first switch
a = np.random.default_rng(0).standard_normal(4_000_000)
expected = np.sort(a)
def compute():
    for _ in range(3):
        assert (gilkit.sort(a, threads={threads}) == expected).all()
        assert gilkit.map(lambda x: gilkit.spin(10**6, threads={threads}), range(20), threads=1)
def between():
    expected.sum()
    assert gilkit.spin(1000) == gilkit.spin(1000, threads=1)
run_in_greenlets(compute, 0.035, between)
assert gilkit.map(abs, range(10)) == list(range(10))
print("right")
"""
    assert run(switching_handler.PROLOGUE + code) == "right\n"


@WITH_TIMERS
def test_a_signal_handler_may_switch_greenlets_inside_patched_numpy():
    code = """
import gilkit, numpy as np
a = np.random.default_rng(0).standard_normal((1000, 1000))
def results():
    return [a.sum(axis=0), np.sort(a, axis=0), np.sort(a.ravel()), np.sin(a) + a, a.astype("f4"), np.cumsum(a, axis=1)]
expected = [each.tobytes() for each in results()]
def compute():
    for _ in range(8):
        assert [each.tobytes() for each in results()] == expected
def between():
    assert a.max() == max(map(max, a))
with gilkit.patch_numpy(min_size=1000), gilkit.threads(3):
    run_in_greenlets(compute, 0.01, between)
print("right")
"""
    assert run(switching_handler.PROLOGUE + code) == "right\n"


@pytest.mark.parametrize("first", ["gilkit", "patch"])
@pytest.mark.parametrize("package", ["gevent", "eventlet"])
def test_patched_programs(package, first):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"needs {package}")
    patch = {
        "gevent": "import gevent.monkey; gevent.monkey.patch_all()",
        "eventlet": "import eventlet; eventlet.monkey_patch()",
    }
    lines = ["import gilkit; gilkit.map, gilkit.imap", patch[package]]
    spawn = {
        "gevent": "gs = [gevent.spawn(work) for _ in range(5)]; gevent.joinall(gs); out = [g.value for g in gs]",
        "eventlet": "gs = [eventlet.spawn(work) for _ in range(5)]; out = [g.wait() for g in gs]",
    }
    code = (
        "\n".join(lines if first == "gilkit" else lines[::-1])
        + f"""
import time
def item(x):
    time.sleep(0.001)
    return x
def work():
    return (gilkit.map(item, range(20), threads=2), list(gilkit.imap(item, range(20), threads=2)),
            gilkit.map(item, range(20), threads=1))
{spawn[package]}
assert out == [(list(range(20)),) * 3] * 5, out
print("right")
"""
    )
    assert run(code).endswith("right\n")
