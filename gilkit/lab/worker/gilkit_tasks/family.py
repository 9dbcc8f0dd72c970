"""Processes that must not be left behind, nor their children."""

import contextlib
import multiprocessing
import os
import signal
import traceback


def end(process):
    """Kill a multiprocessing.Process and all its descendants."""
    from gilkit.lab.measure import descendants

    if process.pid is None:
        return
    if process.is_alive():
        os.kill(process.pid, signal.SIGSTOP)  # so that it starts no others
        for pid in descendants(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.kill()
    process.join()


@contextlib.contextmanager
def workers(count, target, *arguments):
    """Start processes that call ``target`` with the arguments and a pipe; yield the other ends of the pipes.

    The target first sends None, when it is ready. The processes are killed at the end.
    """
    with contextlib.ExitStack() as stack:
        channels = []
        for _ in range(count):
            here, there = multiprocessing.Pipe()
            stack.callback(here.close)
            process = multiprocessing.Process(target=target, args=(*arguments, there), daemon=True)
            process.start()
            stack.callback(process.join)
            stack.callback(process.kill)
            there.close()
            channels.append(here)
        for each in channels:
            if not each.poll(30):
                raise RuntimeError("a worker did not start")
            each.recv()
        yield channels


class Ended(SystemExit):  # which event loops pass on
    """Raised in a server by SIGTERM."""


@contextlib.contextmanager
def server(target, *arguments):
    """Start a server process; yield it and the value that it sends when it is ready.

    ``target`` is called with the arguments and the pipe for that value, and with a set for the numbers of its children,
    which are killed and waited for with it.
    """
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(target, arguments, there))
    process.start()
    there.close()
    try:
        try:
            if not here.poll(20):
                raise EOFError
            ready = here.recv()
        except EOFError:
            raise RuntimeError("the server did not start") from None
        yield process, ready
        process.terminate()
        process.join(10)
    finally:
        end(process)
        here.close()


def _serve(target, arguments, channel):  # pragma: no cover - ends without saving its coverage
    children = set()

    def ended(*_):
        raise Ended

    signal.signal(signal.SIGTERM, ended)
    try:
        target(*arguments, channel, children)
    except Ended:
        pass
    except Exception:
        traceback.print_exc()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        os._exit(0)  # whatever threads it has


def fork(children, function, *arguments):
    """Run the function in a forked child that ends with it, and add the child to the set."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # the server must not end before it knows the child
    try:
        pid = os.fork()
        if pid:
            children.add(pid)
        else:  # pragma: no cover
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    if not pid:  # pragma: no cover
        try:
            function(*arguments)
        finally:
            os._exit(0)


def reap(children):
    """Wait for the children that have ended, and take them out of the set."""
    with contextlib.suppress(ChildProcessError):
        while children:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            children.discard(pid)
