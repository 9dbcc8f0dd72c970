from typing import SupportsIndex

from gilkit._typing import Threads

def pi(samples: SupportsIndex, *, seed: SupportsIndex = 0, threads: Threads = None) -> float: ...
