"""The kernels: thin modules that check arguments, release the GIL and call csrc."""
