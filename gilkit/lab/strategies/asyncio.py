"""The coroutines of an ``async def``, all at once in one event loop."""

from __future__ import annotations

import asyncio
from typing import Any

from ..custom import Custom
from ..strategy import Contender, Strategy
from ..workload import Workload


class Gather(Strategy):
    name = "asyncio"
    label = "asyncio.gather"
    parallel = False
    for_coroutines = True

    def obstacle(self, workload: Workload) -> str | None:
        return None if isinstance(workload, Custom) else f"{workload.name} has no coroutines"

    def open(self, workload: Workload, threads: int) -> Contender:
        assert isinstance(workload, Custom)
        start = workload.module.caller(workload.size["function"], workload.size["make"]).start

        async def together() -> list[Any]:
            return list(await asyncio.gather(*map(start, workload.inputs)))

        return Contender(lambda: asyncio.run(together()))
