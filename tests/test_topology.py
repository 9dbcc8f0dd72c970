"""What tests/topology packs into its virtual machine, which only `nox -s topology` boots."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gilkit

FOLDER = Path(__file__).resolve().parent / "topology"
sys.path.append(str(FOLDER))
import boot  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the virtual machine is prepared on Linux")


def test_the_ram_disk_is_an_archive_that_cpio_reads(tmp_path):
    path = tmp_path / "ramdisk"
    archive = boot.Archive(path)
    archive.add("/init", b"#!/bin/sh\n", executable=True)
    archive.add("/usr/lib/odd", b"12345")
    archive.add("/usr/lib/empty", b"")
    archive.close()
    data, names = path.read_bytes(), {}
    while data:
        assert data[:6] == b"070701"
        fields = [int(data[6 + 8 * i : 14 + 8 * i], 16) for i in range(13)]
        mode, size, length = fields[1], fields[6], fields[11]
        name = data[110 : 110 + length - 1].decode()
        start = (110 + length + 3) // 4 * 4
        names[name] = mode, data[start : start + size]
        data = data[(start + size + 3) // 4 * 4 :]
    assert list(names) == ["init", "usr", "usr/lib", "usr/lib/odd", "usr/lib/empty", "TRAILER!!!"]
    assert names["init"] == (0o100755, b"#!/bin/sh\n")
    assert names["usr/lib"][0] == 0o040755
    assert names["usr/lib/odd"] == (0o100644, b"12345")
    if shutil.which("cpio"):
        listed = subprocess.run(["cpio", "-t"], stdin=path.open("rb"), capture_output=True, text=True, check=True)
        assert listed.stdout.split() == list(names)[:-1]


def test_the_machine_has_all_its_cores_on_nodes():
    arguments = boot.command("qemu", Path("kernel"), Path("disk"))
    nodes = [argument for argument in arguments if argument.startswith("node,")]
    assert len(nodes) == boot.NODES
    assert "cpus=0-15" in nodes[0] and "cpus=16-31" in nodes[1]
    assert f"{boot.CORES},sockets={boot.NODES},cores=16,threads=1" in arguments


def test_init_is_a_script():
    subprocess.run(["sh", "-n", str(FOLDER / "init")], check=True)


@pytest.mark.full
def test_the_check_passes_on_this_machine():
    cores = gilkit.info()["threads"]
    if gilkit.info()["threads_source"] not in ("affinity", "quota"):
        pytest.skip("a variable of the environment decides the number of threads")
    done = subprocess.run(
        [sys.executable, "-P", str(FOLDER / "inside.py"), str(cores), "0"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
