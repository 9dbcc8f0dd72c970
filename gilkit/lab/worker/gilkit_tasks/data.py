"""Inputs of the workloads, generated once per process and the same everywhere."""

from functools import lru_cache
from random import Random


@lru_cache(2)
def numbers(count, seed=0):
    """Return random floats."""
    random = Random(seed).random
    return [random() for _ in range(count)]


@lru_cache(2)
def grid(height, width, seed=0):
    random = Random(seed).random
    return [[random() for _ in range(width)] for _ in range(height)]


@lru_cache(2)
def points(count, dimensions, seed=0):
    random = Random(seed).random
    return [[random() for _ in range(dimensions)] for _ in range(count)]
