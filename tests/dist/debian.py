"""A Python for aarch64, from Debian's packages, that runs here under qemu-user.

The packages are unpacked and not installed, so no program of theirs runs and nothing needs to be mounted. The result is not
a root file system to change into either. qemu-user looks for each file below its folder first and on this machine
next, so the folder has only what the interpreter is made of. Programs that the interpreter starts are this machine's.

The interpreter is a script in place of `python3`, so that it starts itself again through qemu-user: its name becomes
sys.executable.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

# Debian's release with each version of Python.
RELEASES = {"3.11": "bookworm", "3.13": "trixie"}


def command(name: str, package: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        raise SystemExit(f"{name} is missing (Debian: {package})")
    return found


def aarch64_python(version: str) -> Path:
    """Return the path of the interpreter. The first call downloads it, which needs Debian's debootstrap and to be root."""
    if version not in RELEASES:
        raise SystemExit(f"Python {version} for aarch64 is not to be had; {' and '.join(RELEASES)} are")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "gilkit" / f"aarch64-python-{version}"
    qemu = command("qemu-aarch64", "qemu-user")
    if not folder.exists():
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        unpack(version, part)
        part.rename(folder)
    python = folder / "usr" / "bin" / "python3"
    words = [qemu, "-L", str(folder), "-0", "$0", f"{folder}/usr/bin/python{version}", "$@"]
    script = "#!/bin/sh\nexec " + " ".join(f'"{word}"' for word in words) + "\n"
    if not python.exists() or python.read_text() != script:
        python.write_text(script)
        python.chmod(0o755)
    return python


def unpack(version: str, folder: Path) -> None:
    root = folder / "root"
    root.mkdir(parents=True)
    packages = f"python{version},libstdc++6"
    debootstrap = [command("debootstrap", "debootstrap"), "--foreign", "--arch=arm64", "--variant=minbase"]
    subprocess.run([*debootstrap, f"--include={packages}", RELEASES[version], str(root)], check=True)
    unpacked = folder / "unpacked"
    unpacked.mkdir()
    for package in root.glob("var/cache/apt/archives/*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(unpacked)], check=True)
    (folder / "usr" / "bin").mkdir(parents=True)
    for each in (f"usr/bin/python{version}", "usr/lib", "lib"):
        if (unpacked / each).exists():
            (unpacked / each).rename(folder / each)
    if not (folder / "lib").exists():  # newer releases have all libraries in /usr/lib
        (folder / "lib").symlink_to("usr/lib")
    shutil.rmtree(root)
    shutil.rmtree(unpacked)
