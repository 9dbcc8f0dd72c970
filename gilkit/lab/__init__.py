"""The lab measures claims about Python's concurrency on the reader's own machine.

``import gilkit`` does not import it; ``gilkit.lab.cli`` is its command line. Like any other user of gilkit, the lab uses
only the public API.
"""
