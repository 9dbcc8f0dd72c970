"""The thread of an imap iterator."""

from __future__ import annotations

import threading
import types
import weakref
from collections.abc import Callable
from typing import Any

# Pipelines whose non-daemon threads the interpreter would join at exit, so they must be stopped first.
_waited_for: weakref.WeakSet[Any] = weakref.WeakSet()


def _end_threads() -> None:
    for core in list(_waited_for):
        core.stop()


def threads_are_greenlets() -> bool:
    """Return whether gevent or eventlet has replaced the function with which threading starts threads."""
    start = getattr(threading, "_start_joinable_thread", None) or getattr(threading, "_start_new_thread", None)
    return not (isinstance(start, types.BuiltinFunctionType) and start.__module__ == "_thread")


def start(core: Any, function: Callable[[], object]) -> threading.Thread:
    """Start a thread that runs until core.stop() is called."""
    try:
        thread = threading.Thread(target=function, name="gilkit.imap", daemon=True)
    except RuntimeError:  # most sub-interpreters allow no daemon threads
        if not _waited_for:
            threading._register_atexit(_end_threads)  # type: ignore[attr-defined]
        _waited_for.add(core)
        thread = threading.Thread(target=function, name="gilkit.imap")
    thread.start()
    return thread
