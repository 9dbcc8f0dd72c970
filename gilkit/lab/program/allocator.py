"""Freed memory under ``gilkit run``: glibc keeps 64 MiB of it, as it does by itself after the first block of 32 MiB.

Until then it gives a loop's arrays back to the kernel, which clears their pages anew in each round. That part of the time
does not become shorter when the loop is divided.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

LARGEST_KEPT, KEPT = 32 << 20, 64 << 20  # bytes
# The numbers and values of glibc's mallopt(), by the variables that set them from outside.
_OPTIONS = {"MALLOC_MMAP_THRESHOLD_": (-3, LARGEST_KEPT), "MALLOC_TRIM_THRESHOLD_": (-1, KEPT)}


def _glibc() -> Any:
    """Return the C library if it is glibc and the user has not set its allocator, else None."""
    if any(name.startswith("MALLOC_") for name in os.environ) or "malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return None
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows
        return None
    # Other libraries with a mallopt() number its options differently.
    return library if hasattr(library, "gnu_get_libc_version") and hasattr(library, "mallopt") else None


def keep_freed_memory() -> None:
    library = _glibc()
    if library is not None:
        for number, value in _OPTIONS.values():
            library.mallopt(number, value)


def environment(variables: dict[str, str]) -> dict[str, str]:
    """Return the environment of a process that keeps freed memory from its start."""
    return variables | ({name: str(value) for name, (_, value) in _OPTIONS.items()} if can_keep() else {})


def can_keep() -> bool:
    return _glibc() is not None
