"""A Dask cluster of processes with TLS: the ten tasks, pi, and clients without the credentials."""

from .usage import clock


def square(n):
    return n * n


def darts(samples, seed):
    import gilkit

    return gilkit.pi(samples, seed=seed, threads=1)


def cluster(workers, samples):
    """Time the start, the ten tasks and pi in one part per worker; report whether outside clients were refused."""
    import logging
    import tempfile
    import warnings

    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)  # Dask logs the refusal as an error
    from distributed import Client, LocalCluster
    from distributed.security import Security

    security = Security.temporary()
    start = clock()
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            security=security,
            protocol="tls://",
            host="127.0.0.1",
            dashboard_address=":0",
            local_directory=folder,
        ) as cluster,
        Client(cluster, security=security) as client,
    ):
        client.wait_for_workers(workers)
        started = clock() - start

        begin = clock()
        squares = client.gather(client.map(square, range(10)))
        tasks = clock() - begin

        parts = [client.submit(darts, samples // workers, seed, pure=False) for seed in range(workers)]
        client.gather(parts)  # imports gilkit in each worker
        begin = clock()
        estimates = client.gather(
            [client.submit(darts, samples // workers, 100 + seed, pure=False) for seed in range(workers)]
        )
        parallel = clock() - begin
        begin = clock()
        client.submit(darts, samples // workers * workers, 7, pure=False).result()
        one = clock() - begin

        refusals = {
            "without TLS": _refused(cluster.scheduler_address.replace("tls://", "tcp://"), None),
            "with other credentials": _refused(cluster.scheduler_address, Security.temporary()),
        }
    return {
        "wall": clock() - start,
        "start": started,
        "tasks": tasks,
        "squares": squares,
        "pi": sum(estimates) / len(estimates),
        "parallel": parallel,
        "one": one,
        "refused": refusals,
    }


def _refused(address, security):
    from distributed import Client

    try:
        with Client(address, security=security, timeout="2s") as outsider:
            return outsider.submit(square, 3).result(timeout=2) != 9
    except Exception:  # whatever the error, the client was refused
        return True
