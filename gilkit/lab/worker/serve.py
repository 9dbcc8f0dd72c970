"""The worker process of the lab: takes requests on standard input, answers on standard output, a JSON line each.

It is run as a script by whatever interpreter is being measured, so it needs nothing but the standard library and
works on Python 2.7 and every later version. A request is ``{"task": "module:function", "arguments": {...}}``, where
the module is one of the package ``gilkit_tasks`` beside this file; the answer is ``{"result": ...}``, or ``{"error":
the last line of the traceback, "traceback": all of it}``. The process ends when its standard input does; and when the
lab is gone, it is killed with all its children, whatever they are doing.
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

F_SETSIG = 10  # Linux; not among the names in fcntl before Python 3.13

# Beside this file; Python does not look there under PYTHONSAFEPATH.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def answer(request):
    try:
        module, _, function = request["task"].partition(":")
        task = getattr(importlib.import_module("gilkit_tasks." + module), function)
        return {"result": task(**request["arguments"])}
    except Exception:
        text = traceback.format_exc()
        return {"error": text.strip().splitlines()[-1], "traceback": text}


def end_with_the_lab(lifeline):
    """Kills this process's group once the other end of that pipe is closed, which is when the lab ends, however it does.

    On Linux the kernel does it, for which no thread of this process need be awake, nor get the GIL that a task may never
    give away. Elsewhere a thread does.
    """
    if sys.platform.startswith("linux"):
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
        if select.select([lifeline], [], [], 0)[0]:  # it had been closed before
            os.killpg(os.getpgrp(), signal.SIGKILL)  # pragma: no cover - ends what would have to tell
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
    # What a task prints must not be taken for an answer, nor may it read the requests: they keep the old standard input
    # and output for themselves. File descriptor 0 becomes empty, 1 a second standard error.
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
        answers.close()  # tries to write it once more; at the interpreter's end, that would be complained of
    except (IOError, OSError):
        pass


if __name__ == "__main__":
    main()
