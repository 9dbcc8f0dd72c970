"""Run the command ``gilkit`` as ``python -m gilkit``."""

import sys

from gilkit.lab.cli import main

if __name__ == "__main__":
    sys.exit(main())
