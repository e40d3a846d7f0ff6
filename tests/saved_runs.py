"""Files of results, as pytest-benchmark saves them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.simulated import lognormal

Benchmark = dict[str, Any]
BenchmarkMaker = Callable[..., Benchmark]
Saver = Callable[..., Path]

IDENTITY: dict[str, object] = {
    "cpu_model": "Example 9000",
    "isa_flags": ["avx2", "avx512_vnni"],
    "cores": 2,
    "sockets": 1,
    "numa_nodes": 1,
    "smt": False,
    "kernel": "6.1",
    "tensorflow": "tensorflow-cpu 2.21.0",
    "hostname": "here",
}


@pytest.fixture
def benchmark_of() -> BenchmarkMaker:
    """One benchmark as a file holds it; keywords replace entries of its extra_info.

    Its 200 durations have 2 % noise, so that their median is known to 0.18 %: the ratio of two to 0.25 %.
    """

    def make(
        kind: str = "throughput",
        precision: str = "int8",
        *,
        ms: float = 20.0,
        seed: int = 1,
        without: Sequence[str] = (),
        **changes: Any,
    ) -> Benchmark:
        durations = lognormal(np.random.default_rng(seed), 200, centre_ns=ms * 1e6).tolist()
        info: dict[str, Any] = {
            "schema_version": 1,
            "kind": kind,
            "precision": precision,
            "batch_size": 1,
            "num_inter_threads": 1,
            "num_intra_threads": 2,
            "graph_sha256": precision * 16,
            "graph_ops": {"Conv2D": 35, "MaxPool": 5},
            "data": {"kind": "dummy", "origin": "uniform"},
            "allocator": "malloc",
            "binding": {"cpus": [0, 1], "policy": "default"},
            "versions": {"tensorflow": "tensorflow-cpu 2.21.0"},
            "steady": True,
        }
        if kind == "accuracy":
            info["accuracy"] = {"AP": 0.4, "AP50": 0.7}
        else:
            info |= {
                "samples_ns": [durations],
                "yardstick_share": 0.8 * 20.0 / ms,
            }  # the machine is the same, whatever ms is
        info = {name: value for name, value in (info | changes).items() if name not in without}
        name = f"test_{kind}[{precision}-batch{info.get('batch_size')}-intra{info.get('num_intra_threads')}]"
        seconds = [duration * 1e-9 for duration in durations]
        return {
            "name": name,
            "fullname": f"bench/test_{kind}.py::{name}",
            "extra_info": info,
            "stats": {"median": float(np.median(seconds)), "rounds": len(seconds), "data": seconds},
        }

    return make


@pytest.fixture
def save(tmp_path: Path) -> Saver:
    """Writes benchmarks to a file and returns its path; keywords replace entries of the machine's identity."""

    def write(name: str, benchmarks: Sequence[Benchmark], *, plain: bool = False, **changes: object) -> Path:
        identity = {field: value for field, value in (IDENTITY | changes).items() if value is not None}
        machine: dict[str, Any] = {"node": "here", "release": "6.1", "cpu": {"brand_raw": "Example 9000", "count": 2}}
        if not plain:
            machine["identity"] = identity
        path = tmp_path / name
        content = {"machine_info": machine, "commit_info": {}, "benchmarks": list(benchmarks), "version": "5.3.1"}
        path.write_text(json.dumps(content))
        return path

    return write
