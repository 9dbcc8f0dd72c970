"""Fit polynomials of many variables by least squares, with NumPy's linear algebra, and test them by resampling."""

import hashlib

import numpy as np


def design(x):
    columns = [np.ones(len(x)), *x.T]
    columns += [x[:, i] * x[:, j] for i in range(x.shape[1]) for j in range(i + 1)]
    return np.stack(columns, axis=1)


def main():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(40_000, 8))
    y = np.sin(x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=len(x))
    matrix = design(x)
    errors = []
    for _ in range(12):
        rows = rng.integers(0, len(x), len(x))
        a, b = matrix[rows], y[rows]
        solution = np.linalg.solve(a.T @ a, a.T @ b)
        errors.append(np.sqrt(((matrix @ solution - y) ** 2).mean()))
    errors = np.round(errors, 9)
    print("error", repr(errors.mean()), "from", repr(errors.min()), "to", repr(errors.max()))
    print(hashlib.sha256(errors.tobytes()).hexdigest())


main()
