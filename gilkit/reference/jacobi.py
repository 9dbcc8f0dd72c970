"""Jacobi sweeps of the heat equation on a grid with a fixed border."""


def sweep(grid):
    """Return a new grid, a list of lists, after one sweep."""
    new = [list(row) for row in grid]
    for i in range(1, len(grid) - 1):
        above, here, below = grid[i - 1], grid[i], grid[i + 1]
        for j in range(1, len(here) - 1):
            new[i][j] = 0.25 * ((above[j] + below[j]) + (here[j - 1] + here[j + 1]))
    return new


def jacobi(grid, *, iterations):
    """Return a grid, a list of lists, after this many sweeps."""
    for _ in range(iterations):
        grid = sweep(grid)
    return [list(row) for row in grid]
