"""The roofline: the best of some convolutions, and the median copy with its interval."""

import threading
import time

import pytest

from ssd_core.profiling import roofline
from ssd_core.profiling.roofline import copy_times_ns, measure
from ssd_core.stats.steadiness import interval_of_median
from ssd_core.worker.client import Worker

MS = 1_000_000


def test_the_bandwidth_is_of_the_median_copy_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    times_ns = [float(ms * MS) for ms in (50, 48, 47, 53, 49, 51, 52, 90, 50, 50)]
    monkeypatch.setattr(roofline, "copy_times_ns", lambda threads: times_ns)
    found = measure([], 1, 2)
    assert found["multiply_adds_per_s"] == {}
    assert found["bytes_per_s"] == pytest.approx(2 * 2**30 / 0.050)
    low, high = found["bytes_per_s_interval"]
    ends = interval_of_median(times_ns)
    assert ends is not None
    assert (low, high) == pytest.approx((2 * 2**30 / (ends[1] * 1e-9), 2 * 2**30 / (ends[0] * 1e-9)))
    assert low < found["bytes_per_s"] < high


class Clock(threading.local):
    """Moves by a millisecond each time that its thread looks at it."""

    now_ns = 0

    def __call__(self) -> int:
        self.now_ns += MS
        return self.now_ns


@pytest.mark.parametrize("threads", [1, 3])
def test_a_copy_takes_its_threads_cpu_time(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "thread_time_ns", Clock())
    assert copy_times_ns(threads, copies=4, copied_bytes=3 << 20) == pytest.approx([MS] * 4)


def test_the_worker_measures_it(worker: Worker) -> None:
    found = worker.roofline(["int8"], 1, 1)
    low, high = found.bytes_per_s_interval
    assert 0 < low <= found.bytes_per_s <= high
    assert found.multiply_adds_per_s["int8"] > 0
