"""``gilkit doctor``: what keeps this process from using all cores, and what to do about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from . import interpreters, machine
from .errors import LabError

IMPORT_SECONDS = 120


@dataclass(frozen=True)
class Finding:
    """One thing checked. ``fine`` is False if it costs cores; ``advice`` then says what to do.

    It is None where there was nothing to check, or no way to check it.
    """

    subject: str
    value: str
    fine: bool | None = True
    advice: str = ""


# Imports one module after another and reports which one switched the GIL on. CPython's warning names the extension
# module, which the given module may import indirectly.
_IMPORTS = """
import importlib, json, os, re, sys, warnings
answers = os.fdopen(os.dup(1), "w")  # a module may print, or close standard output
gil = getattr(sys, "_is_gil_enabled", lambda: True)
report = []
for name in json.loads(sys.argv[1]):
    before = gil()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            importlib.import_module(name)
        except BaseException as error:  # SystemExit too
            report.append([name, "", "%s: %s" % (type(error).__name__, error)])
            continue
    if gil() and not before:
        texts = [str(each.message) for each in caught]
        named = [m.group(1) for m in (re.search(r"to load module '([^']+)'", text) for text in texts) if m]
        report.append([name, named[0] if named else name, ""])
answers.write("\\ngilkit-doctor:" + json.dumps(report) + "\\n")
answers.flush()
os._exit(0)  # does not wait for threads that the modules started
"""


def imports(modules: Sequence[str], executable: str = sys.executable) -> list[tuple[str, str, str]]:
    """Import ``modules`` one after another in a fresh interpreter whose GIL is off.

    Returns ``(module, extension module, "")`` for the module that switched the GIL on, with the extension module that
    caused it, and ``(module, "", error)`` for each module that cannot be imported.
    """
    # PYTHON_GIL would keep the GIL on or off whatever is imported.
    environ = {key: value for key, value in os.environ.items() if key != "PYTHON_GIL"}
    environ["PYTHONIOENCODING"] = "utf-8:backslashreplace"  # a module must not fail because of what it prints
    try:
        done = subprocess.run(
            [executable, "-c", _IMPORTS, json.dumps(list(modules))],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=IMPORT_SECONDS,
            env=environ,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"importing {', '.join(modules)} took longer than {IMPORT_SECONDS} s") from None
    for line in done.stdout.splitlines():
        if line.startswith("gilkit-doctor:"):
            return [tuple(each) for each in json.loads(line.partition(":")[2])]
    said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
    ended = f"ended the interpreter with status {done.returncode}; it said {said}"
    raise LabError(f"importing {', '.join(modules)} {ended}")


ALWAYS = ("gilkit", "numpy")
UNEXAMINED = "could not be examined."


def _gil(here: interpreters.Interpreter, modules: Sequence[str]) -> list[Finding]:
    if not here.free_threaded:
        asked = [name for name in modules if name not in ALWAYS]
        return [
            Finding(
                "GIL",
                "on, as always in this build",
                False,
                "Python threads take turns on one core. gilkit's kernels use all cores, and so does gilkit.map with "
                "callables that release the GIL. For pure Python, use a free-threaded build (python3.14t).",
            ),
            *(
                _imports(asked, "can be imported; only a free-threaded build shows what they do to the GIL")
                if asked
                else ()
            ),
        ]
    findings = []
    if here.gil:
        if getattr(sys.flags, "gil", None) == 1:
            findings.append(
                Finding("GIL", "switched on by PYTHON_GIL=1 or -X gil=1", False, "Unset it to switch the GIL off.")
            )
        else:
            findings.append(
                Finding(
                    "GIL", "switched on by a module imported into this process", False, "The module is named below."
                )
            )
    else:
        findings.append(Finding("GIL", "off"))
    return findings + _imports(modules, "" if here.gil else "leave the GIL off")


def _imports(modules: Sequence[str], otherwise: str) -> list[Finding]:
    """Report what importing the modules does. If nothing is wrong with any, say ``otherwise`` of all."""
    try:
        report = imports(modules)
    except LabError as failure:
        return [Finding("imports", str(failure), False, f"The modules {UNEXAMINED}")]
    if not report and otherwise:
        return [Finding("imports", f"{', '.join(modules)} {otherwise}")]
    findings = []
    for asked, culprit, error in report:
        if error:
            findings.append(Finding(f"import {asked}", error, False, f"The module {UNEXAMINED}"))
            continue
        inside = "" if culprit == asked else f" (imported by {asked})"
        findings.append(
            Finding(
                f"import {asked}",
                f"module {culprit}{inside} switches the GIL on",
                False,
                f"Look for a newer version of {culprit.partition('.')[0]} that declares itself safe without the "
                "GIL. Until then, PYTHON_GIL=0 keeps the GIL off at your own risk.",
            )
        )
    return findings


def _cores(facts: dict[str, Any]) -> list[Finding]:
    cores, allowed = facts["cores"], facts["affinity"]
    findings = [Finding("cores", f"{cores} ({facts['processor']})")]
    if facts["threads_per_core"] > 1:
        findings.append(
            Finding(
                "hardware threads",
                f"{facts['threads_per_core']} share each core",
                True,
                "Two busy hardware threads do less work than two cores, so speed-ups stay below the thread count.",
            )
        )
    findings.append(
        Finding("affinity", f"{allowed} of {cores} cores")
        if allowed == cores
        else Finding(
            "affinity",
            f"{allowed} of {cores} cores",
            False,
            "Something restricts this process: taskset, os.sched_setaffinity, a container's cpuset or a batch system.",
        )
    )
    quota = facts["gilkit"].get("quota")
    if quota and quota < allowed:
        findings.append(
            Finding(
                "quota",
                f"{quota:g} CPUs",
                False,
                "The control group throttles usage above that (docker --cpus, Kubernetes limits); raise the quota.",
            )
        )
    else:
        findings.append(Finding("quota", f"{quota:g} CPUs, which does not limit this process" if quota else "none"))
    return findings


def _threads(facts: dict[str, Any]) -> list[Finding]:
    expected = facts["affinity"]
    quota = facts["gilkit"].get("quota")
    if quota:
        expected = max(1, min(expected, int(quota)))
    number = facts["num_threads"]
    source = facts["gilkit"].get("threads_source", "affinity")
    by_environment = source not in ("affinity", "quota")
    value = os.environ.get(source)
    said = f"{source}={value}" if value else source
    why = f" ({said})" if by_environment else ""
    if number < expected:
        advice = f"Unset GILKIT_NUM_THREADS to use {expected} cores."
        if source != "GILKIT_NUM_THREADS":
            advice = f"{source} limits this process. GILKIT_NUM_THREADS={expected} would take precedence."
        return [Finding("gilkit's threads", f"{number}{why}", False, advice)]
    if number > expected:
        return [
            Finding(
                "gilkit's threads",
                f"{number}{why}",
                False,
                f"More than the {expected} cores available: the threads take turns, and idle workers do not spin.",
            )
        ]
    return [Finding("gilkit's threads", f"{number}{why}")]


def _pools(facts: dict[str, Any]) -> list[Finding]:
    try:
        from threadpoolctl import threadpool_info  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        return [
            Finding("other pools", "not looked for", None, "pip install threadpoolctl to see BLAS and OpenMP pools.")
        ]
    pools = [pool for pool in threadpool_info() if pool["user_api"] != "gilkit"]
    if not pools:
        return [Finding("other pools", "none in this process")]
    findings = []
    for pool in pools:
        count = pool["num_threads"]
        value = f"{pool['internal_api']} {pool.get('version') or ''} ({pool['prefix']}), {count} threads"
        own, cores = facts["num_threads"], facts["affinity"]
        fine, advice = True, ""
        # OpenMP starts a team for each calling thread; the other libraries have one pool for all threads.
        if pool["user_api"] == "openmp" and count > 1 and count * own > cores:
            fine = False
            advice = (
                f"Each calling thread gets its own team: called from {own} threads of gilkit.map it has {count * own} "
                f"threads on {cores} cores. Limit the teams (threadpoolctl.threadpool_limits(1), or OMP_NUM_THREADS=1)."
            )
        elif count > 1 and count + own > cores:
            advice = (
                "If it runs while gilkit works, both compete for the cores. Limit one of them "
                f"(threadpoolctl.threadpool_limits(1), or gilkit.threads({max(1, cores - count)}))."
            )
        findings.append(Finding("other pool", " ".join(value.split()), fine, advice))
    return findings


def _interpreters(here: interpreters.Interpreter) -> list[Finding]:
    findings = []
    try:
        found = interpreters.find_free_threaded()
    except LabError as error:
        return [Finding("free-threaded Pythons", str(error), False, f"Correct or unset {interpreters.VARIABLE}.")]
    for each in found:
        findings.append(Finding("free-threaded Python", f"{each.label}, {each.executable}"))
    if not findings and not here.free_threaded:
        findings.append(
            Finding(
                "free-threaded Pythons",
                "none found",
                None,
                "Run uv python install 3.14t or pyenv install 3.14t, or name one in " + interpreters.VARIABLE + ". "
                "Searched: python3.13t and later on PATH, uv's folder and pyenv's folder.",
            )
        )
    return findings


def _numpy() -> list[Finding]:
    """Report whether NumPy is patched, or could be. Trying is the only way to know: it depends on NumPy's version."""
    import gilkit

    facade: Any = gilkit
    if not hasattr(facade, "numpy_is_patched"):
        return []
    try:
        version = __import__("numpy").__version__
    except ImportError as error:
        return [Finding("NumPy", f"cannot be imported: {error}", None, "pip install numpy to use the kernels.")]
    if facade.numpy_is_patched():
        return [Finding("NumPy", f"{version}, patched: its functions use all cores")]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with facade.patch_numpy():
            possible = facade.numpy_is_patched()
    if possible:
        return [
            Finding(
                "NumPy",
                f"{version}, not patched: its functions use one core",
                True,
                "gilkit run script.py runs a program whose NumPy uses all cores, and gilkit.patch_numpy() does it "
                "from inside. gilkit run --compare script.py measures the gain.",
            )
        ]
    why = " ".join(str(each.message) for each in caught)
    return [Finding("NumPy", f"{version}, cannot be patched", False, why or "Install another version of NumPy.")]


def examine(modules: Sequence[str] = ()) -> list[Finding]:
    """Return all findings. Check whether gilkit, numpy and ``modules`` switch the GIL on."""
    facts = machine.describe_processors()
    here = interpreters.running()
    isa = facts["gilkit"].get("isa", "unknown")
    forced = os.environ.get("GILKIT_ISA")
    best = facts["gilkit"].get("isa_best", isa)
    return [
        Finding("interpreter", f"{here.implementation} {here.label}, {here.executable}"),
        *_gil(here, list(dict.fromkeys([*ALWAYS, *modules]))),
        *_cores(facts),
        *_threads(facts),
        Finding(
            "instruction set",
            str(isa) + (f" (GILKIT_ISA={forced})" if forced else ""),
            not forced or isa == best,
            f"Unset GILKIT_ISA to use {best}." if forced and isa != best else "",
        ),
        *_numpy(),
        *_pools(facts),
        *_interpreters(here),
    ]


def failed(findings: Sequence[Finding], modules: Sequence[str]) -> bool:
    """Whether one of the modules that the user named could not be imported."""
    subjects = {"imports", *(f"import {module}" for module in modules)} if modules else set()
    return any(each.subject in subjects and each.advice.endswith(UNEXAMINED) for each in findings)


def to_json(findings: Sequence[Finding]) -> dict[str, Any]:
    return {"format": "gilkit-doctor", "version": 1, "findings": [asdict(each) for each in findings]}
