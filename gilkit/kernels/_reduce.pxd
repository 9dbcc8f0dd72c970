"""How gilkit and NumPy share a reduction: gilkit computes, and NumPy takes what gilkit has no code for."""

cdef extern from "kernels/reduce/reduce.h":
    ctypedef enum gk_reduction:  # those that _reduce.pyx treats specially; reductions.pyx declares the rest
        GK_PROD
        GK_MIN
        GK_MAX
        GK_NANSUM
        GK_NANPROD
        GK_NANMEAN
        GK_NANVAR
        GK_NANSTD
        GK_NANMIN
        GK_NANMAX
        GK_ARGMIN
        GK_ARGMAX
        GK_NANARGMIN
        GK_NANARGMAX
        GK_COUNT_NONZERO

# Tells under which name NumPy has a reduction.
cdef void declare(gk_reduction what, str name)

# The reduction of an array, or what NumPy's function of the same name returns or raises.
cdef object reduce(gk_reduction what, object value, object axis, object out, object keepdims, double ddof,
                   object threads)

# The same with NumPy's other keywords. A dtype that the result has anyway changes nothing.
cdef object reduce_with(gk_reduction what, object value, object axis, object out, object keepdims, double ddof,
                        object threads, dict others)

# The same for variances and standard deviations, with all of NumPy's keywords.
cdef object variance(gk_reduction what, object a, object axis, object dtype, object out, object ddof, object keepdims,
                     object where, object mean, object correction, object threads)

# Those of NumPy's keywords that gilkit leaves to NumPy, if they differ from their defaults.
cdef dict given(object dtype, object initial, object where)
