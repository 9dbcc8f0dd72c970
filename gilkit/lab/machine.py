"""The properties of this machine that figures depend on."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any


def allowed() -> set[int]:
    """Return the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    import psutil

    if hasattr(psutil.Process, "cpu_affinity"):  # Windows
        return set(psutil.Process().cpu_affinity())
    return set(range(os.cpu_count() or 1))


def affinity() -> int:
    """Return the number of cores that this process may run on."""
    import gilkit

    return int(gilkit.info()["affinity"])


def processor() -> str:
    """Return the processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Model", "cpu model"):
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def siblings() -> int:
    """Return the hardware threads per core: 2 with SMT, where two busy logical cores may share one physical core."""
    try:
        text = Path("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list").read_text()
    except OSError:
        return 1
    count = 0
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        count += int(last or first) - int(first) + 1
    return max(1, count)


def describe() -> dict[str, Any]:
    """Describe the machine for tables and saved results, in values that JSON can hold."""
    import psutil

    return {**describe_processors(), "memory": psutil.virtual_memory().total}


def describe_processors() -> dict[str, Any]:
    """Return what ``describe`` does, except the memory. This needs no other package."""
    import gilkit

    facts = {key: value for key, value in gilkit.info().items() if isinstance(value, (str, int, float, bool))}
    return {
        "processor": processor(),
        "cores": os.cpu_count() or 1,
        "affinity": affinity(),
        "threads_per_core": siblings(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": sys.version.split()[0],
        "num_threads": gilkit.num_threads(),
        "gilkit": facts,
    }


def one_line(machine: dict[str, Any]) -> str:
    quota = machine.get("gilkit", {}).get("quota")
    parts = [
        str(machine["processor"]),
        f"{machine['cores']} cores",
        f"affinity {machine['affinity']}",
        f"quota {quota if quota else 'none'}",
        str(machine["system"]),
    ]
    if machine.get("threads_per_core", 1) > 1:
        parts.insert(2, f"{machine['threads_per_core']} hardware threads per core")
    return ", ".join(parts)
