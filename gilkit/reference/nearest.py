"""Nearest centres, and k-means on them."""


def nearest(points, centers):
    """Return each point's nearest centre and the squared distance to it, as two lists.

    The squared differences are added in the order of the coordinates. Ties go to the lowest index. A point with NaN has
    centre 0 and distance NaN.
    """
    index, distance = [], []
    for point in points:
        best, which = float("inf"), 0
        for c, center in enumerate(centers):
            total = 0.0
            for x, y in zip(point, center, strict=True):
                total += (x - y) * (x - y)
            if total < best:
                best, which = total, c
        if best == float("inf"):  # NaN, or infinitely far from all: the distance to the first centre
            best = sum((x - y) * (x - y) for x, y in zip(point, centers[0], strict=True))
        index.append(which)
        distance.append(best)
    return index, distance


def kmeans(points, centers, max_iter=300):
    """Return (centres, labels, inertia) of Lloyd's algorithm, which starts from the given centres.

    A centre without points does not move.
    """
    labels, distance = nearest(points, centers)
    for _ in range(max_iter):
        members = [
            [point for point, label in zip(points, labels, strict=True) if label == c] for c in range(len(centers))
        ]
        centers = [
            [sum(column) / len(own) for column in zip(*own, strict=True)] if own else center
            for own, center in zip(members, centers, strict=True)
        ]
        before = labels
        labels, distance = nearest(points, centers)
        if labels == before:
            break
    return centers, labels, sum(distance)
