from typing import SupportsIndex

from gilkit._typing import Threads

def spin(iterations: SupportsIndex, *, threads: Threads = None) -> int: ...
