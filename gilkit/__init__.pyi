from gilkit import blocks as blocks
from gilkit import patching as patching
from gilkit import reference as reference
from gilkit import runtime as runtime
from gilkit import sync as sync
from gilkit._scopes import CancelToken as CancelToken
from gilkit.kernels.clustering import KMeans as KMeans
from gilkit.kernels.clustering import kmeans as kmeans
from gilkit.kernels.clustering import nearest as nearest
from gilkit.kernels.dot import dot as dot
from gilkit.kernels.fsum import fsum as fsum
from gilkit.kernels.histograms import bincount as bincount
from gilkit.kernels.histograms import histogram as histogram
from gilkit.kernels.mandelbrot import mandelbrot as mandelbrot
from gilkit.kernels.pi import pi as pi
from gilkit.kernels.quantiles import median as median
from gilkit.kernels.quantiles import nanmedian as nanmedian
from gilkit.kernels.quantiles import nanpercentile as nanpercentile
from gilkit.kernels.quantiles import nanquantile as nanquantile
from gilkit.kernels.quantiles import percentile as percentile
from gilkit.kernels.quantiles import quantile as quantile
from gilkit.kernels.random import uniform as uniform
from gilkit.kernels.reductions import *  # noqa: F403
from gilkit.kernels.scan import cumsum as cumsum
from gilkit.kernels.searching import isin as isin
from gilkit.kernels.searching import searchsorted as searchsorted
from gilkit.kernels.sets import intersect1d as intersect1d
from gilkit.kernels.sets import setdiff1d as setdiff1d
from gilkit.kernels.sets import setxor1d as setxor1d
from gilkit.kernels.sets import union1d as union1d
from gilkit.kernels.sets import unique as unique
from gilkit.kernels.sets import unique_all as unique_all
from gilkit.kernels.sets import unique_counts as unique_counts
from gilkit.kernels.sets import unique_inverse as unique_inverse
from gilkit.kernels.sets import unique_values as unique_values
from gilkit.kernels.sorting import argsort as argsort
from gilkit.kernels.sorting import sort as sort
from gilkit.kernels.spin import spin as spin
from gilkit.kernels.stencil import jacobi as jacobi
from gilkit.mapping import imap as imap
from gilkit.mapping import map as map
from gilkit.mapping import starmap as starmap
from gilkit.parallel import parallel_for as parallel_for
from gilkit.patching import numpy_is_patched as numpy_is_patched
from gilkit.patching import patch_numpy as patch_numpy
from gilkit.patching import ufunc as ufunc
from gilkit.patching import unpatch_numpy as unpatch_numpy
from gilkit.runtime import info as info
from gilkit.runtime import num_threads as num_threads
from gilkit.runtime import set_num_threads as set_num_threads
from gilkit.runtime import threads as threads
from gilkit.runtime import timeout as timeout

__version__: str

def get_include() -> str: ...
