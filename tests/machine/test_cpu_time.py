"""CPU time: of the CPUs that are named, and of others than this process."""

import os
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.machine.cpu_time import CpuTime, Reading, cpu_time, time_of_processes

STAT = """\
cpu  40 4 8 400 20 2 6 10 30 0
cpu0 10 1 2 100 5 1 2 3 9 0
cpu1 20 2 4 200 10 1 3 5 10 0
cpu10 10 1 2 100 5 0 1 2 11 0
intr 5 1 2
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/stat").write_text(STAT)
    return tmp_path


def test_of_all_cpus_and_of_some(root: Path) -> None:
    assert cpu_time(root=root) == CpuTime(total=490, idle=420, steal=10)
    assert cpu_time([1], root) == CpuTime(total=245, idle=210, steal=5)
    assert cpu_time([0, 10], root) == CpuTime(total=245, idle=210, steal=5)


def test_an_old_kernel_reports_no_steal(root: Path) -> None:
    (root / "proc/stat").write_text("cpu  40 4 8 400\n")
    assert cpu_time(root=root) == CpuTime(452, 400, 0)


def test_others_by_hand() -> None:
    # Of two CPUs in 100 ns, 120 ns were busy, 70 of them with this process.
    assert Reading(0, 1000, 500, 2).others_until(Reading(100, 1120, 570, 2)) == 0.25
    assert Reading(5, 0, 0, 2).others_until(Reading(5, 0, 0, 2)) == 0


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**9), st.integers(0, 10**9)), min_size=2, max_size=9))
def test_the_mean_of_short_times_is_the_share_of_the_whole(parts: list[tuple[int, int, int]]) -> None:
    readings = [Reading(0, 0, 0, 3)]
    for wall_ns, busy_ns, own_ns in parts:
        last = readings[-1]
        readings.append(Reading(last.at_ns + wall_ns, last.busy_ns + busy_ns, last.own_ns + own_ns, 3))
    each = sum(a.others_until(b) * (b.at_ns - a.at_ns) for a, b in pairwise(readings))
    whole = readings[0].others_until(readings[-1]) * readings[-1].at_ns
    # Each share is rounded to 2^-53 of itself, and the largest is 10^9 / 3 of a time of 10^9 ns.
    assert each == pytest.approx(whole, rel=1e-9, abs=1.0)


def test_this_process_is_not_another() -> None:
    cpus = sorted(os.sched_getaffinity(0))
    before, ends_s = Reading.of(cpus), time.process_time() + 0.3
    while time.process_time() < ends_s:
        pass
    now = Reading.of(cpus)
    assert now.own_ns - before.own_ns >= 0.3e9
    assert now.busy_ns - before.busy_ns >= 0.2e9, "the kernel counts in ticks"


def test_the_time_of_processes_by_their_command_lines(tmp_path: Path) -> None:
    for number, command, user, system in (("7", "ray::idle", 3, 4), ("8", "/x/ray/raylet", 1, 0), ("9", "bash", 5, 5)):
        folder = tmp_path / "proc" / number
        folder.mkdir(parents=True)
        (folder / "cmdline").write_bytes(command.encode() + b"\0--more\0")
        before = "S 1 7 7 0 -1 4194304 0 0 0 0"  # fields 3 to 13
        (folder / "stat").write_text(f"{number} (a) name) {before} {user} {system} 0 0 20\n")
    (tmp_path / "proc" / "10").mkdir()  # it ended meanwhile
    tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    found = time_of_processes(lambda command: "ray" in command, tmp_path)
    assert found == {7: 7 * tick_ns, 8: tick_ns}
