"""Read the memory of another process, and find a symbol of the interpreter in it. Linux only."""

from __future__ import annotations

import mmap
import os
import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import LabError

_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+ +(/.*)")
_PYTHON = re.compile(r"python", re.I)
_LOAD = 1  # type of a program header that is mapped
_SYMBOL_TABLES = (11, 2)  # types of the sections .dynsym and .symtab; the second is long, and missing if stripped


class Denied(LabError):
    """The system does not allow this process to be examined."""


class Unreadable(Exception):
    """The memory at an address cannot be read: the process has ended, or the value there was not an address."""


class Memory:
    """The memory of a process. Reads do not stop the process, so what they return may change meanwhile."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._file = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        os.close(self._file)

    def read(self, address: int, size: int) -> bytes:
        """Return ``size`` bytes. Raise Unreadable if they are not all mapped."""
        try:
            found = os.pread(self._file, size, address)
        except (OSError, OverflowError, ValueError):
            raise Unreadable(hex(address)) from None
        if len(found) != size:
            raise Unreadable(hex(address))
        return found

    def word(self, address: int) -> int:
        return int.from_bytes(self.read(address, 8), "little")

    def words(self, address: int, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}Q", self.read(address, 8 * count))

    def text(self, address: int, limit: int = 128) -> str:
        """Return the C string at an address, or its first ``limit`` bytes."""
        try:
            found = self.read(address, limit)
        except Unreadable:  # the page ends sooner
            found = self.read(address, 4096 - address % 4096 if address % 4096 + limit > 4096 else 16)
        return found.partition(b"\0")[0].decode("utf-8", "replace")


class Mapping(NamedTuple):
    start: int
    offset: int
    path: str


def mappings(text: str) -> Iterator[Mapping]:
    """Return the files that ``/proc/PID/maps`` lists, in order."""
    for line in text.splitlines():
        found = _MAPPING.match(line)
        if found:
            yield Mapping(int(found[1], 16), int(found[3], 16), found[4])


def symbols(image: bytes | mmap.mmap, names: set[str]) -> dict[str, int]:
    """Return the values of the symbols that an ELF file defines. They are relative to where the file is loaded."""
    if image[:6] != b"\x7fELF\x02\x01":  # 64 bits, little-endian
        return {}
    (start,) = struct.unpack_from("<Q", image, 40)
    size, count = struct.unpack_from("<HH", image, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", image, start + size * number) for number in range(count)]
    found: dict[str, int] = {}
    tables = [each for kind in _SYMBOL_TABLES for each in sections if each[1] == kind]
    for _, _, _, _, offset, length, link, _, _, _ in tables:
        if link >= len(sections) or len(found) == len(names):
            continue
        strings = image[sections[link][4] : sections[link][4] + sections[link][5]]
        wanted = {}
        for name in names:
            place = strings.find(b"\0" + name.encode() + b"\0")
            if place >= 0:
                wanted[place + 1] = name
        for name_at, _, _, section, value, _ in struct.iter_unpack(
            "<IBBHQQ", image[offset : offset + length - length % 24]
        ):
            if name_at in wanted and section:  # section 0: the file only uses the symbol
                found[wanted[name_at]] = value
    return found


def base_of(image: bytes | mmap.mmap, first: Mapping) -> int:
    """Return what to add to the symbols of a file that is mapped from here on."""
    (kind,) = struct.unpack_from("<H", image, 16)
    if kind == 2:  # an executable that is not relocated
        return 0
    (start,) = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    for number in range(count):
        entry, _, offset, address = struct.unpack_from("<IIQQ", image, start + size * number)
        if entry == _LOAD:
            return first.start - first.offset - (address - offset)
    return first.start


def find_symbols(pid: int, names: set[str]) -> dict[str, int]:
    """Return the addresses of symbols in a process that runs CPython. Raise LabError if it does not."""
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as maps:
            mapped = list(mappings(maps.read()))
        executable = os.readlink(f"/proc/{pid}/exe")
    except PermissionError:
        raise Denied(denied(pid)) from None
    except OSError as error:
        raise LabError(f"process {pid} cannot be examined: {error.strerror}") from None
    first: dict[str, Mapping] = {}
    for each in mapped:
        if each.path == executable or _PYTHON.search(os.path.basename(each.path)):
            first.setdefault(each.path, each)
    # The library first: a Python that is linked with libpython has an executable without the symbols.
    for path, mapping in sorted(first.items(), key=lambda pair: pair[0] == executable):
        try:
            with (
                # The executable may have been replaced since it was started.
                open(f"/proc/{pid}/exe" if path == executable else f"/proc/{pid}/root{path}", "rb") as file,
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as image,
            ):
                found = symbols(image, names)
                if len(found) == len(names):
                    base = base_of(image, mapping)
                    return {name: base + value for name, value in found.items()}
        except (OSError, ValueError, struct.error):  # it is gone, empty, or not the file that its name suggests
            continue
    return {}


def denied(pid: int) -> str:
    return (
        f"process {pid} may not be examined: run as its user or as root, in the same container, with ptrace allowed "
        "(sysctl kernel.yama.ptrace_scope, docker --cap-add SYS_PTRACE)"
    )
