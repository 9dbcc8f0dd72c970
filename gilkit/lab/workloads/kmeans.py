"""Train a model by k-means."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

import gilkit

from ..worker.gilkit_tasks import data
from ..workload import Workload, WrongResult


class KMeans(Workload):
    name = "kmeans"
    title = "training a model (k-means)"
    unit = "distances"

    def __init__(self, count: int = 20_000, dimensions: int = 4, clusters: int = 8, iterations: int = 3) -> None:
        super().__init__(count=count, dimensions=dimensions, clusters=clusters, iterations=iterations)

    @property
    def amount(self) -> float:
        return float(self.size["count"] * self.size["clusters"] * self.size["iterations"])

    @cached_property
    def points(self) -> Any:
        return np.array(data.points(self.size["count"], self.size["dimensions"]))

    def _rounds(self, nearest: Callable[[Any, Any], Any]) -> Any:
        """Run Lloyd's algorithm with a function that finds the nearest centre of each point."""
        clusters = self.size["clusters"]
        centers = self.points[:clusters].copy()
        for _ in range(self.size["iterations"]):
            index = nearest(self.points, centers)
            counts = np.bincount(index, minlength=clusters)
            for axis in range(self.size["dimensions"]):
                sums = np.bincount(index, weights=self.points[:, axis], minlength=clusters)
                centers[:, axis] = np.where(counts, sums / np.maximum(counts, 1), centers[:, axis])
        return centers

    def kernel(self, threads: int) -> Any:
        return self._rounds(lambda points, centers: gilkit.nearest(points, centers, threads=threads)[0])

    def numpy(self, threads: int) -> Callable[[], Any]:
        def nearest(points: Any, centers: Any) -> Any:
            return ((points[:, None, :] - centers[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)

        return lambda: self._rounds(nearest)

    @cached_property
    def expected(self) -> Any:
        return self.numpy(1)()

    def check(self, result: Any) -> None:
        if not np.allclose(np.asarray(result), self.expected, rtol=1e-9, atol=1e-12):
            raise WrongResult("the centres are not those that NumPy finds")
