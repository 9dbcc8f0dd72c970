"""The event loops of gevent and eventlet, as waits use them.

Programs patched by one of the two run their threads as greenlets of one thread, and expect a wait to run the others
meanwhile. hub_here() finds the hub of the current greenlet; _hub.pyx sleeps in it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gilkit._runner import threads_are_greenlets


class GeventLoop:
    """A hub of gevent."""

    # Whether the loop of a forked child polls its own descriptors.
    is_own_in_child = True

    def __init__(self, hub: Any) -> None:
        self.hub = hub
        self.watcher: Any = None

    def is_over(self) -> bool:
        """Return whether the hub has ended, so that no greenlet can wait in it."""
        return self.hub.loop is None or bool(self.hub.dead)

    def find_switch(self) -> Callable[[], object]:
        """Return the function that switches to the hub. It runs no Python code in which signal handlers could run."""
        switch: Callable[[], object] = self.hub.switch
        return switch

    def watch(self, descriptor: int, function: Callable[[], object]) -> None:
        """Call the function in the hub whenever the descriptor is readable, until unwatch()."""
        if self.watcher is None:
            self.watcher = self.hub.loop.io(descriptor, 1)
        self.watcher.start(function)

    def unwatch(self) -> None:
        if self.watcher is not None:
            self.watcher.stop()

    def forget_watch(self) -> None:
        """End the watch, in this process only, because the descriptor will be another one."""
        watcher, self.watcher = self.watcher, None
        if watcher is not None:
            watcher.stop()
            watcher.close()

    def soon(self, function: Callable[..., object], *args: object) -> None:
        """Call the function in the hub, once other greenlets that are ready have run."""
        self.hub.loop.run_callback(function, *args)

    def later(self, seconds: float, function: Callable[..., object], *args: object) -> Callable[[], object]:
        """Call the function in the hub after a time; return a function that cancels the call."""
        timer = self.hub.loop.timer(seconds)
        timer.start(function, *args)
        cancel: Callable[[], object] = timer.close
        return cancel


class EventletLoop:
    """A hub of eventlet. The methods are those of GeventLoop."""

    is_own_in_child = False  # parent and child share an epoll object

    def __init__(self, hub: Any) -> None:
        self.hub = hub
        self.listener: Any = None

    def is_over(self) -> bool:
        return bool(self.hub.greenlet.dead)

    def find_switch(self) -> Callable[[], object]:
        # hub.switch() does the same and then switches, in Python code.
        self.hub.ensure_greenlet()
        current, runner = sys.modules["greenlet"].getcurrent(), self.hub.greenlet
        if runner.parent is not current:
            with suppress(ValueError):  # the runner is above it already
                current.parent = runner
        switch: Callable[[], object] = runner.switch
        return switch

    def watch(self, descriptor: int, function: Callable[[], object]) -> None:
        def ready(_: object) -> None:
            function()

        def nothing(*_: object) -> None:
            pass

        if self.listener is None:
            self.listener = self.hub.add(self.hub.READ, descriptor, ready, nothing, nothing)

    def forget_watch(self) -> None:
        self.listener = None

    def unwatch(self) -> None:
        listener, self.listener = self.listener, None
        if listener is not None:
            self.hub.remove(listener)

    def soon(self, function: Callable[..., object], *args: object) -> None:
        self.hub.schedule_call_global(0, function, *args)

    def later(self, seconds: float, function: Callable[..., object], *args: object) -> Callable[[], object]:
        cancel: Callable[[], object] = self.hub.schedule_call_global(seconds, function, *args).cancel
        return cancel


def _gevent_hub(current: object) -> Any:
    from gevent._hub_local import get_hub_if_exists

    hub = get_hub_if_exists()
    return None if hub is None or hub is current or hub.loop is None or hub.dead else hub


def _eventlet_hub(current: object) -> Any:
    from eventlet import hubs

    hub = getattr(hubs._threadlocal, "hub", None)
    return None if hub is None or hub.greenlet is current or hub.greenlet.dead else hub


def hub_here() -> tuple[Any, Any]:
    """Return the hub in which the current greenlet can wait, and the class of its loop; or (None, None).

    There is none in the hub itself, whose callbacks cannot wait, and in threads that have no hub.
    """
    if threads_are_greenlets():
        current = sys.modules["greenlet"].getcurrent()
        for package, find, loop in (
            ("gevent.hub", _gevent_hub, GeventLoop),
            ("eventlet.hubs", _eventlet_hub, EventletLoop),
        ):
            if package in sys.modules and (hub := find(current)) is not None:
                return hub, loop
    return None, None
