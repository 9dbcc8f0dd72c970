"""Train a model by k-means; each part finds the nearest centres of its share of the points."""

from . import data
from .cut import spans
from .reference import reference

_nearest = reference("nearest").nearest


def piece(task):
    """Return the sums and counts of the points nearest to each centre."""
    points, centers = task
    index, _ = _nearest(points, centers)
    sums = [[0.0] * len(centers[0]) for _ in centers]
    counts = [0] * len(centers)
    for point, which in zip(points, index):
        counts[which] += 1
        own = sums[which]
        for axis, x in enumerate(point):
            own[axis] += x
    return sums, counts


def solve(map, parts, count, dimensions, clusters, iterations):
    """Return the centres after ``iterations`` rounds, starting from the first points."""
    points = data.points(count, dimensions)
    centers = points[:clusters]
    shares = [points[begin:end] for begin, end in spans(count, parts)]
    for _ in range(iterations):
        found = list(map(piece, [(share, centers) for share in shares]))
        moved = []
        for c, center in enumerate(centers):
            members = sum(counts[c] for _, counts in found)
            sums = [sum(sums[c][axis] for sums, _ in found) for axis in range(dimensions)]
            moved.append([total / members for total in sums] if members else center)
        centers = moved
    return centers
