import os
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.errors import UserError
from ssd_core.machine import affinity
from ssd_core.machine.affinity import Binding, Cpu


def write(root: Path, files: Mapping[str, object]) -> None:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{content}\n")


def machine(root: Path, sockets: Sequence[int], threads: int = 1, allowed: str = "", clusters: int = 1) -> Path:
    """A fake root: `sockets` cores on each socket, whose second hardware threads are numbered after all first ones."""
    cores = [(socket, core) for socket, count in enumerate(sockets) for core in range(count)]
    cpus = cores * threads
    files: dict[str, object] = {"sys/devices/system/cpu/online": f"0-{len(cpus) - 1}"}
    nodes: dict[int, list[int]] = {}
    for number, (socket, core) in enumerate(cpus):
        files[f"sys/devices/system/cpu/cpu{number}/topology/physical_package_id"] = socket
        files[f"sys/devices/system/cpu/cpu{number}/topology/core_id"] = core
        nodes.setdefault(socket * clusters + core * clusters // sockets[socket], []).append(number)
    for node, members in nodes.items():
        files[f"sys/devices/system/node/node{node}/cpulist"] = affinity.format_list(members)
    files["proc/self/status"] = (
        f"Name:\tpython\nCpus_allowed:\tff\nCpus_allowed_list:\t{allowed or f'0-{len(cpus) - 1}'}"
    )
    write(root, files)
    return root


@given(st.sets(st.integers(0, 300)))
def test_a_list_is_read_back_as_it_was_written(numbers: set[int]) -> None:
    assert affinity.parse_list(affinity.format_list(numbers)) == tuple(sorted(numbers))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0-3,8\n", (0, 1, 2, 3, 8)), ("", ()), ("\n", ()), ("5", (5,)), ("0-1,4-5", (0, 1, 4, 5))],
)
def test_kernel_lists_are_read(text: str, numbers: tuple[int, ...]) -> None:
    assert affinity.parse_list(text) == numbers


def test_short_forms_are_the_kernels() -> None:
    assert affinity.format_list([8, 0, 2, 1, 3]) == "0-3,8"
    assert affinity.format_list([4, 5]) == "4-5"
    assert affinity.format_list([]) == ""


def test_a_socket_has_its_hardware_threads(tmp_path: Path) -> None:
    root = machine(tmp_path, [2, 2], threads=2)
    assert affinity.cpus_of_socket(0, root) == (0, 1, 4, 5)
    assert affinity.cpus_of_socket(1, root) == (2, 3, 6, 7)
    assert affinity.online_cpus(root)[6] == Cpu(6, socket=1, core=0)


def test_a_socket_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No socket 2 on this machine: give --socket-id one of 0, 1\."):
        affinity.binding(2, None, machine(tmp_path, [2, 2]))


def test_a_machine_that_does_not_number_its_socket_has_socket_0(tmp_path: Path) -> None:
    root = machine(tmp_path, [4])
    write(root, {f"sys/devices/system/cpu/cpu{n}/topology/physical_package_id": -1 for n in range(4)})
    assert affinity.cpus_of_socket(0, root) == (0, 1, 2, 3)


def test_no_wish_is_no_binding(tmp_path: Path) -> None:
    assert affinity.binding(None, None, machine(tmp_path, [2])) is None


def test_a_socket_binds_cpus_and_memory(tmp_path: Path) -> None:
    root = machine(tmp_path, [2, 2], threads=2)
    assert affinity.binding(1, None, root) == Binding((2, 3, 6, 7), (1,))


def test_a_socket_cut_into_clusters_has_several_memory_nodes(tmp_path: Path) -> None:
    root = machine(tmp_path, [4, 4], clusters=2)
    assert affinity.binding(1, None, root) == Binding((4, 5, 6, 7), (2, 3))
    assert affinity.binding(1, 2, root) == Binding((4, 5), (2, 3))


def test_a_machine_without_memory_nodes_binds_cpus_alone(tmp_path: Path) -> None:
    root = machine(tmp_path, [2, 2])
    for path in (root / "sys/devices/system/node").glob("*/cpulist"):
        path.unlink()
    assert affinity.binding(0, None, root) == Binding((0, 1), None)


def test_cores_are_taken_one_hardware_thread_each(tmp_path: Path) -> None:
    root = machine(tmp_path, [2, 2], threads=2)
    assert affinity.binding(1, 2, root) == Binding((2, 3), (1,))
    assert affinity.binding(None, 3, root) == Binding((0, 1, 2), None)


def test_only_cpus_that_may_be_used_are_taken(tmp_path: Path) -> None:
    root = machine(tmp_path, [2, 2], threads=2, allowed="1,5-7")
    assert affinity.binding(0, None, root) == Binding((1, 5), (0,))
    assert affinity.binding(None, 3, root) == Binding((1, 6, 7), None)


@pytest.mark.parametrize("count", [0, -1, 5])
def test_cores_that_are_not_to_be_had_are_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(UserError, match="give 1 to 4"):
        affinity.binding(None, count, machine(tmp_path, [2, 2], threads=2))


def test_a_socket_out_of_reach_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no CPU of socket 1, only on 0-1"):
        affinity.binding(1, None, machine(tmp_path, [2, 2], allowed="0-1"))


@pytest.mark.parametrize(
    ("quota", "count"), [("max 100000", 8), ("350000 100000", 3), ("50000 100000", 1), ("99 1", 8)]
)
def test_threads_follow_the_quota(tmp_path: Path, quota: str, count: int) -> None:
    root = machine(tmp_path, [8])
    write(
        root,
        {
            "proc/self/cgroup": "0::/",
            "proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
            "sys/fs/cgroup/cpu.max": quota,
        },
    )
    assert affinity.default_thread_count(root) == count


def test_threads_follow_the_affinity(tmp_path: Path) -> None:
    assert affinity.default_thread_count(machine(tmp_path, [8], allowed="2-4")) == 3


def test_this_machine_can_be_read() -> None:
    assert set(affinity.available_cpus()) == os.sched_getaffinity(0)
    assert {cpu.number for cpu in affinity.online_cpus()} >= os.sched_getaffinity(0)
    assert 1 <= affinity.default_thread_count() <= len(os.sched_getaffinity(0))


def test_a_process_binds_itself_and_the_kernel_says_so() -> None:
    cpu = affinity.available_cpus()[-1]
    code = (
        "from ssd_core.machine import affinity\n"
        "from ssd_core.machine import process\n"
        f"affinity.bind(affinity.Binding(({cpu},), (0,)))\n"
        "print(affinity.available_cpus(), process.memory_policy().nodes)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed == f"({cpu},) (0,)\n"


def test_cpus_that_the_kernel_refuses_are_named() -> None:
    with pytest.raises(UserError, match="refused to bind to CPUs 1022"):
        affinity.bind(Binding((1022,)))


def test_memory_that_the_kernel_refuses_is_an_error_only_where_there_is_other_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None)
    monkeypatch.setattr(affinity, "_bind_memory", lambda _: "Operation not permitted")
    affinity.bind(Binding((0,), (0,)), machine(tmp_path / "one", [2]))
    with pytest.raises(UserError, match=r"node 0 \(Operation not permitted\)"):
        affinity.bind(Binding((0,), (0,)), machine(tmp_path / "two", [2, 2]))


def numactl(folder: Path, body: str) -> None:
    program = folder / "numactl"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_numactl_is_used_where_it_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    numactl(tmp_path, f'echo "$@" > {tmp_path}/asked')
    assert affinity.numactl_prefix(Binding((0, 1, 4), (1,))) == [
        str(tmp_path / "numactl"),
        "--physcpubind=0-1,4",
        "--membind=1",
    ]
    assert (tmp_path / "asked").read_text() == "--physcpubind=0-1,4 --membind=1 true\n"
    assert "--membind=1" not in affinity.numactl_prefix(Binding((0,)))


def test_numactl_is_not_used_where_it_fails_or_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert affinity.numactl_prefix(Binding((0,))) == []
    numactl(tmp_path, "echo set_mempolicy: Operation not permitted >&2; exit 1")
    assert affinity.numactl_prefix(Binding((0,))) == []
