"""gilkit.map and imap at fork and at exit, each in a separate process."""

import os
import subprocess
import sys

import pytest


def run(code, *, status=0):
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_functions_that_fork():
    output = run("""
import gilkit, os, time
def fork(x):
    time.sleep(0.001)
    child = os.fork()
    if child == 0:
        os._exit(x)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
assert gilkit.map(fork, range(50), threads=4) == list(range(50))
began = os.getpid()
def fork_and_return(x):
    time.sleep(0.001)
    if os.getpid() != began:  # forked by the caller before other threads joined: the child has the whole call
        return True
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return child != 0
try:
    results = gilkit.map(fork_and_return, range(20), threads=4)
except RuntimeError as error:
    assert "forked" in str(error)
    os._exit(0)
if os.getpid() != began:
    assert results.count(False) == 1
    os._exit(0)
assert all(results)
print("parent")
""")
    assert output.count("parent") == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_imap_is_running():
    output = run("""
import gilkit, os, time
results = gilkit.imap(abs, range(1000), ahead=10)
first = [next(results) for _ in range(5)]
child = os.fork()
if child == 0:
    try:
        list(results)
    except RuntimeError as error:
        assert "forked" in str(error)
        assert gilkit.map(abs, range(100)) == list(range(100))
        os._exit(7)
    os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert first + list(results) == list(range(1000))
print("parent")
""")
    assert output == ["parent"]


@pytest.mark.parametrize("times", range(5))
def test_exit_with_maps_in_daemon_threads(times):
    output = run("""
import gilkit, threading, time
def body(x):
    return sum(range(200))
def work():
    while True:
        gilkit.map(body, range(20_000), threads=4)
        gilkit.map(time.sleep, [0.0001] * 100, threads=4)
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
results = gilkit.imap(time.sleep, [0.001] * 100000)
next(results)
time.sleep(0.2)
print("end")
""")
    assert output == ["end"]


def test_maps_at_exit():
    output = run("""
import atexit, gilkit
def at_exit():
    print(sum(gilkit.map(abs, range(1000), threads=4)))
atexit.register(at_exit)
class Last:
    def __del__(self, map=gilkit.map):
        print(sum(map(abs, list(range(1000)), threads=4)))
gilkit.last = Last()
""")
    assert output[0] == "499500"
    assert set(output) == {"499500"}
