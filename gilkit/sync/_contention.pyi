from typing import NamedTuple, SupportsIndex

from gilkit.sync._counters import Counter

class ContentionResult(NamedTuple):
    threads: int
    increments: int
    expected: int
    counted: int
    retries: int
    seconds: float
    @property
    def lost(self) -> int: ...
    @property
    def ns_per_update(self) -> float: ...

def contend(
    counter: Counter,
    increments: SupportsIndex,
    *,
    threads: SupportsIndex,
    optimistic: bool = False,
    inside: int = 0,
    outside: int = 0,
    timeout: float | None = None,
) -> ContentionResult: ...

class PingPongResult(NamedTuple):
    threads: int
    laps: int
    seconds: float
    @property
    def switches(self) -> int: ...
    @property
    def ns_per_switch(self) -> float: ...

def ping_pong(laps: int, *, threads: int, timeout: float | None = None) -> PingPongResult: ...
