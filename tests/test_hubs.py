"""Waits of gilkit.sync and imap in programs patched by gevent or eventlet: other greenlets run meanwhile."""

import importlib.util

import pytest

PACKAGES = [name for name in ("gevent", "eventlet") if importlib.util.find_spec(name)]
if not PACKAGES:
    pytest.skip("needs gevent or eventlet", allow_module_level=True)

PATCH = {
    "gevent": "import gevent.monkey; gevent.monkey.patch_all()",
    "eventlet": "import eventlet; eventlet.monkey_patch()",
}
# spawn(function) starts a greenlet and returns a function that joins it; kill(joiner) ends it; limit(seconds) is a
# block that raises Limit; native(function) starts a thread of the system.
PROLOGUE = {
    "gevent": """
import gevent
class spawn:
    def __init__(self, function, *args): self.greenlet = gevent.spawn(function, *args)
    def __call__(self): return self.greenlet.get(timeout=20)
    def kill(self): self.greenlet.kill()
Limit, limit = gevent.Timeout, gevent.Timeout
native = gevent.monkey.get_original("_thread", "start_new_thread")
native_sleep = gevent.monkey.get_original("time", "sleep")
""",
    "eventlet": """
class spawn:
    def __init__(self, function, *args): self.greenlet = eventlet.spawn(function, *args)
    def __call__(self):
        with eventlet.Timeout(20): return self.greenlet.wait()
    def kill(self):
        self.greenlet.kill()
        while not self.greenlet.dead: eventlet.sleep(0.001)
Limit, limit = eventlet.Timeout, eventlet.Timeout
native = eventlet.patcher.original("_thread").start_new_thread
native_sleep = eventlet.patcher.original("time").sleep
""",
}
COMMON = """
import threading, time
from gilkit import sync
class Ticks:
    '''A greenlet that counts while others wait.'''
    def __enter__(self):
        self.count, self.over = 0, False
        self.join = spawn(self.run)
        return self
    def run(self):
        while not self.over:
            time.sleep(0.001)
            self.count += 1
    def __exit__(self, *_):
        self.over = True
        self.join()
def until(predicate):
    end = time.monotonic() + 20
    while not predicate():
        assert time.monotonic() < end
        time.sleep(0.001)
def in_child(function, *args, meanwhile=lambda: None):
    "Call the function in a forked child. gevent's waitpid() may wait forever for a child that has ended early."
    import os, traceback
    readable, writable = os.pipe()
    if os.fork() == 0:
        try:
            function(*args)
            os.write(writable, b"right")
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    os.close(writable)
    meanwhile()
    assert os.read(readable, 10) == b"right"
    os.close(readable)
def raises(kind, function, *args, **options):
    try: function(*args, **options)
    except kind as error: return error
    raise AssertionError(f"no {kind}")
"""


@pytest.fixture(params=PACKAGES)
def hub(request, run_python):
    """A function that runs code in a program patched by a package, before or after the import of gilkit."""

    def run(code, first="patch", **environment):
        imports = "import gilkit, gilkit.sync; gilkit.imap"
        patch = PATCH[request.param]
        lines = [patch, imports] if first == "patch" else [imports, patch]
        program = "\n".join([*lines, PROLOGUE[request.param], COMMON, code, "print('right')"])
        assert run_python(program, timeout=60, **environment).endswith("right\n")

    run.package = request.param
    return run


LOCKS = """
rw = sync.RWLock()
locks = dict(lock=sync.Lock(), rlock=sync.RLock(), condition=sync.Condition(), plain=sync.Condition(sync.Lock()),
             permit=sync.Semaphore(), bounded=sync.BoundedSemaphore(), write=rw.writer())
def use(lock):
    '''The holder is a greenlet of this thread, or a thread of the system.'''
    seen, tried = [], []
    def hold_with(sleep):
        with lock:
            seen.append("held")
            while not tried: sleep(0.001)
            sleep(0.02)
            seen.append("released")
    def hold(): hold_with(time.sleep)
    def hold_natively(): hold_with(native_sleep)
    for holder in (hold, hold_natively):
        del seen[:], tried[:]
        join = spawn(holder) if holder is hold else native(holder, ()) and None
        until(lambda: seen)
        with Ticks() as ticks:
            assert not lock.acquire(blocking=False)
            assert not lock.acquire(timeout=0.002)
            tried.append(True)
            with lock:
                assert seen == ["held", "released"], seen
            assert ticks.count >= 1, ticks.count
        if join: join()
for detect in (False, True):
    with sync.detect_deadlocks(detect):
        for lock in locks.values(): use(lock)
"""


@pytest.mark.parametrize("first", ["patch", "gilkit"])
def test_a_wait_for_a_lock_runs_other_greenlets(hub, first):
    hub(LOCKS, first)


@pytest.mark.parametrize("first", ["patch", "gilkit"])
def test_waits_for_signals_run_other_greenlets(hub, first):
    """The signal comes from another greenlet, then from a thread of the system."""
    code = """
def check(wait, signal):
    for where in ("greenlet", "thread"):
        def later():
            (time.sleep if where == "greenlet" else native_sleep)(0.01)
            signal()
        with Ticks() as ticks:
            join = spawn(later) if where == "greenlet" else native(later, ()) and None
            wait()
            assert ticks.count >= 1, ticks.count
            if join: join()
event = sync.Event()
def wait_event():
    assert event.wait(20); event.clear()
check(wait_event, event.set)
assert event.wait(0.005) is False
latches = iter([sync.Latch(1), sync.Latch(1)])
current = [None]
def wait_latch():
    current[0] = next(latches); assert current[0].wait()
check(wait_latch, lambda: current[0].count_down())
for lock in (sync.Lock(), sync.RLock(), threading.RLock()):
    condition, items = sync.Condition(lock), []
    def put():
        with condition: items.append(1); condition.notify()
    def get():
        with condition:
            condition.wait_for(lambda: items, 20); items.pop()
            assert condition.wait(0.002) is False and condition._is_owned()
    if isinstance(lock, (sync.Lock, sync.RLock)): check(get, put)
    else:
        join = spawn(put); get(); join()
barrier = sync.Barrier(2)
check(barrier.wait, barrier.wait)
joins = [spawn(sync.Barrier.wait, barrier) for _ in range(6)]
assert sorted(join() for join in joins) == [0, 0, 0, 1, 1, 1]
assert raises(threading.BrokenBarrierError, barrier.wait, 0.01) and barrier.broken
"""
    hub(code, first)


def test_exceptions_end_a_wait_and_nothing_is_lost(hub):
    """A timeout, or kill, during a wait of each kind."""
    code = """
def limited(wait):
    try:
        with limit(0.005): wait()
    except Limit: return "limited"
def wait_condition():
    with condition:
        try: condition.wait()
        finally: assert condition._is_owned()
for detect in (False, True):
    with sync.detect_deadlocks(detect):
        lock, rlock, rw, permits = sync.Lock(), sync.RLock(), sync.RWLock(), sync.BoundedSemaphore(2)
        event, condition, latch, held, over = sync.Event(), sync.Condition(), sync.Latch(1), sync.Event(), sync.Event()
        def hold():
            with lock, rlock, rw.writer(), permits, permits:
                held.set()
                over.wait()
        holder = spawn(hold)
        held.wait()
        locks = [lock.acquire, rlock.acquire, rw.reader().acquire, rw.writer().acquire, permits.acquire]
        waits = [*locks, event.wait, wait_condition, latch.wait]
        assert [limited(wait) for wait in waits] == ["limited"] * len(waits)
        killed = [spawn(wait) for wait in waits]
        def use(each):
            with each: return "used"
        later = [spawn(use, each) for each in (lock, rlock, rw.reader(), rw.writer(), permits)]
        time.sleep(0.005)
        for each in killed: each.kill()
        over.set()
        holder()
        # Those that waited behind the killed ones get what these did not take.
        assert [join() for join in later] == ["used"] * len(later)
        assert permits._value == 2 and not (lock.locked() or rlock.locked() or rw.written or rw.readers)
        assert condition.acquire(False)
"""
    hub(code)
    # Exactly at the moment of the signal: the waiter is signalled, and killed before it runs.
    code = """
permits, lock, condition, got = sync.Semaphore(0), sync.Lock(), sync.Condition(), []
def take(what): permits.acquire(); got.append(what)
def enter(what):
    with lock: got.append(what)
def wait(what):
    with condition: condition.wait(); got.append(what)
for body, begin, signal in [(take, lambda: None, permits.release), (enter, lock.acquire, lock.release),
                            (wait, lambda: None, lambda: (condition.acquire(), condition.notify(), condition.release()))]:
    for pause in (0, 0.005):  # the second hands over
        del got[:]
        begin()
        waiting = [spawn(body, name) for name in "abc"]
        time.sleep(0.002 + pause)
        signal()
        waiting[0].kill()
        waiting[1]()
        assert got == ["b"], (body, got)
        if body is enter: waiting[2]()
        else: waiting[2].kill()
assert permits._value == 0 and not lock.locked() and condition.acquire(False)
"""
    hub(code)


def test_a_thousand_greenlets_in_turn(hub):
    code = """
lock, rlock, begun, order, total = sync.Lock(), sync.RLock(), [], [], [0]
lock.acquire()
def work(i):
    begun.append(i)
    with lock, rlock:
        order.append(i)
        seen = total[0]
        time.sleep(0)
        total[0] = seen + 1
joins = [spawn(work, i) for i in range(1000)]
until(lambda: len(begun) == 1000)
with Ticks() as ticks:
    lock.release()
    for join in joins: join()
    assert total == [1000] and ticks.count >= 1
assert order == begun  # in the order of arrival
permits, inside, most = sync.Semaphore(3), [0], [0]
def use():
    with permits:
        inside[0] += 1; most[0] = max(most[0], inside[0]); time.sleep(0); inside[0] -= 1
joins = [spawn(use) for _ in range(300)]
for join in joins: join()
assert most == [3] and permits._value == 3
"""
    hub(code)


def test_owners_are_greenlets(hub):
    code = """
rw, rlock = sync.RWLock(), sync.RLock()
seen = []
def write():
    with rw.writer(): seen.append("write")
def read():
    with rw.reader(): seen.append("read"); assert rw.readers == 2
with rw.reader(), rw.reader():
    spawn(read)()
    assert raises(RuntimeError, rw.writer().acquire)
    assert rw.writer().acquire(timeout=0.002) is False
    writer = spawn(write)
    time.sleep(0.002)
    late = spawn(lambda: rw.reader().acquire(timeout=0.005))  # behind the writer
    assert late() is False and seen == ["read"]
    with rw.reader(): pass  # this greenlet reads already
writer()
assert seen == ["read", "write"]
with rw.writer():
    raises(RuntimeError, rw.reader().acquire)
    def other():
        raises(RuntimeError, rw.writer().release); raises(RuntimeError, rw.reader().release)
        raises(RuntimeError, rlock.release)
    with rlock, rlock: spawn(other)()
assert not rw.written and rw.readers == 0
"""
    hub(code)


def test_deadlocks_of_greenlets(hub):
    code = """
one, two, errors = sync.Lock(), sync.RLock(), []
def take(first, second):
    with first:
        time.sleep(0.005)
        try:
            with second: pass
        except sync.DeadlockError as error: errors.append(error)
with sync.detect_deadlocks():
    joins = [spawn(take, one, two), spawn(take, two, one)]
    for join in joins: join()
    (error,) = errors
    assert len(error.cycle) == 2 and all("greenlet" in link.thread for link in error.cycle), error
    with one: spawn(take, two, sync.Lock())()  # no cycle: two greenlets of one thread hold and wait
    holder = spawn(take, one, two)
    time.sleep(0.001)
    with two: time.sleep(0.01)
    holder()
    with one, two: pass
assert len(errors) == 1
"""
    hub(code)


def test_imap_lets_other_greenlets_run(hub):
    code = """
import gilkit
def item(x):
    native_sleep(0.01)
    return x
with Ticks() as ticks:
    assert list(gilkit.imap(item, range(12), threads=2)) == list(range(12))
    assert ticks.count >= 3, ticks.count
results = gilkit.imap(item, range(12), threads=2, ordered=False)
def consume():
    for _ in results: pass
consumer = spawn(consume)
time.sleep(0.005)
assert raises(ValueError, next, results)  # already executing
consumer.kill()
assert list(results) == []
slow = gilkit.imap(native_sleep, [0.05] * 4, threads=2)
try:
    with limit(0.01): next(slow)
except Limit: pass
else: raise AssertionError
assert list(slow) == []
joins = [spawn(lambda: list(gilkit.imap(item, range(5), threads=2))) for _ in range(4)]
assert [join() for join in joins] == [list(range(5))] * 4
"""
    hub(code)


def test_threads_without_a_hub_block(hub):
    """Threads of the system have no hub, and a hub itself cannot wait."""
    code = """
lock, event, seen = sync.Lock(), sync.Event(), []
def wait():
    event.wait(20)
    with lock: seen.append("thread")
native(wait, ())
with lock:
    event.set()
    time.sleep(0.005)
    assert not seen
until(lambda: seen)
"""
    if hub.package == "gevent":
        code += """
from gevent import get_hub
with lock:
    done = []
    get_hub().loop.run_callback(lambda: done.append((lock.acquire(timeout=0.01), raises(RuntimeError, lock.acquire))))
    until(lambda: done)
    assert done[0][0] is False and "greenlet" in str(done[0][1])
def task():
    with lock: return "task"
assert get_hub().threadpool.apply(task) == "task"
"""
    hub(code)


def test_without_a_descriptor(hub):
    """On Windows, or when no descriptor can be opened, the hub polls for woken greenlets."""
    code = """
import gilkit._hub
gilkit._hub.open_pipe = lambda: (-1, -1)
event = sync.Event()
for signal in (lambda: spawn(event.set), lambda: native(event.set, ())):
    with Ticks() as ticks:
        join = spawn(event.wait, 20)
        time.sleep(0.005)
        signal()
        assert join() is True
        event.clear()
lock = sync.Lock()
def use():
    with lock: time.sleep(0)
for join in [spawn(use) for _ in range(20)]: join()
"""
    hub(code)


def test_descriptors_that_the_program_closed(hub, tmp_path):
    """The numbers then belong to the program's files, which are neither written nor read nor closed."""
    code = """
import gilkit._hub, os
made, open_pipe = [], gilkit._hub.open_pipe
def noted():
    made.append(open_pipe())
    return made[-1]
gilkit._hub.open_pipe = noted
event, files = sync.Event(), []
def wait():
    join = spawn(event.wait, 20)
    time.sleep(0.005)
    native(event.set, ())
    assert join() is True
    event.clear()
def take():
    "Open files with the numbers of the pipe."
    for end in made[-1]:
        name = os.path.join(os.environ["FOLDER"], f"file{len(files)}")
        file = os.open(name, os.O_CREAT | os.O_RDWR)
        os.write(file, b"theirs")
        os.dup2(file, end)
        os.close(file)
        files.append(end)
def check():
    assert [os.pread(end, 100, 0) for end in files] == [b"theirs"] * len(files)
    assert [os.lseek(end, 0, os.SEEK_CUR) for end in files] == [6] * len(files)
for number in range(3):
    wait()
    assert len(made) == number + 1, made
    take()
    check()
if hasattr(os, "fork"):
    in_child(check)
# Closed while a greenlet waits: it is not notified, and goes on at its deadline.
wait()
join = spawn(event.wait, 0.05)
time.sleep(0.005)
take()
native(event.set, ())
assert join() is True
check()
"""
    hub(code, FOLDER=str(tmp_path))


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs os.fork")
def test_fork_while_greenlets_wait(hub):
    """The greenlets of the forking thread go on in the child, and parent and child do not wake each other's."""
    code = """
import os
event, permits, barrier, condition, lock = sync.Event(), sync.Semaphore(0), sync.Barrier(2), sync.Condition(), sync.Lock()
lock.acquire()
def wait_condition():
    with condition: return condition.wait(10)
def wait_lock():
    with lock: return True
joins = [spawn(event.wait, 10), spawn(permits.acquire), spawn(barrier.wait), spawn(wait_condition), spawn(wait_lock)]
time.sleep(0.005)
def go_on(pause):
    time.sleep(pause)
    event.set(); permits.release(); barrier.wait(10); lock.release()
    with condition: condition.notify()
    assert [join() for join in joins] == [True, True, 0, True, True]
in_child(go_on, 0.005, meanwhile=lambda: go_on(0.002))
"""
    hub(code)


def test_a_wait_of_no_time_gives_others_the_lock(hub):
    """Regression test: Condition.wait(0) blocked the thread when a release had given the lock to another greenlet."""
    code = """
for lock in (sync.Lock(), sync.RLock()):
    condition, seen = sync.Condition(lock), []
    def other():
        with condition: seen.append("other")
    def first(wait):
        with condition:
            time.sleep(0.02)
            assert not wait()
            seen.append("first")
    for wait in (lambda: condition.wait(0), lambda: condition.wait_for(lambda: False, timeout=0)):
        joins = [spawn(first, wait), spawn(other)]
        for join in joins: join()
        assert sorted(seen) == ["first", "other"], seen
        del seen[:]
"""
    hub(code)


@pytest.mark.full
def test_native_threads_that_take_the_lock_first(hub):
    """Regression test: a greenlet that found the lock free blocked its thread if another thread took it first."""
    code = """
import random
sync.detect_deadlocks()
end = time.monotonic() + 3
for lock in (sync.Lock(), sync.RLock()):
    counts, alive = [0, 0], []
    def natively():
        alive.append(1)
        while time.monotonic() < end:
            with lock: native_sleep(random.random() * 0.0015)
            counts[0] += 1
        alive.pop()
    def green():
        while time.monotonic() < end:
            with lock: counts[1] += 1
            time.sleep(0)
    for _ in range(3): native(natively, ())
    for join in [spawn(green) for _ in range(4)]: join()
    until(lambda: not alive)
    assert all(counts)
    end += 3
"""
    hub(code)


@pytest.mark.skipif(not hasattr(__import__("signal"), "SIGUSR1"), reason="needs SIGUSR1")
def test_a_signal_handler_that_waits_while_a_greenlet_goes_to_sleep(hub):
    """Regression test: the wake-up of the outer wait was lost if it came during the wait of the handler."""
    code = """
import os, signal
from gilkit import _hubs
loop = {"gevent": _hubs.GeventLoop, "eventlet": _hubs.EventletLoop}[PACKAGE]
def interrupted(name, original):
    def method(self, *args):
        if name in at:
            at.remove(name)
            os.kill(os.getpid(), signal.SIGUSR1)
        return original(self, *args)
    return method
methods = ["watch", "later", "find_switch"]
for name in methods: setattr(loop, name, interrupted(name, getattr(loop, name)))
def wake(*_):
    native_sleep(0.005)
    outer.set()
    native_sleep(0.005)
    inner.set()
def handle(*_):
    handled.append(True)
    native(wake, ())
    assert inner.wait(20)
signal.signal(signal.SIGUSR1, handle)
time.sleep(0)  # there is a hub
for name in methods:
    outer, inner, at, handled = sync.Event(), sync.Event(), {name}, []
    start = time.monotonic()
    assert outer.wait(10) and handled and not at
    assert time.monotonic() - start < 5, name
def fail(*_): raise OSError
signal.signal(signal.SIGUSR1, fail)
for name in methods:
    at = {name}
    raises(OSError, sync.Event().wait, 10)
    assert not at
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
event = sync.Event()
native(lambda: (native_sleep(0.005), event.set()), ())
assert event.wait(10)
"""
    hub(f"PACKAGE = {hub.package!r}\n{code}")


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs os.fork")
def test_deadlines_pass_in_a_forked_child(hub):
    """Regression test: waits whose time was over before the child's hub ran returned as if they had been granted."""
    code = """
permits, rw, lock, condition = sync.Semaphore(0), sync.RWLock(), sync.Lock(), sync.Condition(sync.Lock())
assert rw.writer().acquire() and lock.acquire()
def wait():
    with condition: return condition.wait(0.05)
joins = [spawn(wait)] + [spawn(waiting.acquire, True, 0.05) for waiting in (permits, rw.reader(), rw.writer(), lock)]
time.sleep(0.005)
def late():
    native_sleep(0.1)
    assert [join() for join in joins] == [False] * 5
in_child(late, meanwhile=late)
"""
    hub(code)


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs os.fork")
def test_greenlets_queue_up_in_order_in_a_forked_child(hub):
    code = """
lock, permits, seen = sync.Lock(), sync.Semaphore(0), []
lock.acquire()
def wait(on, number):
    on.acquire()
    seen.append((on, number))
    on.release()
joins = [spawn(wait, on, number) for on in (lock, permits) for number in range(5)]
time.sleep(0.02)
def go_on():
    time.sleep(0.01)
    for on in (lock, permits): on.release()
    for join in joins: join()
    for on in (lock, permits): assert [number for each, number in seen if each is on] == list(range(5)), seen
in_child(go_on, meanwhile=go_on)
"""
    hub(code)


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs os.fork")
def test_imap_in_a_forked_child(hub):
    """Regression test: a greenlet that waited for a result waited for ever in the child."""
    code = """
got = []
def slow(x):
    native_sleep(0.1)
    return x
def consume():
    for result in gilkit.imap(slow, range(4), threads=2): got.append(result)
join = spawn(consume)
time.sleep(0.02)
in_child(lambda: raises(RuntimeError, join), meanwhile=join)
assert got == [0, 1, 2, 3]
"""
    hub(code)


def test_hubs_that_have_ended_keep_no_descriptors(hub):
    """Regression test: two for each thread that had a hub."""
    if hub.package != "gevent":
        pytest.skip("eventlet's hubs are not destroyed")
    code = """
import os
def descriptors(): return len(os.listdir("/dev/fd"))
def body():
    event = sync.Event()
    join = spawn(event.wait)
    gevent.sleep(0)
    event.set()
    join()
    gevent.get_hub().destroy(destroy_loop=True)
    done.append(1)
for number in range(12):
    done = []
    native(body, ())
    while not done: native_sleep(0.002)
    if number == 2: before = descriptors()
assert descriptors() <= before + 2, (before, descriptors())
"""
    hub(code)
