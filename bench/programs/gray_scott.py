"""Grow patterns with the Gray-Scott model: two substances that diffuse and react, on a periodic grid."""

import hashlib

import numpy as np


def laplacian(field):
    """Return the five-point Laplacian of the interior of a field with a border of ghost cells."""
    return field[:-2, 1:-1] + field[2:, 1:-1] + field[1:-1, :-2] + field[1:-1, 2:] - 4 * field[1:-1, 1:-1]


def wrap(field):
    """Fill the ghost cells periodically."""
    field[0], field[-1] = field[-2], field[1]
    field[:, 0], field[:, -1] = field[:, -2], field[:, 1]


def main():
    n, steps = 1000, 100
    feed, kill = 0.037, 0.06
    rng = np.random.default_rng(5)
    u, v = np.ones((n + 2, n + 2)), np.zeros((n + 2, n + 2))
    for row, column in rng.integers(20, n - 40, (60, 2)):
        u[row : row + 20, column : column + 20] = 0.5
        v[row : row + 20, column : column + 20] = 0.25
    u += 0.02 * rng.random(u.shape)
    v += 0.02 * rng.random(v.shape)
    for _ in range(steps):
        wrap(u)
        wrap(v)
        inner_u, inner_v = u[1:-1, 1:-1], v[1:-1, 1:-1]
        reaction = inner_u * inner_v * inner_v
        inner_u += 0.2 * laplacian(u) - reaction + feed * (1 - inner_u)
        inner_v += 0.1 * laplacian(v) + reaction - (feed + kill) * inner_v
    print("u", repr(u[1:-1, 1:-1].mean()), "v", repr(v[1:-1, 1:-1].mean()), "spots", int((v > 0.2).sum()))
    print(hashlib.sha256(u.tobytes() + v.tobytes()).hexdigest())


main()
