"""Third-party packages, built against the installed gilkit in a separate environment: see tests/consumers/."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

import gilkit

ROOT = Path(__file__).resolve().parent
CONSUMERS = ROOT / "consumers"
HEADER = Path(gilkit.get_include()) / "gilkit" / "gilkit.h"

pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="needs cc")


class Environment:
    """A virtual environment that sees the packages installed next to gilkit, but not the source tree."""

    def __init__(self, folder):
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        packages = Path(self.run("import sysconfig; print(sysconfig.get_path('purelib'))").strip())
        installed = {str(Path(gilkit.__file__).parent.parent), *map(sysconfig.get_path, ("purelib", "platlib"))}
        (packages / "installed.pth").write_text("\n".join(installed))

    def install(self, name, **environment):
        # Build a copy, since a build leaves files behind.
        source = self.folder / "source" / name
        shutil.rmtree(source, ignore_errors=True)
        shutil.copytree(CONSUMERS / name, source)
        done = subprocess.run(
            [sys.executable, "-m", "pip", "--python", self.python, "install", "--no-build-isolation", "--no-deps",
             "--no-index", "--force-reinstall", "--disable-pip-version-check", source],
            env=os.environ | environment, capture_output=True, text=True, cwd=self.folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, code, status=0):
        done = subprocess.run([self.python, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120,
                              cwd=self.folder)  # fmt: skip
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("environment"))


@pytest.fixture(scope="module")
def installed(environment):
    """Return a function that installs a consumer once."""
    ready = set()

    def install(*names):
        for name in set(names) - ready:
            environment.install(name)
            ready.add(name)
        return environment

    return install


def test_cython(installed):
    installed("julia").run("""
        import gilkit, julia, sys
        from array import array

        def escape(row, column, width, height, c, limit):
            z = complex(3.0 * column / width - 1.5, 3.0 * row / height - 1.5)
            for count in range(limit):
                if z.real * z.real + z.imag * z.imag > 4.0:
                    return count
                z = complex(z.real * z.real - z.imag * z.imag + c.real, 2.0 * z.real * z.imag + c.imag)
            return limit

        c = -0.8 + 0.156j
        expected = [escape(row, column, 60, 40, c, 50) for row in range(40) for column in range(60)]
        assert julia.draw(60, 40, c, 50).tolist() == expected

        dark = {threads: julia.darkness(300, 200, threads=threads) for threads in (1, 2, 3, 8, 64)}
        assert len(set(dark.values())) == 1, dark

        rows = []
        julia.each_row(1000, rows.append)
        assert sorted(rows) == list(range(1000))
        def fail(row):
            if row == 500:
                raise LookupError(row)
        try:
            julia.each_row(1000, fail)
        except LookupError as error:
            assert error.args == (500,)
        else:
            raise AssertionError("no LookupError")

        assert julia.count(100_000) == (100_000, 100_000)

        values = array("d", range(10_000))
        gilkit.parallel_for(10_000, julia.__pyx_capi__["halve"], values)
        assert values.tolist() == [x / 2 for x in range(10_000)]
        if hasattr(sys, "_is_gil_enabled") and __import__("sysconfig").get_config_var("Py_GIL_DISABLED"):
            assert not sys._is_gil_enabled()
    """)


def test_cython_is_interruptible(installed):
    installed("julia").run("""
        import gilkit, julia, signal, threading, time
        from concurrent.futures import CancelledError

        for raised in (KeyboardInterrupt, ZeroDivisionError):
            def handler(*_):
                raise raised
            signal.signal(signal.SIGALRM, handler)
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            began = time.perf_counter()
            try:
                julia.draw(20, 300_000, 0j, 100_000)
            except raised:
                assert time.perf_counter() - began < 2
            else:
                raise AssertionError("not interrupted")
        token = gilkit.CancelToken()
        threading.Timer(0.2, token.cancel).start()
        try:
            with token:
                julia.draw(20, 300_000, 0j, 100_000)
        except CancelledError:
            assert julia.draw(3, 3)
        else:
            raise AssertionError("not cancelled")
    """)


def test_c(installed):
    installed("bytecount").run("""
        import bytecount, collections, random
        data = random.Random(1).randbytes(1_000_000)
        expected = collections.Counter(data)
        for threads in (0, 1, 2, 3, 8, 64):
            assert bytecount.histogram(data, threads) == [expected[value] for value in range(256)]
        assert bytecount.histogram(b"") == [0] * 256
        for wrong in (-1, 5000):
            try:
                bytecount.histogram(data, wrong)
            except ValueError as error:
                assert "threads must be from 1 to 1024" in str(error)
            else:
                raise AssertionError(wrong)
    """)


def test_numba(installed):
    pytest.importorskip("numba")
    installed("waves").run("""
        import math, waves
        wave = waves.damped_wave(1_000_000)
        for i in range(0, 1_000_000, 1009):
            assert abs(wave[i] - math.sin(0.001 * i) * math.exp(-1e-6 * i)) < 1e-12
    """)


def test_cffi(installed):
    pytest.importorskip("cffi")
    installed("scaling").run("""
        import scaling
        from array import array
        values = array("d", range(100_000))
        scaling.scale(values, 3.0)
        assert values.tolist() == [3.0 * x for x in range(100_000)]
    """)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_two_packages_share_one_pool(installed):
    """With eight Python threads in two extensions, the pool still has P - 1 workers."""
    installed("julia", "bytecount").run("""
        import os, threading, time
        os.environ["GILKIT_NUM_THREADS"] = "3"
        import bytecount, gilkit, julia

        def workers():
            count = 0
            for task in os.listdir("/proc/self/task"):
                try:
                    with open(f"/proc/self/task/{task}/comm") as file:
                        count += file.read().strip() == "gilkit"
                except OSError:
                    pass
            return count

        data = bytes(range(256)) * 4000
        end = time.monotonic() + 1
        def draw():
            while time.monotonic() < end:
                julia.draw(200, 200)
        def count():
            while time.monotonic() < end:
                assert bytecount.histogram(data) == [4000] * 256
        threads = [threading.Thread(target=function) for function in (draw, count) * 4]
        for thread in threads:
            thread.start()
        most = 0
        while any(thread.is_alive() for thread in threads):
            most = max(most, workers())
            time.sleep(0.001)
        assert most <= 2, most
        while time.monotonic() < end + 30 and workers() < 2:
            julia.draw(500, 500)
        assert workers() == gilkit.info()["workers"] == 2
    """)


# ---- A forgotten import ----


@pytest.mark.parametrize("how", ["without the GIL", "with the GIL", "with options", "with NULL", "raising"])
def test_without_import_the_first_region_imports(installed, how):
    installed("forgetful").run(f"""
        import forgetful
        assert forgetful.doubled(100_000, {how!r}) == list(range(0, 200_000, 2))
    """)


def test_the_forgetful_consumer_uses_every_function():
    """The consumer calls each function of the header, so the next test can make any of them the first call."""
    names = set(re.findall(r"^static inline [\w ]+?\*?gilkit_(\w+)\(", HEADER.read_text(), re.M))
    source = (CONSUMERS / "forgetful" / "forgetful.pyx").read_text()
    unused = {name for name in names if not re.search(rf"gilkit\.{name}\(", source)}
    assert unused == {"import", "import_late", "get_table", "is_missing"}


@pytest.mark.parametrize(
    "name",
    ["participants", "num_threads", "default_grain", "cancel", "cancelled", "participant", "cancel_token", "now",
     "counter_new", "lock_acquire", "lock_release", "begin", "finish"],
)  # fmt: skip
def test_without_import_any_function_may_be_the_first(installed, name):
    installed("forgetful").run(f"import forgetful; assert forgetful.first_call({name!r})")


def test_without_import_several_threads_may_be_first(installed):
    installed("forgetful").run("""
        import forgetful, sys, threading
        assert "gilkit._capi" not in sys.modules
        results, barrier = [], threading.Barrier(8)
        def call():
            barrier.wait()
            results.append((forgetful.total(100_000), forgetful.total(1000, raising=True)))
        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [(4_999_950_000, 499_500)] * 8, results
    """)


def test_without_import_and_without_gilkit(installed):
    """Functions that can raise do so; the others end the process with a message that says what to add."""
    environment = installed("forgetful")
    environment.run("""
        import forgetful, sys
        sys.modules["gilkit._capi"] = None
        for _ in range(2):
            try:
                forgetful.doubled(10, "raising")
            except ImportError:
                pass
            else:
                raise AssertionError("no ImportError")
    """)
    for call in ("doubled(10)", "first_call('num_threads')"):
        code = f"import forgetful, sys; sys.modules['gilkit._capi'] = None; forgetful.{call}"
        done = subprocess.run([environment.python, "-c", code], capture_output=True, text=True, timeout=120)
        assert done.returncode != 0
        assert "gilkit.import_gilkit()" in done.stderr
        assert "ImportError" in done.stderr or "ModuleNotFoundError" in done.stderr


def test_c_without_python_says_what_is_missing(tmp_path):
    """A file without Python.h cannot import gilkit; another file of its module must do so."""
    source = tmp_path / "program.c"
    source.write_text("""
        #include <gilkit/gilkit.h>
        int main(int count, char **arguments)
        {
            (void)arguments;
            if (count == 1)
                return gilkit_parallel_for(1, NULL, NULL, NULL) == GILKIT_NOT_IMPORTED ? 0 : 1;
            return gilkit_num_threads();
        }
    """)
    program = tmp_path / "program"
    subprocess.run(["cc", f"-I{gilkit.get_include()}", source, "-o", program], check=True)
    for arguments, ends in (([], True), (["num_threads"], False)):
        done = subprocess.run([program, *arguments], capture_output=True, text=True)
        assert (done.returncode == 0) == ends
        assert "gilkit_import()" in done.stderr


# ---- Tokens ----


def test_a_c_token_inside_blocks_of_python_tokens(installed):
    """The token in the options does not hide the tokens of with blocks, and they do not hide it."""
    installed("tokens").run("""
        import gilkit, threading, tokens
        from concurrent.futures import CancelledError
        for depth, cancelled in ((1, 0), (2, 0), (2, 1), (3, 1)):
            around = [gilkit.CancelToken() for _ in range(depth)]
            timer = threading.Timer(0.1, around[cancelled].cancel)
            timer.start()
            try:
                tokens.wait_inside(around)
            except CancelledError:
                pass
            else:
                raise AssertionError("not cancelled")
            assert tokens.cancel_own([gilkit.CancelToken() for _ in range(depth)])
    """)


# ---- Other versions of the header ----


def changed_header(folder, change):
    header = HEADER.read_text()
    changed = change(header)
    assert changed != header
    (folder / "gilkit").mkdir()
    (folder / "gilkit" / "gilkit.h").write_text(changed)
    return {"CFLAGS": f"-I{folder}"}  # comes before the -I of setup.py


def older(header):
    """Return the header without the last function of the table."""
    header = re.sub(r"    int64_t \(\*counter_value\).*\n", "", header)
    header = re.sub(r"static inline int64_t gilkit_counter_value\(.*?\n}\n", "", header, flags=re.S)
    assert "counter_value" not in header
    return header


def newer(header):
    header = header.replace(f'"{gilkit.__version__}"', '"99.0"')
    return header.replace("} gilkit_api;", "    int (*of_the_future)(void);\n} gilkit_api;")


def other_abi(header):
    return header.replace("#define GILKIT_ABI 1", "#define GILKIT_ABI 2")


def test_built_with_an_older_header_runs(environment, tmp_path):
    environment.install("bytecount", **changed_header(tmp_path, older))
    environment.run("import bytecount; assert bytecount.histogram(b'aab')[97] == 2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (newer, "built with gilkit 99.0, but the older gilkit .* is installed.*install gilkit 99.0 or later"),
        (other_abi, r"\(ABI 2\), but gilkit .* \(ABI 1\) is installed"),
    ],
)
def test_built_with_another_header_is_refused(environment, tmp_path, change, message):
    environment.install("bytecount", **changed_header(tmp_path, change))
    said = environment.run("import bytecount", status=1)
    assert re.search("ImportError: .*" + message, said), said


def test_header_module_and_package_are_of_one_version():
    assert f'#define GILKIT_VERSION "{gilkit.__version__}"' in HEADER.read_text()
    assert importlib.metadata.version("gilkit") == gilkit.__version__


@pytest.mark.parametrize("compiler", ["cc", "gcc", "clang", "c++"])
@pytest.mark.parametrize("python", [True, False])
def test_the_header_compiles_alone(compiler, python, tmp_path):
    """The header compiles as C11 and C++ with all warnings, with Python.h and without."""
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler}")
    source = tmp_path / ("test.cpp" if compiler == "c++" else "test.c")
    source.write_text(("#include <Python.h>\n" if python else "") + "#include <gilkit/gilkit.h>\n"
                      "int test(void);\nint test(void) { return gilkit_num_threads(); }\n")  # fmt: skip
    standard = "-std=c++11" if compiler == "c++" else "-std=c11"
    subprocess.run(
        [compiler, standard, "-Wall", "-Wextra", "-Wshadow", "-Wundef", "-Werror", "-fsyntax-only",
         f"-I{gilkit.get_include()}", "-isystem", sysconfig.get_path("include"), source],
        check=True,
    )  # fmt: skip


def test_one_table_for_several_files(tmp_path):
    (tmp_path / "one.c").write_text(
        "#define GILKIT_TABLE my_table\n#include <gilkit/gilkit.h>\nconst gilkit_api *my_table;\n"
        "int other(void);\nint main(void) { return other(); }\n"
    )
    (tmp_path / "two.c").write_text(
        "#define GILKIT_TABLE my_table\n#include <gilkit/gilkit.h>\n#include <stddef.h>\nint other(void);\n"
        "int other(void) { return gilkit_parallel_for(1, NULL, NULL, NULL) == GILKIT_NOT_IMPORTED ? 0 : 1; }\n"
    )
    program = tmp_path / "program"
    sources = [tmp_path / "one.c", tmp_path / "two.c"]
    subprocess.run(["cc", f"-I{gilkit.get_include()}", *sources, "-o", program], check=True)
    subprocess.run([program], check=True)
