"""What the machine can do at most: its best rate of multiply-adds and its bandwidth, measured. Runs in the worker."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from threading import Barrier
from typing import Any

import numpy as np
import numpy.typing as npt

from ssd_core.profiling.yardstick import Yardstick
from ssd_core.profiling.yardstick_shape import FAST_SHAPES, multiply_adds
from ssd_core.stats.steadiness import interval_of_median

_STEPS = 5
_COPIES = 20
_COPIED_BYTES = 1 << 30
"""Of all threads together. It is more than caches hold, and each thread's part is large enough to be copied past them.

The C library does so from some size on, 256 MB where the cache is large; below it a copy has half the speed.
"""


def measure(precisions: Sequence[str], num_inter_threads: int, num_intra_threads: int) -> dict[str, Any]:
    """`multiply_adds_per_s` by precision, the best of some convolutions; `bytes_per_s` of a copy, both ways counted.

    `bytes_per_s_interval` is the 95 % confidence interval of that median.
    """
    peaks = {p: _peak(p, num_inter_threads, num_intra_threads) for p in precisions}
    times_ns = copy_times_ns(num_intra_threads)
    low_ns, high_ns = interval_of_median(times_ns) or (min(times_ns), max(times_ns))
    rate, *interval = (2 * _COPIED_BYTES / (ns * 1e-9) for ns in (median(times_ns), high_ns, low_ns))
    return {"multiply_adds_per_s": peaks, "bytes_per_s": rate, "bytes_per_s_interval": interval}


def _peak(precision: str, num_inter_threads: int, num_intra_threads: int) -> float:
    rates = []
    for batch_size, size in FAST_SHAPES:
        yardstick = Yardstick(precision, num_inter_threads, num_intra_threads, batch_size, size)
        rates.append(multiply_adds(batch_size, size) / (int(yardstick.run(_STEPS).min()) * 1e-9))
        yardstick.close()
    return max(rates)


def copy_times_ns(threads: int, copies: int = _COPIES, copied_bytes: int = _COPIED_BYTES) -> list[float]:
    """The nanoseconds [copies] that threads take to copy so many bytes, each its own part at the same time.

    This is CPU time: it includes the wait for memory, but not the wait for a CPU that another program uses.
    """
    part_bytes = copied_bytes // threads
    together = Barrier(threads)

    def rates(_: int) -> npt.NDArray[np.float64]:
        source, target = (np.ones(part_bytes, np.uint8) for _ in range(2))  # memory near the thread that copies it
        times_ns = np.zeros(1 + copies)
        for copy in range(1 + copies):
            together.wait()
            start_ns = time.thread_time_ns()
            np.copyto(target, source)  # releases Python's lock
            times_ns[copy] = time.thread_time_ns() - start_ns
        return part_bytes / times_ns[1:]

    with ThreadPoolExecutor(threads) as pool:
        of_all = np.sum(list(pool.map(rates, range(threads))), axis=0)
    return [float(copied_bytes / rate) for rate in of_all]
