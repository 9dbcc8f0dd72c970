"""xarray's chunked arrays are Dask's, so Dask's pool computes them."""

import dask
import numpy as np
import xarray as xr

import gilkit

values = np.random.default_rng(0).standard_normal((1000, 200))
array = xr.DataArray(values, dims=("time", "place")).chunk(time=100)

with gilkit.Executor(4) as executor, dask.config.set(pool=executor):
    means = array.mean("time").compute()
assert np.allclose(means, values.mean(axis=0))
