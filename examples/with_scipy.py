"""SciPy's solvers that take workers= evaluate their function in several threads."""

import numpy as np
from scipy.optimize import differential_evolution, rosen

import gilkit


def cost(x):
    return rosen(x)


found = differential_evolution(cost, [(0, 2)] * 3, rng=1, updating="deferred", workers=gilkit.map)
assert np.allclose(found.x, 1)
assert found.fun == differential_evolution(cost, [(0, 2)] * 3, rng=1, updating="deferred").fun
