"""Cluster points in the plane and in space by Lloyd's algorithm, one centre at a time over all points."""

import hashlib

import numpy as np


def cluster(points, k, steps):
    centres = points[:: len(points) // k][:k].copy()
    x, y, z = (np.ascontiguousarray(points[:, axis]) for axis in range(3))
    for _ in range(steps):
        best = np.full(len(points), np.inf)
        label = np.zeros(len(points), np.intp)
        for index, (cx, cy, cz) in enumerate(centres):
            distance = (x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2
            nearer = distance < best
            best = np.where(nearer, distance, best)
            label[nearer] = index
        counts = np.bincount(label, minlength=k)
        for axis, values in enumerate((x, y, z)):
            centres[:, axis] = np.bincount(label, weights=values, minlength=k) / np.maximum(counts, 1)
    return centres, label, best


def main():
    k, n = 12, 1_500_000
    rng = np.random.default_rng(12)
    truth = rng.uniform(-10, 10, (k, 3))
    points = truth[rng.integers(0, k, n)] + rng.normal(0, 1.2, (n, 3))
    centres, label, distance = cluster(points, k, 8)
    print("inertia", repr(distance.sum()), "sizes", np.bincount(label, minlength=k).tolist())
    print(hashlib.sha256(centres.tobytes() + label.tobytes()).hexdigest())


main()
