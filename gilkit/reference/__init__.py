"""Pure-Python twins of the kernels: what each computes, in the plainest words.

They are the oracle of the tests and the pure-Python contender of the lab, and
need neither NumPy nor the compiled modules.
"""
