"""Reference implementations of the kernels in plain Python.

The tests compare with them, and the lab races them as the pure-Python contender.
They need neither NumPy nor the compiled modules.
"""
