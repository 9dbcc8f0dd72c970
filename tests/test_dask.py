"""gilkit.dask: no oversubscription, and the same bits on any number of workers.

The tests use a cluster of processes on the loopback interface, bounded in number and time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gilkit
from gilkit import blocks

pytest.importorskip("distributed", reason="distributed is not installed: pip install 'gilkit[dask]'")
# Warnings of Dask and tornado themselves are not the subject here.
pytestmark = pytest.mark.filterwarnings("ignore")

from distributed import Client, LocalCluster  # noqa: E402

from gilkit.dask import ThreadBudget, budgets  # noqa: E402

TIMEOUT = 120


@pytest.fixture(autouse=True, scope="module")
def variables_restored():
    """A LocalCluster leaves OMP_NUM_THREADS=1 in the environment, which would limit gilkit in later processes."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@contextlib.contextmanager
def cluster(folder, workers, threads_per_worker=1):
    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=threads_per_worker,
            processes=True,
            host="127.0.0.1",
            dashboard_address=":0",
            local_directory=str(folder),
        ) as running,
        Client(running, timeout=TIMEOUT) as client,
    ):
        client.wait_for_workers(workers, timeout=TIMEOUT)
        yield running, client


def usable_cores():
    info = gilkit.info()
    return info["affinity"] if info["quota"] is None else min(info["affinity"], int(np.ceil(info["quota"])))


@given(cores=st.integers(1, 300), tasks=st.lists(st.integers(1, 40), min_size=1, max_size=70))
def test_budgets_never_exceed_the_cores(cores, tasks):
    found = budgets(cores, tasks)
    assert min(found) >= 1
    assert max(found) - min(found) <= 1  # evenly
    computing = sum(own + budget - 1 for own, budget in zip(tasks, found, strict=True))
    assert computing == max(cores, sum(tasks))


def test_bad_budget():
    with pytest.raises(ValueError, match="cores"):
        ThreadBudget(0)
    with pytest.raises(TypeError):
        ThreadBudget(2.5)


@pytest.mark.parametrize(("workers", "tasks"), [(1, 1), (2, 1), (3, 1), (1, 2)])
def test_all_threads_together_are_at_most_the_cores(tmp_path, workers, tasks):
    cores = usable_cores()
    with cluster(tmp_path, workers, tasks) as (_, client):
        client.register_plugin(ThreadBudget())
        told = client.run(gilkit.num_threads)
        assert sorted(told.values()) == sorted(budgets(cores, [tasks] * workers))
        client.gather(client.map(gilkit.pi, [30_000_000] * (4 * workers * tasks), pure=False))
        helpers = sum(info["workers"] for info in client.run(gilkit.info).values())
        assert workers * tasks + helpers <= max(cores, workers * tasks)


def wait_until(client, expected):
    until = time.monotonic() + TIMEOUT
    while sorted(client.run(gilkit.num_threads).values()) != expected:
        assert time.monotonic() < until, client.run(gilkit.num_threads)
        time.sleep(0.05)


def test_budgets_follow_the_workers(tmp_path):
    with cluster(tmp_path, 1) as (running, client):
        client.register_plugin(ThreadBudget(cores=7))
        assert list(client.run(gilkit.num_threads).values()) == [7]
        running.scale(3)
        client.wait_for_workers(3, timeout=TIMEOUT)
        wait_until(client, [2, 2, 3])
        assert max(client.gather([client.submit(gilkit.num_threads, pure=False) for _ in range(30)])) <= 3
        running.scale(2)
        wait_until(client, [3, 4])


def everything(values, points, mapped):
    return (
        blocks.sum(values, map=mapped),
        [part.tobytes() for part in blocks.histogram(values, 50, map=mapped)],
        blocks.pi(1_000_001, seed=1, parts=7, map=mapped),
        *(np.asarray(part).tobytes() for part in blocks.kmeans(points, centers(), map=mapped)),
    )


def centers():
    return np.arange(12.0).reshape(4, 3)


def test_any_number_of_workers_gives_the_same_bits(tmp_path):
    rng = np.random.default_rng(11)
    values = np.array_split(rng.standard_normal(200_000), 7)
    points = np.array_split(rng.standard_normal((20_000, 3)) + rng.integers(0, 4, (20_000, 1)) * 3, 7)
    expected = everything(values, points, map)
    whole = np.concatenate(values)
    assert expected[0] == gilkit.fsum(whole)
    assert expected[1] == [part.tobytes() for part in gilkit.histogram(whole, 50)]
    assert expected[2] == gilkit.pi(1_000_001, seed=1)
    for workers in (1, 2, 3):
        with cluster(tmp_path / str(workers), workers) as (_, client):
            client.register_plugin(ThreadBudget())
            mapped = client.get_executor(pure=False).map
            assert everything(values, points, mapped) == expected
            # Blocks that are stored in the workers.
            there = client.scatter(values), client.scatter(points)
            assert everything(*there, mapped) == expected


def test_example():
    example = Path(__file__).resolve().parent.parent / "examples" / "cluster.py"
    done = subprocess.run([sys.executable, example], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stderr
    assert "threads of a call in each worker:" in done.stdout
