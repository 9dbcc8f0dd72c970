"""A cache of large blocks under NumPy's memory handler: see docs/memory.md."""
import os
import re

cimport numpy as cnp
from libc.stdint cimport uint64_t

from gilkit._call cimport exact_integer
from gilkit._exports cimport import_core

cnp.import_array()
import_core()

cdef extern from "gilkit/patching/_memory.h":
    ctypedef struct gk_block_statistics:
        size_t bytes
        size_t blocks
        size_t limit
        uint64_t hits
        uint64_t misses
    size_t gk_blocks_trim "GK(gk_blocks_trim)" () noexcept nogil
    gk_block_statistics gk_blocks_get_statistics "GK(gk_blocks_get_statistics)" () noexcept nogil
    size_t gk_blocks_default_limit "GK(gk_blocks_default_limit)" () noexcept nogil
    int gk_memory_install(size_t limit, int advises_huge_pages) except -1
    int gk_memory_uninstall() except -1
    int gk_memory_is_installed()


def _limit_of_environment():
    text = os.environ.get("GILKIT_MEMORY_CACHE")
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]+)([KMG]?)", text, re.ASCII)
    limit = int(found[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[found[2]] if found else -1
    if not 0 <= limit < 2**63:
        raise ValueError("the environment variable GILKIT_MEMORY_CACHE must be a number of bytes such as 500000000, "
                         f"512M, 1G or 0, not {text!r}")
    return limit


def _advises_huge_pages():
    try:
        from numpy._core import multiarray
    except ImportError:  # NumPy 1
        from numpy.core import multiarray
    ask = getattr(multiarray, "_get_madvise_hugepage", None)
    return ask is not None and bool(ask())


def install(limit=None):
    """Keep the memory of large arrays for reuse, in all threads and contexts.

    Parameters
    ----------
    limit : int, optional
        The maximum number of bytes that are kept. None means the limit in force, if the cache is installed already;
        else the environment variable GILKIT_MEMORY_CACHE (bytes, or a number with the suffix K, M or G); else an eighth
        of the memory of this machine or control group, at most 1 GiB. 0 keeps nothing.

    Raises
    ------
    TypeError
        If *limit* is not an integer.
    ValueError
        If *limit* or GILKIT_MEMORY_CACHE is out of range.
    RuntimeError
        If this version of NumPy has another kind of memory handler.

    Notes
    -----
    Replaces the functions in NumPy's default memory handler. Contexts that have chosen another handler (NEP 49) are not
    affected. Only arrays of 1 MiB or more are concerned. Thread-safe; other threads may allocate and free arrays
    meanwhile. Calling it again changes only the limit.
    """
    cdef size_t bytes_kept
    if limit is not None:
        bytes_kept = exact_integer(limit, "limit", 0, 2**63 - 1)
    elif gk_memory_is_installed():
        return
    else:
        limit = _limit_of_environment()
        bytes_kept = gk_blocks_default_limit() if limit is None else limit
    gk_memory_install(bytes_kept, _advises_huge_pages())


def uninstall():
    """Give back all memory that is kept, and restore NumPy's functions.

    Notes
    -----
    Arrays that exist stay valid. If another package has replaced NumPy's functions since ``install()``, its functions
    stay, and gilkit's below them pass everything on. Without ``install()`` there is nothing to do. Thread-safe.
    """
    gk_memory_uninstall()


def is_installed():
    """Return whether the memory of large arrays is kept for reuse.

    Returns
    -------
    bool
        True between ``install()`` and ``uninstall()``.
    """
    return bool(gk_memory_is_installed())


def trim():
    """Give all memory that is kept for reuse back to the system.

    Returns
    -------
    int
        The number of bytes given back.

    Notes
    -----
    The cache goes on with whatever is freed from then on. Thread-safe.
    """
    return gk_blocks_trim()


def statistics():
    """Return what the cache holds and how often it helped.

    Returns
    -------
    dict
        ``bytes`` and ``blocks`` that are kept now, the ``limit`` in bytes, and since ``install()`` the number of
        ``hits`` (arrays of 1 MiB or more that reused a block) and of ``misses`` (those that did not).
    """
    cdef gk_block_statistics s = gk_blocks_get_statistics()
    return {"bytes": s.bytes, "blocks": s.blocks, "limit": s.limit, "hits": s.hits, "misses": s.misses}
