"""The kernels: thin modules that check arguments, release the GIL and call the C code."""
