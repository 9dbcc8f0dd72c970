"""The worker process of the lab: takes requests on standard input, answers on standard output, a JSON line each.

It is run as a script by whatever interpreter is being measured, so it needs nothing but the standard library and
works on Python 2.7 and every later version. A request is ``{"task": "module:function", "arguments": {...}}``, where
the module is one of the package ``gilkit_tasks`` beside this file; the answer is ``{"result": ...}``, or ``{"error":
the last line of the traceback, "traceback": all of it}``. The process ends when its standard input does, so it does
not outlive the lab even when the lab is killed.
"""

from __future__ import absolute_import, print_function

import importlib
import json
import os
import sys
import traceback

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


def main():
    # Python does this by itself, unless it was told not to (PYTHONSAFEPATH).
    here = os.path.dirname(os.path.abspath(__file__))
    if here not in sys.path:
        sys.path.insert(0, here)
    # What a task prints must not be taken for an answer: the answers keep the old standard output for themselves,
    # and file descriptor 1 becomes a second standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in iter(sys.stdin.readline, ""):
        reply = answer(json.loads(line))
        try:
            answers.write(json.dumps(reply) + "\n")
            answers.flush()
        except (IOError, OSError):  # the lab is gone
            return


if __name__ == "__main__":
    main()
