import subprocess
import sys
from pathlib import Path

import pytest

from ssd_core.machine import process

STATUS = "Name:\tpython\nVmHWM:\t  526116 kB\nVmRSS:\t  500000 kB\nMems_allowed_list:\t0-1\n"


def root(folder: Path, **files: str) -> Path:
    (folder / "proc/self").mkdir(parents=True)
    for name, content in files.items():
        (folder / "proc/self" / name).write_text(content)
    return folder


def test_the_peak_is_in_bytes(tmp_path: Path) -> None:
    assert process.peak_memory_bytes(root(tmp_path, status=STATUS)) == 526116 * 1024


def test_a_library_may_lie_in_a_folder_of_any_name(tmp_path: Path) -> None:
    folder = root(tmp_path, status=STATUS)
    (folder / "proc/self/numa_maps").write_bytes(b"7f00 default file=/caf\xe9/lib.so\n55e4 bind:1 heap anon=5\n")
    assert process.memory_policy(folder) == process.MemoryPolicy("bind", (1,))


# In a process of its own: in this one other tests have left a peak that a block of 64 MiB does not raise.
FOLLOW = """
from ssd_core.machine import process
block = b"x" * (64 << 20)
high = process.peak_memory_bytes()
del block
print(high, process.reset_peak(), process.peak_memory_bytes())
"""


def test_a_peak_follows_what_is_used_and_can_begin_anew() -> None:
    printed = subprocess.run([sys.executable, "-c", FOLLOW], capture_output=True, text=True, check=True).stdout
    high, begun, low = printed.split()
    assert int(high) > 64 << 20
    if begun == "False":
        pytest.skip("this kernel does not let the peak be reset")
    assert int(low) < int(high) - (32 << 20)


def test_a_kernel_that_keeps_its_peak_says_so(tmp_path: Path) -> None:
    assert process.reset_peak(tmp_path) is False


@pytest.mark.parametrize(
    ("policy", "mode", "nodes"),
    [
        ("default", "default", (0, 1)),
        ("bind:1", "bind", (1,)),
        ("bind=static:0-1", "bind", (0, 1)),
        ("interleave:0,3", "interleave", (0, 3)),
        ("prefer:1", "prefer", (1,)),
        ("local", "local", (0, 1)),
    ],
)
def test_the_policy_is_the_heaps(tmp_path: Path, policy: str, mode: str, nodes: tuple[int, ...]) -> None:
    numa_maps = (
        "55cc28e7a000 interleave:0-1 file=/usr/bin/python3 mapped=2 N0=2 kernelpagesize_kB=4\n"
        f"55cc29e7a000 {policy} heap anon=2 dirty=2 N0=2 kernelpagesize_kB=4\n"
    )
    assert process.memory_policy(root(tmp_path, status=STATUS, numa_maps=numa_maps)) == process.MemoryPolicy(
        mode, nodes
    )


def test_without_numa_every_allowed_node_is_used(tmp_path: Path) -> None:
    assert process.memory_policy(root(tmp_path, status=STATUS)) == process.MemoryPolicy("default", (0, 1))


def test_this_process_can_be_asked() -> None:
    assert process.memory_policy().nodes
    assert process.thread_names()
