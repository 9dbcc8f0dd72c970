"""The lab's worker process: reads requests from standard input and answers on standard output, one JSON line each.

The interpreter being measured runs this file as a script, so it needs only the standard library and works on Python 2.7
and every later version. A request is ``{"task": "module:function", "arguments": {...}}``, where the module belongs to
the package ``gilkit_tasks`` in this folder. The answer is ``{"result": ...}``, or ``{"error": the last line of the
traceback, or the exception's gilkit_sentence, "traceback": all of it}``. The process ends when its standard input ends. If the lab dies, the process is
killed with all its children, whatever they are doing.
"""

from __future__ import absolute_import, print_function

import importlib
import json
import os
import select
import signal
import sys
import threading
import traceback

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

F_SETSIG = 10  # Linux; fcntl has no name for it before Python 3.13

# The tasks are in this folder, which PYTHONSAFEPATH would exclude.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def answer(request):
    try:
        module, _, function = request["task"].partition(":")
        task = getattr(importlib.import_module("gilkit_tasks." + module), function)
        return {"result": task(**request["arguments"])}
    except Exception as error:
        text = traceback.format_exc()
        return {"error": getattr(error, "gilkit_sentence", text.strip().splitlines()[-1]), "traceback": text}


def end_with_the_lab(lifeline):
    """Kill this process's group when the other end of the pipe closes, which happens however the lab ends.

    On Linux the kernel sends the signal, so no thread of this process has to wake up or get the GIL, which a task may
    never release. Elsewhere a thread waits for the end of the pipe.
    """
    if sys.platform.startswith("linux"):
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
        if select.select([lifeline], [], [], 0)[0]:  # closed already
            os.killpg(os.getpgrp(), signal.SIGKILL)  # pragma: no cover - ends coverage too
    else:  # pragma: no cover - not Linux; a test runs it and sees the process die

        def wait():
            os.read(lifeline, 1)
            os.killpg(os.getpgrp(), signal.SIGKILL)

        thread = threading.Thread(target=wait)
        thread.daemon = True
        thread.start()


def main():
    if len(sys.argv) > 1:
        end_with_the_lab(int(sys.argv[1]))
    # A task must not print into the answers or read the requests, so both move to new descriptors. Descriptor 0 becomes
    # empty, and descriptor 1 a second standard error.
    requests, answers = os.fdopen(os.dup(0), "r"), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for line in iter(requests.readline, ""):
        reply = answer(json.loads(line))
        try:
            answers.write(json.dumps(reply) + "\n")
            answers.flush()
        except (IOError, OSError):  # the lab is gone
            break
    try:
        answers.close()  # retries the write now, because a failure at interpreter exit would print an error
    except (IOError, OSError):
        pass


if __name__ == "__main__":
    main()
