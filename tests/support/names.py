"""The names that the tests of several functions run over."""

import gilkit

# Every reduction: a new one is tested by all of these tests without being added to a list of theirs.
REDUCTIONS = [name for name, module in gilkit._LAZY.items() if module == "gilkit.kernels.reductions"]
POSITIONS = [name for name, module in gilkit._LAZY.items() if module == "gilkit.kernels.positions"]
assert {"sum", "mean", "var", "std", "min", "max"} <= set(REDUCTIONS)
