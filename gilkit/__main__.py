"""``python -m gilkit``: the same as the command ``gilkit``."""

import sys

from gilkit.lab.cli import main

if __name__ == "__main__":
    sys.exit(main())
