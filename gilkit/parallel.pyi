from typing import SupportsIndex

def parallel_for(
    n: SupportsIndex,
    kernel: object,
    data: object = None,
    *,
    threads: SupportsIndex | None = None,
    grain: SupportsIndex | None = None,
) -> None: ...
