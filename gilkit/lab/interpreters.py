"""Find the Python interpreters to measure, and ask each what it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from .checking import Damaged, check, parse
from .errors import LabError

VARIABLE = "GILKIT_FREE_THREADED_PYTHON"
FREE_THREADED_NAMES = ("python3.15t", "python3.14t", "python3.13t")
PROBE_SECONDS = 20

# Another version's library path, or PYTHON_GIL=0 on a build that needs the GIL, would keep it from starting.
_OWN_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHON_GIL")

# Runs on Python 2.7 too. The marker separates the answer from what a sitecustomize may print.
_MARKER = "gilkit-probe:"
_PROBE = """
import json, platform, sys, sysconfig
print("gilkit-probe:" + json.dumps({
    "executable": sys.executable,
    "implementation": platform.python_implementation(),
    "version": platform.python_version(),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python interpreter that has answered the probe.

    ``free_threaded`` says how it was built, ``gil`` whether its GIL is on at start.
    """

    executable: str
    implementation: str
    version: str
    free_threaded: bool
    gil: bool
    running: bool = False

    SHAPE: ClassVar[dict[str, Any]] = {
        "executable": str,
        "implementation": str,
        "version": str,
        "free_threaded": bool,
        "gil": bool,
    }

    @property
    def version_info(self) -> tuple[int, ...]:
        digits = []
        for part in self.version.split(".")[:2]:
            digits.append(int("".join(c for c in part[:9] if c in "0123456789") or 0))
        return tuple(digits)

    @property
    def label(self) -> str:
        """Return a short name for tables, such as ``3.11.7`` or ``3.13.0t`` (t for free-threaded)."""
        name = self.version + ("t" if self.free_threaded else "")
        return name if self.implementation == "CPython" else f"{self.implementation} {name}"

    @property
    def gil_state(self) -> str:
        if not self.free_threaded:
            return "GIL"
        return "free-threaded, GIL switched on" if self.gil else "free-threaded"

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Interpreter:
        """Return the interpreter described by ``data``, from to_json() or the probe, which must have the right SHAPE."""
        own: dict[str, Any] = {key: data[key] for key in cls.SHAPE}
        return cls(**own, running=data.get("running") is True)


def environment() -> dict[str, str]:
    """Return this process's environment without the variables that apply only to this interpreter."""
    return {key: value for key, value in os.environ.items() if key not in _OWN_VARIABLES}


def probe(path: str | os.PathLike[str]) -> Interpreter:
    """Ask the program at ``path``, or of that name on PATH, what it is. Raise LabError if it is not Python."""
    name = os.fspath(path)
    program = shutil.which(os.path.expanduser(name))
    if program is None:
        raise LabError(f"{name!r} is not an interpreter: no executable file has that name")
    try:
        done = subprocess.run(
            [program, "-c", _PROBE],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=PROBE_SECONDS,
            env=environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"{name!r} is not an interpreter: it did not answer within {PROBE_SECONDS} s") from None
    except OSError as error:
        raise LabError(f"{name!r} is not an interpreter: {error.strerror}") from None
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith(_MARKER):
            try:
                answer = parse(line[len(_MARKER) :])
                check(answer, Interpreter.SHAPE, "the answer")
            except Damaged:
                break
            return Interpreter.from_json(answer)
    said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
    reason = f"it printed {said[-1][:100]!r}" if said else "it printed nothing"
    raise LabError(f"{name!r} is not a Python interpreter: {reason} (exit status {done.returncode})")


def lacks(interpreter: Interpreter, modules: Sequence[str]) -> list[str]:
    """Return the modules that are not installed for the interpreter."""
    code = "import sys, importlib.util as u; print([m for m in sys.argv[1:] if u.find_spec(m) is None])"
    done = subprocess.run(
        [interpreter.executable, "-c", code, *modules],
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        timeout=PROBE_SECONDS,
        env=environment(),
        check=False,
    )
    return [each for each in modules if repr(each) in done.stdout]


def running() -> Interpreter:
    """Return the interpreter that runs the lab, with the current state of its GIL, which an import may have changed."""
    import platform
    import sysconfig

    return Interpreter(
        executable=sys.executable,
        implementation=platform.python_implementation(),
        version=platform.python_version(),
        free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        gil=getattr(sys, "_is_gil_enabled", lambda: True)(),
        running=True,
    )


def _uv_folder(environ: Mapping[str, str], home: Path) -> Path:
    if "UV_PYTHON_INSTALL_DIR" in environ:
        return Path(environ["UV_PYTHON_INSTALL_DIR"])
    return Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "uv" / "python"


def _candidates(environ: Mapping[str, str], home: Path) -> Iterator[Path]:
    """Yield where a free-threaded Python may be: on PATH, in uv's folder, in pyenv's folder. Newest versions first."""
    for name in FREE_THREADED_NAMES:
        found = shutil.which(name, path=environ.get("PATH", ""))
        if found:
            yield Path(found)
    for folder in sorted(_uv_folder(environ, home).glob("*freethreaded*"), reverse=True):
        yield from sorted(folder.glob("bin/python3.*t"))
        yield folder / "python.exe"
    versions = Path(environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    for folder in sorted(versions.glob("3.*t*"), reverse=True):
        yield folder / "bin" / "python"


def find_free_threaded(environ: Mapping[str, str] = os.environ, home: Path | None = None) -> list[Interpreter]:
    """Return every free-threaded interpreter found, one of each version.

    The one that ``GILKIT_FREE_THREADED_PYTHON`` names comes first; naming anything else is an error. Other candidates
    that do not answer or have a GIL are skipped.
    """
    found: list[Interpreter] = []
    named = environ.get(VARIABLE)
    if named:
        try:
            first = probe(named)
        except LabError as error:
            raise LabError(f"{VARIABLE}: {error}") from None
        if not first.free_threaded:
            raise LabError(f"{VARIABLE}: {named!r} is Python {first.version} with a GIL, not a free-threaded build")
        found.append(first)
    for path in _candidates(environ, home or Path(os.path.expanduser("~"))):
        if not os.path.exists(path):  # also False inside a folder without permission
            continue
        try:
            candidate = probe(path)
        except LabError:
            continue  # a shim for a missing version, or a broken installation
        if candidate.free_threaded:
            found.append(candidate)
    return _one_of_each(found)


def _one_of_each(interpreters: Iterable[Interpreter]) -> list[Interpreter]:
    kept: dict[tuple[object, ...], Interpreter] = {}
    for each in interpreters:
        kept.setdefault((each.implementation, each.version, each.free_threaded), each)
    return list(kept.values())


def choose(paths: Iterable[str] = ()) -> list[Interpreter]:
    """Return the interpreters of a run: the running one, those found, then those given; no version twice.

    Raises LabError if one of ``paths`` is not Python.
    """
    asked = [probe(path) for path in paths]
    return _one_of_each([running(), *find_free_threaded(), *asked])
