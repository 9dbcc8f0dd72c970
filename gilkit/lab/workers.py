"""Worker processes: interpreters that run worker/serve.py, execute tasks, and are never left behind."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import LabError
from .interpreters import Interpreter, environment

SERVER = Path(__file__).with_name("worker") / "serve.py"
TICK = 0.1


class TaskError(LabError):
    """A task raised, or its worker died or took too long. ``traceback`` comes from the worker."""

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class Worker:
    """A worker process of one interpreter; a context manager that kills the process and its children at the end.

    The worker has its own session (on Windows, its own process group), so Ctrl-C reaches only the lab, which then stops
    its workers in order. If the lab is killed, the pipe between the two breaks, and the worker's processes are killed. On
    Windows the worker then ends after its task. Use it from one thread at a time.
    """

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self._said: collections.deque[str] = collections.deque(maxlen=40)
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        command = [interpreter.executable, "-B", "-u", str(SERVER)]
        held: tuple[int, ...] = ()
        self._lifeline = -1
        if os.name == "posix":  # pragma: no branch - Windows
            end, self._lifeline = os.pipe()
            held = (end,)
            command.append(str(end))
        # -u keeps Python 2.7 from reading ahead on standard input; -B keeps its .pyc files out of this folder.
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # what Windows has in its place
                pass_fds=held,
                env=None if interpreter.running else environment(),
            )
        except BaseException:
            self._let_go()
            raise
        finally:
            for end in held:
                os.close(end)
        self._listener = threading.Thread(target=self._read_errors, daemon=True)
        self._listener.start()
        threading.Thread(target=self._read_answers, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read_answers(self) -> None:
        assert self._process.stdout
        with contextlib.suppress(ValueError):  # closed by close()
            for line in self._process.stdout:
                self._answers.put(line)
        self._answers.put(None)

    def _read_errors(self) -> None:
        assert self._process.stderr
        with contextlib.suppress(ValueError):  # closed by close()
            for line in self._process.stderr:
                self._said.append(line)

    def call(
        self,
        task: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        timeout: float = 120.0,
        tick: Callable[[], None] | None = None,
    ) -> Any:
        """Run a task and return its result, calling ``tick`` about ten times a second while waiting.

        Raises TaskError if the task raises, the process dies, or ``timeout`` seconds pass. After the last two the worker
        cannot be used again.
        """
        assert self._process.stdin
        request = json.dumps({"task": task, "arguments": dict(arguments or {})})
        try:
            self._process.stdin.write(request + "\n")
            self._process.stdin.flush()
        except OSError:
            raise self._death(task) from None
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._answers.get(timeout=TICK)
            except queue.Empty:
                if time.monotonic() > deadline:
                    self.close()
                    raise TaskError(f"{task} on {self.interpreter.label}: no answer within {timeout:g} s") from None
                if tick:
                    tick()
                continue
            if line is None:
                raise self._death(task)
            try:
                reply = json.loads(line)
            except (ValueError, RecursionError):
                reply = None
            if not isinstance(reply, dict) or not {"error", "result"} & set(reply):
                raise TaskError(f"{task} on {self.interpreter.label}: not an answer: {line[:200]!r}") from None
            if "error" in reply:
                raise TaskError(str(reply["error"]), reply.get("traceback", ""))
            return reply["result"]

    def _death(self, task: str) -> TaskError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._kill()  # its children may still be alive
        self._listener.join(5)  # its last output may still be in the pipe
        status = self._process.returncode
        if status is not None and status < 0:
            known = {each.value: each.name for each in signal.Signals}  # some real-time signals have no name
            ended = f"was killed by {known.get(-status, f'signal {-status}')}"
        else:
            ended = f"ended with status {status}"
        said = "".join(self._said).strip()
        last = f": {said.splitlines()[-1]}" if said else ""
        return TaskError(f"{task}: the worker process ({self.interpreter.label}) {ended}{last}", said)

    def _kill(self) -> None:
        if hasattr(os, "killpg"):
            # The group has the number of the session's first process, which is not reused while any member lives.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:  # pragma: no cover - Windows
            import psutil

            with contextlib.suppress(psutil.Error):
                for child in psutil.Process(self._process.pid).children(recursive=True):
                    with contextlib.suppress(psutil.Error):
                        child.kill()
            self._process.kill()

    def _let_go(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def close(self) -> None:
        """Kill the process and all its children immediately. May be called twice."""
        self._kill()
        self._process.wait()
        self._let_go()
        for pipe in filter(None, (self._process.stdin, self._process.stdout, self._process.stderr)):
            with contextlib.suppress(OSError):
                pipe.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
