"""A worker of chosen durations in the place of TensorFlow's.

What it does is in the environment, in JSON: STAND_IN = {"ms": {"fp32": 40, "int8": 10}, "die": "int8"}; what is left
out has the values of `_DEFAULTS`.
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ssd_core.backends.protocol import OpenGraph, Opening
from ssd_core.backends.registry import OURS
from ssd_core.graph.contract import Detections
from ssd_core.graph.outline import precision_of, read_outline
from ssd_core.images.shards import count_records
from ssd_core.profiling.layers import Node, Roofline, Tensor
from ssd_core.stats.queue import Queue, Service
from ssd_core.stats.samples import NS_PER_SECOND
from ssd_core.stats.served import Batches, Served, Times, poisson
from ssd_core.worker.answers import Durations, ImageDetections, Trace, WorkerStatus
from ssd_core.worker.client import WorkerDied, WorkerSettings
from ssd_core.worker.loadgen import SAMPLES_PER_QUERY, Ask

VARIABLE = "STAND_IN"
NS_PER_MS = 1_000_000
_DEFAULTS: dict[str, Any] = {
    "ms": {"fp32": 40.0, "int8": 10.0, "bf16": 20.0},  # an image
    "noise": 0.005,  # the standard deviation of a step's logarithm
    "yardstick_ms": {"fp32": 3.0, "int8": 0.75, "bf16": 1.5},
    "sleep_s": 0.0,  # really slept in each call that runs steps
    "die": None,  # the precision whose worker dies when it runs
    "hang": None,  # the precision whose worker never ends a run
    "score": {},  # of the one detection of each image, by precision; without it nothing is detected
    "peak_gb": 0.5,
    "late_ms": 0.01,  # how late requests are taken
    "call": 0.1,  # the part of an image's time that a call takes for itself
    "loadgen": 1.0,  # LoadGen's figures over ours
    "valid": True,  # whether LoadGen's runs are
    "peers": 2.0,  # how many times as long another runtime takes
    "records": None,  # a folder with the demo's records and annotations; without it there is no demo
}
_KERNELS = {
    "fp32": ("src:f32::blocked:acdb::f0 wei:f32:a:blocked:A::f0", "brg_conv_fwd:avx512_core"),
    "int8": ("src:u8::blocked:acdb::f0 wei:s8:a:blocked:A::f0", "brg_conv_fwd:avx512_core_vnni"),
    "bf16": ("src:bf16::blocked:acdb::f0 wei:bf16:a:blocked:A::f0", "brg_conv_fwd:avx512_core_bf16"),
}
_FOREVER_S = 600
_BOX, _LABEL = (0.1, 0.2, 0.5, 0.6), 3


def plan() -> dict[str, Any]:
    """What the environment asks of the worker."""
    asked: dict[str, Any] = json.loads(os.environ.get(VARIABLE, "{}"))
    return _DEFAULTS | asked


def _precision_of(graph: Path) -> str:
    """The precision that a graph's name says, or that its operations say if it is a real one with another name."""
    return graph.stem if graph.stem in plan()["ms"] else precision_of(read_outline(graph))


class StandInWorker:
    """As much of a worker as the scenarios use."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.pid = os.getpid()
        self._generator = np.random.default_rng(662)
        self._images = 1
        self._precision = "fp32"
        self._streams = 1
        self._factor = 1.0
        self._shards: Sequence[Path] = ()

    def open(self, opening: Opening) -> OpenGraph:
        own = opening.backend == OURS
        self._precision = _precision_of(opening.model) if own else opening.precision
        self._streams = max(1, opening.streams)
        self._factor = 1.0 if own else plan()["peers"]
        threads = opening.num_inter_threads, opening.num_intra_threads
        replaced = (30.0, 3.0) if opening.fast else None
        sha256 = self._precision * 16
        return OpenGraph("batched", None, {"Conv2D": 1}, sha256, *threads, self._streams, replaced)

    def feed_dummy(self, batch_size: int, seed: int = 0) -> None:
        self._images = batch_size

    def feed_records(self, shards: Sequence[Path], batch_size: int, *_: int) -> None:
        self._images, self._shards = batch_size, shards

    def run(self, steps: int) -> Durations:
        wanted = plan()
        if wanted["die"] == self._precision:
            raise WorkerDied("The worker (process 1) died of SIGKILL during run.")
        time.sleep(_FOREVER_S if wanted["hang"] == self._precision else wanted["sleep_s"])
        typical = wanted["ms"][self._precision] * self._factor * self._images * self._streams + self.settings.delay_ms
        taken = self._series(typical, steps, wanted["noise"])
        return Durations(taken, taken)

    def serve(self, arrived_ns: Times, batches: Batches) -> Served:
        """In no time: what a queue in front of this network would do."""
        queue = Queue(self._streams, batches.batch_size, batches.batch_timeout_ns)
        served = queue.serve(arrived_ns, self._service(batches.batch_size), int(arrived_ns[-1]) % 1000)
        return replace(served, late_ns=np.full(3, int(plan()["late_ms"] * NS_PER_MS)))

    def serve_queries(self, queries: int, requests: int, batches: Batches) -> Served:
        """The same of queries, one after the other."""
        service, begun_ns, parts = self._service(batches.batch_size), 0, []
        queue = Queue(self._streams, batches.batch_size)
        for number in range(queries):
            served = queue.serve(np.full(requests, begun_ns, np.int64), service, number)
            begun_ns = int(served.ended_ns.max())
            parts.append(served.arrays)
        arrays = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
        return Served.of_arrays(arrays, self._streams, batches.batch_size)

    def loadgen(self, asked: Ask, batches: Batches, folder: Path) -> tuple[dict[str, Any], Served]:
        """What LoadGen would say if its figures were `loadgen` times ours."""
        factor = plan()["loadgen"]
        if asked.scenario == "Server":
            served = self.serve(poisson(asked.rate, asked.queries, asked.seed), batches)
        elif asked.scenario == "Offline":
            served = self.serve(np.zeros(asked.queries, np.int64), batches)
        else:
            requests = SAMPLES_PER_QUERY if asked.scenario == "MultiStream" else 1
            served = self.serve_queries(asked.queries, requests, batches)
        requests = len(served.arrived_ns) // asked.queries
        tail_ns = np.percentile(served.latency_ns.reshape(-1, requests).max(axis=1), asked.percentile)
        latency = f"{asked.percentile:.2f}_percentile_{'per_query_' if requests > 1 else ''}latency_ns"
        rate = len(served.arrived_ns) * NS_PER_SECOND / int(served.ended_ns.max())
        valid = {"validity": "VALID" if plan()["valid"] else "INVALID", "early_stopping_met": plan()["valid"]}
        return {**valid, latency: factor * tail_ns, "samples_per_second": factor * rate}, served

    def _service(self, batch_size: int) -> Service:
        """Inference times by batch size."""
        wanted = plan()
        image_ns = wanted["ms"][self._precision] * NS_PER_MS + self.settings.delay_ms * NS_PER_MS
        factors = np.exp(wanted["noise"] * self._generator.standard_normal(200))
        images = {size: wanted["call"] + (1 - wanted["call"]) * size for size in range(1, batch_size + 1)}
        return Service.of_times({size: (image_ns * one * factors).astype(int).tolist() for size, one in images.items()})

    def input_only(self, steps: int) -> list[int]:
        return self._series(2.0 * self._images, steps, plan()["noise"])

    def yardstick(self, precision: str, num_inter_threads: int, num_intra_threads: int, steps: int) -> list[int]:
        wanted = plan()
        return self._series(wanted["yardstick_ms"][precision], steps, wanted["noise"])

    def roofline(self, precisions: Sequence[str], num_inter_threads: int, num_intra_threads: int) -> Roofline:
        return Roofline(dict.fromkeys(precisions, 1e12), 2e10, (1.9e10, 2.1e10))

    def trace(self, steps: int) -> Trace:
        step_ns = self.run(steps).step_ns
        images, kernel, maps = (Tensor(shape, "float32", 4) for shape in ((1, 8, 8, 8), (3, 3, 8, 16), (1, 8, 8, 16)))
        layer = Node("conv", "_MklNativeConv2D", [ns // 2 for ns in step_ns], 1, images, kernel, maps)
        return Trace(step_ns, [layer])

    def detections(self, most: int | None = None, skip: int = 0) -> Iterator[ImageDetections]:
        score = plan()["score"].get(self._precision)
        found = [] if score is None else [score]
        images = count_records(self._shards)
        for number in range(1 + skip, (images if most is None else min(images, skip + most)) + 1):
            boxes = np.array([_BOX] * len(found), np.float32).reshape(-1, 4)
            detections = Detections(np.full(len(found), _LABEL), np.array(found, np.float32), boxes)
            yield ImageDetections(f"{number:012d}.jpg", 200, 300, detections)

    def status(self) -> WorkerStatus:
        peak_bytes = int(plan()["peak_gb"] * 1e9)
        return WorkerStatus(self.pid, peak_bytes, "malloc", None, (0,), "default", (), {"tensorflow": "stand-in"})

    def output_lines(self) -> list[str]:
        types, implementation = _KERNELS[self._precision]
        problem = "mb1_ic8oc16_ih8oh8kh3sh1dh0ph1_iw8ow8kw3sw1dw0pw1"
        line = (
            f"onednn_verbose,v1,primitive,exec,cpu,convolution,{implementation},forward_training,{types},,,{problem},1"
        )
        return [line]

    def pause(self) -> None: ...

    def reset_peak(self) -> bool:
        return True

    def close(self) -> None: ...

    def _series(self, typical_ms: float, steps: int, noise: float) -> list[int]:
        factors = np.exp(noise * self._generator.standard_normal(steps))
        series: list[int] = np.maximum(1, (typical_ms * NS_PER_MS * factors).astype(np.int64)).tolist()
        return series
