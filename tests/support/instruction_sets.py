"""The instruction sets of this machine, the plainest first."""

import gilkit

BEST = gilkit.info()["isa_best"]
# Of each family of processors; a processor has all those before its best.
FAMILIES = (("scalar", "avx2", "avx512"), ("scalar", "neon"))
LEVELS = next(family for family in FAMILIES if BEST in family)
AVAILABLE = LEVELS[: LEVELS.index(BEST) + 1]
