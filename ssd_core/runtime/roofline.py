"""What the machine can do at most: its best rate of multiply-adds and its bandwidth, measured. Runs in the worker."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ssd_core.runtime.yardstick import Yardstick
from ssd_core.runtime.yardstick_shape import FAST_SHAPES, multiply_adds

_STEPS = 5
_COPIES = 10
_COPIED_BYTES = 256 << 20  # beyond what caches hold


def measure(precisions: Sequence[str], num_inter_threads: int, num_intra_threads: int) -> dict[str, Any]:
    """`multiply_adds_per_s` by precision, the best of some convolutions; `bytes_per_s` of a copy, both ways counted."""
    peaks = {p: _peak(p, num_inter_threads, num_intra_threads) for p in precisions}
    return {"multiply_adds_per_s": peaks, "bytes_per_s": _bandwidth(num_intra_threads)}


def _peak(precision: str, num_inter_threads: int, num_intra_threads: int) -> float:
    rates = []
    for batch_size, size in FAST_SHAPES:
        yardstick = Yardstick(precision, num_inter_threads, num_intra_threads, batch_size, size)
        rates.append(multiply_adds(batch_size, size) / (int(yardstick.run(_STEPS).min()) * 1e-9))
        yardstick.close()
    return max(rates)


def _bandwidth(threads: int) -> float:
    source = np.ones(_COPIED_BYTES, np.uint8)
    target = np.zeros(_COPIED_BYTES, np.uint8)
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    times_ns = []
    with ThreadPoolExecutor(threads) as pool:  # a copy lets go of Python's lock
        for _ in range(_COPIES):
            start = time.perf_counter_ns()
            list(pool.map(lambda part: np.copyto(*part), parts))
            times_ns.append(time.perf_counter_ns() - start)
    return 2 * _COPIED_BYTES / (min(times_ns) * 1e-9)
