"""Which Python interpreters there are to measure, and what each of them is."""

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

# Another version's library, or PYTHON_GIL=0 where the GIL cannot be switched off, would keep it from starting.
_OWN_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHON_GIL")

# Runs on Python 2.7 too. The marker finds the answer among whatever a sitecustomize may print.
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
    """A Python that answered when asked what it is.

    ``free_threaded`` says how it was built, ``gil`` whether its GIL is on when it starts.
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
        """A short name for tables, such as ``3.11.7`` or ``3.13.0t`` (t: free-threaded)."""
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
        """From what to_json() gave, or the probe: data of the right SHAPE."""
        own: dict[str, Any] = {key: data[key] for key in cls.SHAPE}
        return cls(**own, running=data.get("running") is True)


def environment() -> dict[str, str]:
    """This process's environment, for another interpreter: without what belongs to this one alone."""
    return {key: value for key, value in os.environ.items() if key not in _OWN_VARIABLES}


def probe(path: str | os.PathLike[str]) -> Interpreter:
    """Asks the program at ``path`` (or of that name on PATH) what it is. LabError when it is no Python."""
    name = os.fspath(path)
    program = shutil.which(os.path.expanduser(name))
    if program is None:
        raise LabError(f"{name!r} is no interpreter: no executable file of that name")
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
        raise LabError(f"{name!r} is no interpreter: it did not answer within {PROBE_SECONDS} s") from None
    except OSError as error:
        raise LabError(f"{name!r} is no interpreter: {error.strerror}") from None
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith(_MARKER):
            try:
                answer = parse(line[len(_MARKER) :])
                check(answer, Interpreter.SHAPE, "the answer")
            except Damaged:
                break
            return Interpreter.from_json(answer)
    said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
    reason = f"it said {said[-1][:100]!r}" if said else "it said nothing"
    raise LabError(f"{name!r} is no Python interpreter: {reason} (exit status {done.returncode})")


def lacks(interpreter: Interpreter, modules: Sequence[str]) -> list[str]:
    """Those of the modules that are not installed for the interpreter."""
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
    """The interpreter that runs the lab. Its GIL is asked for now: an import may have switched it on."""
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
    """Where a free-threaded Python may be: on PATH, in uv's folder, in pyenv's. Newest versions first."""
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
    """Every free-threaded interpreter found, one of each version.

    ``GILKIT_FREE_THREADED_PYTHON`` comes first, and is an error when it names something else; anything found by
    looking around that does not answer, or has a GIL, is passed over.
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
        if not os.path.exists(path):  # False also in a folder that may not be entered
            continue
        try:
            candidate = probe(path)
        except LabError:
            continue  # a shim without a version behind it, a broken installation
        if candidate.free_threaded:
            found.append(candidate)
    return _one_of_each(found)


def _one_of_each(interpreters: Iterable[Interpreter]) -> list[Interpreter]:
    kept: dict[tuple[object, ...], Interpreter] = {}
    for each in interpreters:
        kept.setdefault((each.implementation, each.version, each.free_threaded), each)
    return list(kept.values())


def choose(paths: Iterable[str] = ()) -> list[Interpreter]:
    """The interpreters of a run: the running one, those found, then those asked for; no version twice.

    Raises LabError when one of ``paths`` is no Python.
    """
    asked = [probe(path) for path in paths]
    return _one_of_each([running(), *find_free_threaded(), *asked])
