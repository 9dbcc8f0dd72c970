"""Run one scenario with one peer, in a process that may hang or die: see table.py.

    python bench/robustness/scenarios.py PEER SCENARIO

The last lines printed are the outcome and the seconds. If the process dies or hangs instead, table.py judges it.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable

from peers import PEERS, Peer

N = 20_000_000  # about ten milliseconds
LONG = 300 * N


def expected(n: int) -> int:
    """Compute the sum without any peer. The terms repeat, because only the low bits of i are used."""
    period = 1 << 11
    whole = sum((i * i ^ i >> 3) & 255 for i in range(period))
    return whole * (n // period) + sum((i * i ^ i >> 3) & 255 for i in range(n % period))


RIGHT = expected(N)


def tasks() -> set[str]:
    """Return the kernel's ids of this process's threads."""
    return set(os.listdir("/proc/self/task"))


def in_threads(count: int, function: Callable[[], None]) -> int:
    """Call the function in `count` threads at once; return the maximum number of other threads that appeared."""
    errors: list[BaseException] = []
    most = 0

    def run() -> None:
        try:
            function()
        except BaseException as error:
            errors.append(error)

    before = tasks()
    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    # Compare ids: the kernel still lists a thread for a moment after it ended.
    others = before | {str(thread.native_id) for thread in threads}
    while any(thread.is_alive() for thread in threads):
        most = max(most, len(tasks() - others))
        time.sleep(0.01)
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return most


def children_compute(peer: Peer, count: int) -> str:
    for done in range(count):
        pid = os.fork()
        if pid == 0:
            signal.alarm(5)
            os._exit(0 if peer.total(N) == RIGHT else 1)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status == -signal.SIGALRM:
            return f"child {done + 1} hangs"
        if status:
            return f"child {done + 1} dies ({signal.Signals(-status).name if status < 0 else f'exit status {status}'})"
        if peer.total(N) != RIGHT:
            return "wrong in the parent"
    return f"right, {count} of {count} children"


def fork(peer: Peer) -> str:
    peer.total(N)
    return children_compute(peer, 20)


def fork_during_a_call(peer: Peer) -> str:
    end = threading.Event()

    def call() -> None:
        while not end.is_set():
            peer.total(N)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    time.sleep(0.1)
    try:
        return children_compute(peer, 10)
    finally:
        end.set()


def two_callers(peer: Peer) -> str:
    def call() -> None:
        for _ in range(20):
            assert peer.total(N) == RIGHT

    in_threads(2, call)
    return "right"


def stress(peer: Peer) -> str:
    def call() -> None:
        for _ in range(3):
            assert peer.total(N // 10) == expected(N // 10)

    more = in_threads(64, call)
    return f"right, with {more} thread{'s' * (more != 1)} besides the callers"


def nested(peer: Peer) -> str:
    assert peer.nested(8, N // 10) == 8 * expected(N // 10)
    return "right"


def no_threads(peer: Peer) -> str:
    os.setresuid(65534, 65534, 65534)  # the limit does not apply to root
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    assert peer.total(N) == RIGHT
    return "right, on one thread"


def ctrl_c(peer: Peer) -> str:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` ignores it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    peer.total(N)
    sent: list[float] = []

    def interrupt() -> None:
        time.sleep(0.3)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    try:
        peer.total(LONG)
    except KeyboardInterrupt:
        raised = time.perf_counter() - sent[0]
        assert peer.total(N) == RIGHT  # a pool that is still busy with the cancelled work cannot do this at once
        again = time.perf_counter() - sent[0]
        return f"KeyboardInterrupt after {raised:.2f} s, next result after {again:.2f} s"
    return "never raised"


def end_in_a_call(peer: Peer) -> str:
    threading.Thread(target=peer.total, args=(LONG,), daemon=True).start()
    time.sleep(0.2)
    print(f"exit at {time.time()}", flush=True)
    sys.exit()


def fewer_cores(peer: Peer) -> str:
    peer.total(N)
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    time.sleep(1.2)
    assert peer.total(N) == RIGHT
    return f"right, {peer.threads()} thread{'s' * (peer.threads() > 1)} on 1 core"


SCENARIOS: dict[str, tuple[str, Callable[[Peer], str]]] = {
    "fork": ("fork after parallel work; parent and child compute", fork),
    "fork-during-call": ("fork while another thread is inside a call", fork_during_a_call),
    "two-callers": ("two Python threads call at once", two_callers),
    "stress": ("64 Python threads call at once", stress),
    "nested": ("calls from inside parallel work", nested),
    "no-threads": ("no thread can be created (RLIMIT_NPROC)", no_threads),
    "ctrl-c": ("Ctrl-C during a long call", ctrl_c),
    "exit": ("the interpreter ends with a daemon thread inside a long call", end_in_a_call),
    "fewer-cores": ("the affinity mask shrinks to one core at run time", fewer_cores),
}


if __name__ == "__main__":
    peer = PEERS[sys.argv[1]]()
    ready = time.perf_counter()
    try:
        outcome = SCENARIOS[sys.argv[2]][1](peer)
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}"
    print(f"{outcome}\n{time.perf_counter() - ready:.2f}", flush=True)
    os._exit(0)
