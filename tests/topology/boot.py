"""Boot a virtual machine of 32 cores and 2 nodes of memory under qemu, and run tests of the pool and of gilkit in it.

usage: python tests/topology/boot.py [--seconds 600] [--without-python]

qemu emulates the processors (TCG), so nothing is timed: this tests the number of threads under affinity, taskset and
quotas, that a wake-up reaches every worker, on which node memory is, and results. The machine's file system is a RAM disk
with the C tests, linked statically, and this Python with NumPy and the installed gilkit. Its init script is `init`.

It needs qemu-system-x86_64, a Linux kernel and busybox. As root on Debian, it installs the first and downloads the others.
Exit status: 0 all passed, 1 a test failed, 77 something is missing and nothing was run.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "topology"
CORES, NODES = 32, 2
MEMORY = 3  # GiB
SKIPPED = 77
# Tests of the pool. Those of them that keep many threads busy would take too long on emulated cores.
C_TESTS = (
    "test_topology.c test_cores.c test_limits.c test_parallel_reduce.c test_pool_cancel.c test_pool_fork.c "
    "test_pool_nesting.c test_pool_participants.c test_pool_stop.c"
)
PACKAGES = ("numpy", "numpy.libs", "gilkit")
NOT_NEEDED = {"test", "tests", "idlelib", "tkinter", "lib2to3", "ensurepip", "turtledemo", "site-packages", "include"}


class MissingError(Exception):
    pass


# ---- What the machine needs


def debian(*arguments: str, **keywords: object) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise MissingError("not root on Debian")
    try:
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, **keywords)
    except subprocess.CalledProcessError as error:
        raise MissingError(f"{' '.join(arguments)}: exit status {error.returncode}") from None


def qemu() -> str:
    if shutil.which("qemu-system-x86_64") is None:
        debian("apt-get", "install", "-y", "-qq", "--no-install-recommends", "qemu-system-x86")
    return shutil.which("qemu-system-x86_64") or "qemu-system-x86_64"


def unpacked(package: str) -> Path:
    """Return a folder with the content of a Debian package, which is not installed."""
    folder = BUILD / package
    if not folder.is_dir():
        downloads = BUILD / "downloads"
        shutil.rmtree(downloads, ignore_errors=True)
        downloads.mkdir(parents=True)
        debian("apt-get", "download", "-qq", package, cwd=downloads, stderr=subprocess.DEVNULL)
        (archive,) = downloads.glob("*.deb")
        debian("dpkg", "-x", str(archive), str(downloads / package))
        (downloads / package).rename(folder)
    return folder


def busybox() -> Path:
    found = shutil.which("busybox")
    if found and b"/ld-" not in Path(found).read_bytes()[:4096]:  # no loader: it is linked statically
        return Path(found)
    return unpacked("busybox-static") / "bin" / "busybox"


def kernel() -> Path:
    """Return GILKIT_TOPOLOGY_KERNEL, or else the kernel of Debian for virtual machines."""
    if given := os.environ.get("GILKIT_TOPOLOGY_KERNEL"):
        return Path(given)
    if shutil.which("apt-cache") is None:
        raise MissingError("no kernel: set GILKIT_TOPOLOGY_KERNEL to a bzImage")
    depends = subprocess.run(["apt-cache", "depends", "linux-image-cloud-amd64"], capture_output=True, text=True).stdout
    found = re.search(r"Depends: (linux-image-\S+)", depends)
    if found is None:
        raise MissingError("apt-cache knows no linux-image-cloud-amd64; set GILKIT_TOPOLOGY_KERNEL to a bzImage")
    (image,) = (unpacked(found[1]) / "boot").glob("vmlinuz-*")
    return image


def c_tests() -> list[Path]:
    folder = BUILD / "c"
    make = ["make", "-s", "-C", str(ROOT / "tests" / "c"), "-j2", "all", "CC=gcc", "LDFLAGS=-static", f"OUT={folder}"]
    subprocess.run([*make, f"ONLY={C_TESTS}"], check=True)
    return [folder / name.removesuffix(".c") for name in C_TESTS.split()]


# ---- The RAM disk


class Archive:
    """A cpio archive in the format "newc", which the kernel unpacks."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("wb")
        self.count = 0
        self.folders: set[str] = set()

    def _entry(self, name: str, mode: int, content: bytes) -> None:
        self.count += 1
        encoded = name.encode() + b"\0"
        fields = [self.count, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0]
        self._padded(b"070701" + b"".join(b"%08x" % field for field in fields) + encoded)
        self._padded(content)

    def _padded(self, data: bytes) -> None:
        self.file.write(data + b"\0" * (-len(data) % 4))

    def folder(self, name: str) -> None:
        if name not in self.folders and name not in ("", "."):
            self.folder(os.path.dirname(name))
            self.folders.add(name)
            self._entry(name, 0o040755, b"")

    def add(self, name: str | Path, content: bytes, executable: bool = False) -> None:
        name = str(name).lstrip("/")
        self.folder(os.path.dirname(name))
        self._entry(name, 0o100755 if executable else 0o100644, content)

    def copy(self, source: Path, name: str | Path) -> None:
        self.add(name, source.read_bytes(), os.access(source, os.X_OK))

    def close(self) -> None:
        self._entry("TRAILER!!!", 0, b"")
        self.file.close()


def below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            if path.name not in NOT_NEEDED:
                yield from below(path)
        elif path.is_file():
            yield path


def libraries(files: list[Path]) -> set[Path]:
    """Return what ldd says that these need, including the program that loads them."""
    found: set[Path] = set()
    for file in files:
        output = subprocess.run(["ldd", str(file)], capture_output=True, text=True).stdout
        found.update(Path(path) for path in re.findall(r"(?:=> |^\s)(/\S+) \(0x", output, re.MULTILINE))
    return found


def pack_python(archive: Archive) -> str:
    """Add this Python, its library and PACKAGES. Return the command that runs it."""
    interpreter = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    platform = Path(sysconfig.get_path("platlib"))
    packed = [interpreter]
    archive.copy(interpreter, interpreter)
    for path in below(library):
        packed.append(path)
        archive.copy(path, path)
    for package in PACKAGES:
        if (platform / package).is_dir():
            for path in below(platform / package):
                packed.append(path)
                archive.copy(path, Path("/packages") / path.relative_to(platform))
    binaries = [path for path in packed if path == interpreter or ".so" in path.name]
    for path in sorted(libraries(binaries)):
        if platform not in path.parents:
            archive.add(path, path.read_bytes(), executable=True)
    archive.copy(HERE / "inside.py", "/inside.py")
    return f"env PYTHONHOME={sys.base_prefix} PYTHONPATH=/packages {interpreter}"


def ram_disk(with_python: bool) -> Path:
    path = BUILD / "ramdisk"
    archive = Archive(path)
    archive.copy(busybox(), "/bin/busybox")
    archive.add("/init", (HERE / "init").read_bytes(), executable=True)
    for test in c_tests():
        archive.copy(test, f"/tests/{test.name}")
    settings = {
        "CORES": CORES,
        "NODES": NODES,
        "HALF_1": f"{(1 << CORES // 2) - 1:x}",
        "HALF_2": f"{((1 << CORES // 2) - 1) << CORES // 2:x}",
        "EVERY_SECOND": f"{int('01' * (CORES // 2), 2):x}",
        "PYTHON": f"'{pack_python(archive)}'" if with_python else "",
    }
    archive.add("/settings", "".join(f"{name}={value}\n" for name, value in settings.items()).encode())
    archive.close()
    return path


# ---- The machine


def command(program: str, image: Path, disk: Path) -> list[str]:
    half = CORES // NODES
    nodes = [
        argument
        for node in range(NODES)
        for argument in (
            "-object",
            f"memory-backend-ram,id=m{node},size={MEMORY * 1024 // NODES}M",
            "-numa",
            f"node,nodeid={node},cpus={node * half}-{(node + 1) * half - 1},memdev=m{node}",
        )
    ]
    return [
        *(program, "-accel", "tcg,thread=multi", "-cpu", "max", "-m", f"{MEMORY}G", *nodes),
        *("-smp", f"{CORES},sockets={NODES},cores={half},threads=1", "-kernel", str(image), "-initrd", str(disk)),
        *(
            "-append",
            "console=ttyS0 quiet panic=-1 rdinit=/init mitigations=off no_timer_check lpj=4000000 nowatchdog nosoftlockup rcupdate.rcu_cpu_stall_suppress=1",
            "-no-reboot",
        ),
        *("-display", "none", "-monitor", "none", "-serial", "stdio", "-nodefaults"),
    ]


def boot(arguments: list[str], seconds: float) -> dict[str, int]:
    """Print the machine's console, and return the status of each test."""
    machine = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace")
    limit = threading.Timer(seconds, machine.kill)
    limit.start()
    results: dict[str, int] = {}
    try:
        assert machine.stdout is not None
        for line in machine.stdout:
            print(line.rstrip(), flush=True)
            if found := re.match(r"RESULT (\S+) (\d+) \d+", line):
                results[found[1]] = int(found[2])
    finally:
        limit.cancel()
        machine.kill()
        machine.wait()
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600, help="end the machine then (default: %(default)s)")
    parser.add_argument("--without-python", action="store_true", help="only the C tests")
    given = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    try:
        arguments = command(qemu(), kernel(), ram_disk(not given.without_python))
    except MissingError as error:
        print(f"skipped: {error}")
        return SKIPPED
    results = boot(arguments, given.seconds)
    ended = results.pop("end", None) is not None
    failed = [name for name, status in results.items() if status != 0]
    if not ended:
        print(f"the machine did not get to the end in {given.seconds:.0f} s")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed", *failed)
    return int(bool(failed) or not ended)


if __name__ == "__main__":
    sys.exit(main())
