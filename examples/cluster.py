"""Compute on a cluster of processes on this machine: the same bits as one process, no more threads than cores."""

import numpy as np
from distributed import Client, LocalCluster

import gilkit
from gilkit.dask import ThreadBudget


def main() -> None:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(ThreadBudget())
        workers = client.get_executor(pure=False).map
        values = np.array_split(np.random.default_rng(1).standard_normal(1_000_000), 8)
        there = client.scatter(values)  # move the blocks to the workers

        assert gilkit.blocks.sum(there, map=workers) == gilkit.blocks.sum(values)
        assert gilkit.blocks.pi(10**7, map=workers) == gilkit.pi(10**7)
        print("threads of a call in each worker:", list(client.run(gilkit.num_threads).values()))


if __name__ == "__main__":
    main()
