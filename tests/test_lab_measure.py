"""Usage of processes as counted by the operating system."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from gilkit.lab import measure
from gilkit.lab.measure import Meter, Usage

BURN = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\n"


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_own_cpu_seconds():
    with Meter() as meter:
        burn(0.05)
    assert meter.usage.cpu == pytest.approx(0.05, abs=0.04)
    assert meter.usage.wall >= 0.045


def test_sleeping_uses_nothing():
    with Meter() as meter:
        time.sleep(0.2)
    assert meter.usage.wall >= 0.2
    assert meter.usage.cpu_percent < 50


def test_a_child_that_started_and_ended_counts():
    with Meter() as meter:
        subprocess.run([sys.executable, "-c", BURN.format(0.2)], check=True)
    assert meter.usage.cpu >= 0.19


def test_a_child_that_lives_through_it_counts_for_that_time_only():
    code = BURN.format(0.3) + "print(flush=True)\ninput()\n" + BURN.format(0.2) + "print(flush=True)\ninput()\n"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        child.stdout.readline()
        with Meter() as meter:
            child.stdin.write("\n")
            child.stdin.flush()
            child.stdout.readline()
        child.communicate("\n")
    assert 0.19 <= meter.usage.cpu <= 0.3


def test_a_child_that_ends_inside_counts_from_the_beginning_of_the_stretch():
    code = BURN.format(0.3) + "print(flush=True)\ninput()\n" + BURN.format(0.2)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        child.stdout.readline()
        with Meter() as meter:
            child.communicate("\n")
    assert 0.17 <= meter.usage.cpu <= 0.35


def test_process_cpu_of_this_process():
    before = sum(measure.process_cpu(os.getpid()))
    burn(0.05)
    assert 0.04 <= sum(measure.process_cpu(os.getpid())) - before <= 0.2


def test_a_process_that_is_gone_uses_nothing():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert measure.process_cpu(child.pid) == (0.0, 0.0)
    assert measure.descendants(child.pid) == []


def test_cpu_percent_is_of_one_core():
    usage = Usage(wall=2.0, user=3.0, system=0.5)
    assert usage.cpu_percent == 175.0
    assert Usage(0.0, 0.0, 0.0).cpu_percent == 0.0


def test_stretches_add_up():
    first, second = Usage(1.0, 2.0, 3.0, 4, 5), Usage(10.0, 20.0, 30.0, 40, 50)
    assert first + second == Usage(11.0, 22.0, 33.0, 44, 55)


def test_the_clock_leaves_out_what_it_is_told():
    start, real = measure.clock(), time.perf_counter()
    time.sleep(0.05)
    measure.leave_out(0.04)
    left, passed = measure.clock() - start, time.perf_counter() - real
    assert passed - left == pytest.approx(0.04, abs=0.005)


def test_where_there_are_no_cpu_clocks_of_processes(monkeypatch):
    exact = measure.process_cpu(os.getpid())
    monkeypatch.setattr(measure.sys, "platform", "other")
    ticks = measure.process_cpu(os.getpid())
    assert ticks == pytest.approx(exact, abs=0.3)
    assert all(value * 100 == pytest.approx(round(value * 100)) for value in ticks)  # the kernel counts in 0.01 s


def test_a_process_that_is_gone_has_not_switched():
    child = subprocess.Popen([sys.executable, "-c", ""])
    assert len(measure._switches(os.getpid())) == 2
    child.wait()
    assert measure._switches(child.pid) == (0, 0)
