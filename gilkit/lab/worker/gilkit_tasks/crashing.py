"""A worker that dies of SIGSEGV while others have tasks in progress: which tasks are lost, and how the program learns
of it.

The program is a process of its own. Its tasks report to this process by datagrams, which need no file and reach it from
threads, processes and sub-interpreters alike.
"""

import multiprocessing
import os
import signal
import socket
import sys
import time

from . import family
from .usage import clock

TASKS = 8
WORKERS = 4
CRASHING = 1  # the task that crashes while tasks 0, 2 and 3 run and the others wait
LENGTH = 0.12
CRASH_AFTER = 0.04
PATIENCE = 1.0  # seconds that the program waits for the crashed task's result when the others have ended
ENOUGH = 10.0
LIMIT = 40.0


def _say(port, *words):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(" ".join(map(str, words)).encode(), ("127.0.0.1", port))


def _task(task):  # pragma: no cover - runs in processes that crash
    port, number = task
    if number == CRASHING:
        time.sleep(CRASH_AFTER)
        _say(port, "crash", clock())
        _crash()
    time.sleep(LENGTH)
    _say(port, "done", number)
    return number


def _crash():  # pragma: no cover
    try:
        import ctypes

        ctypes.string_at(8)  # reads memory that no process has
    except ImportError:
        os.kill(os.getpid(), signal.SIGSEGV)


def _threads(tasks, say):  # pragma: no cover
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(_task, tasks))


def _interpreters(tasks, say):  # pragma: no cover
    from concurrent.futures import InterpreterPoolExecutor

    prepare = "import sys; sys.path[:] = %r" % (sys.path,)
    with InterpreterPoolExecutor(WORKERS, initializer=exec, initargs=(prepare,)) as pool:
        list(pool.map(time.sleep, [0.02] * WORKERS))
        list(pool.map(_task, tasks))


def _processes(tasks, say):  # pragma: no cover
    workers = [multiprocessing.Process(target=_task, args=(task,)) for task in tasks]
    for worker in workers:
        worker.start()
    workers[CRASHING].join(ENOUGH)
    say("learned", clock(), "exit code", workers[CRASHING].exitcode)
    for worker in workers:
        worker.join()


def _pool(tasks, say):  # pragma: no cover
    with multiprocessing.Pool(WORKERS) as pool:
        pool.map(time.sleep, [0.02] * WORKERS, 1)
        results = [pool.apply_async(_task, (task,)) for task in tasks]
        crashed = results.pop(CRASHING)
        for each in results:
            each.wait(ENOUGH)
        try:
            crashed.get(PATIENCE)
        except multiprocessing.TimeoutError:
            pass  # the result never comes, and nothing is raised
        except Exception as error:
            say("learned", clock(), type(error).__name__)


def _executor(tasks, say):  # pragma: no cover
    from concurrent.futures import ProcessPoolExecutor, wait

    with ProcessPoolExecutor(WORKERS) as pool:
        list(pool.map(time.sleep, [0.02] * WORKERS))
        futures = [pool.submit(_task, task) for task in tasks]
        try:
            futures[CRASHING].result(ENOUGH)
        except Exception as error:
            say("learned", clock(), type(error).__name__)
        wait(futures, ENOUGH)


PROGRAMS = {
    "threads": _threads,
    "interpreters": _interpreters,
    "processes": _processes,
    "Pool": _pool,
    "ProcessPoolExecutor": _executor,
}


def _program(way, port):  # pragma: no cover
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # leaves no file behind
    PROGRAMS[way]([(port, number) for number in range(TASKS)], lambda *words: _say(port, *words))


def crash(way):
    """Run eight tasks on four workers, one of which crashes, and return what became of the others.

    ``finished`` counts the other tasks that ended, ``survived`` says whether the program did, ``told`` whether it, or the
    process that started it, learned of the crash, ``learned`` how, and ``after`` how soon.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inbox:
        inbox.bind(("127.0.0.1", 0))
        program = multiprocessing.get_context("spawn").Process(target=_program, args=(way, inbox.getsockname()[1]))
        start = clock()
        program.start()
        try:
            program.join(LIMIT)
            wall, status = clock() - start, program.exitcode
        finally:
            family.end(program)
        heard = _read(inbox)
    if status is None:
        raise RuntimeError("the program did not end within %g s" % LIMIT)
    if "crash" not in heard:
        raise RuntimeError("no task crashed; the program ended with status %d" % status)
    crashed = float(heard["crash"][0][0])
    if status:
        after, how = start + wall - crashed, "exit status %d of the program" % status
    elif "learned" in heard:
        ((when, *words),) = heard["learned"]
        after, how = float(when) - crashed, " ".join(words)
    else:
        after, how = PATIENCE, "not at all within %g s" % PATIENCE
    return {
        "wall": wall,
        "others": TASKS - 1,
        "finished": len(heard.get("done", [])),
        "survived": int(status == 0),
        "told": int(bool(status) or "learned" in heard),
        "learned": how,
        "after": max(0.0, after),
    }


def _read(inbox):
    """Return the words of the datagrams received so far, by their first word."""
    heard = {}
    inbox.setblocking(False)
    while True:
        try:
            first, *rest = inbox.recv(256).decode().split()
        except BlockingIOError:
            return heard
        heard.setdefault(first, []).append(rest)
