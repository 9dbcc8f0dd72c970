"""Imports of packages that only one part of gilkit needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needed_by(user: str, package: str) -> Iterator[None]:
    """Say which part of gilkit needs the package if the block cannot import it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{user} needs the package {package}, which cannot be imported ({error}); install it with "
            f"`python -m pip install {package}`",
            name=error.name,
        ) from error
