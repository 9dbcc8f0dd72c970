"""Dask: a cluster of processes in which several threads call gilkit."""

from __future__ import annotations

import support
import work


def main() -> None:
    support.needs("distributed")
    from distributed import Client, LocalCluster

    options = {
        "n_workers": 2,
        "threads_per_worker": 2,
        "processes": True,
        "host": support.HOST,
        "dashboard_address": None,
    }
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        client.run(len, "the workers are there")
        asked = [(kind, seed) for seed in range(12) for kind in (*work.KINDS, "sleep")]
        found = client.map(work.answer, *zip(*asked, strict=True), pure=False)
        for (kind, seed), got in zip(asked, client.gather(found), strict=True):
            assert got == work.expected(kind, seed), f"{kind}/{seed}: {str(got)[:500]}"


if __name__ == "__main__":
    main()
