"""A Ray cluster on this machine: a head without CPUs, and nodes that a test can add and kill."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 120.0  # that anything here may take, for a machine that stands still


class Nodes:
    """The cluster; every process of it ends with the block."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self.address: str = cluster.address
        self.head = cluster.head_node

    def add(self, cpus: int = 1, **options: Any) -> Any:
        """Start a node and wait until it is there."""
        return self._cluster.add_node(num_cpus=cpus, **options)

    def kill(self, node: Any) -> None:
        """SIGKILL to every process of a node, as when its machine loses power; returns when the head knows."""
        self.end(node)
        if node is not self.head:
            until(lambda: node.node_id not in {one["NodeID"] for one in self._nodes() if one["Alive"]})

    def end(self, node: Any) -> None:
        """SIGKILL to every process of a node, and to its workers, which would end their tasks first."""
        own = {one.process.pid for processes in node.all_processes.values() for one in processes}
        for pid in own | {child for child, parent in parents().items() if parent in own}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _nodes(self) -> Any:
        return self._cluster.global_state.node_table()


def parents() -> dict[int, int]:
    """The parent of each process, from /proc/PID/stat, whose second field is the name in brackets."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            found[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    return found


@contextmanager
def cluster() -> Iterator[Nodes]:
    """Start a head."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = Nodes(made)
    try:
        yield nodes
    finally:
        for node in made.list_all_nodes():
            nodes.end(node)


@contextmanager
def serving(**environment: str) -> Iterator[str]:
    """The address of a cluster of one node, in a process of its own with this environment."""
    with start("-c", _SERVE, **environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield next(line.split()[1] for line in process.stdout if line.startswith("ADDRESS "))
        finally:
            process.stdin.close()
            process.stdout.read()


_SERVE = """
import sys
from tests.scale.nodes import cluster
with cluster() as nodes:
    nodes.add()
    print("ADDRESS", nodes.address, flush=True)
    sys.stdin.read()
"""


def start(*arguments: object, **environment: str) -> "subprocess.Popen[str]":
    """Start this Python with some arguments at the root of the project."""
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until(happened: Callable[[], object]) -> None:
    """Wait until something has happened."""
    for _ in range(int(LONGEST_S / 0.05)):
        if happened():
            return
        time.sleep(0.05)
    raise AssertionError(f"it did not happen in {LONGEST_S:g} s")
