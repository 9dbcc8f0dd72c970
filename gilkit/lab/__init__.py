"""The lab: claims about Python's concurrency, measured on the reader's own machine.

Nothing of it is imported by ``import gilkit``; ``gilkit.lab.cli`` is the command line. The lab uses the public
facade only, like any other user of gilkit.
"""
