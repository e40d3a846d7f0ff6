"""A queue in front of a network, simulated from measured service times: at which rate does the tail keep its bound?

Requests arrive as a Poisson process and wait in one queue. A free stream takes what has arrived, up to the batch size;
if the batch is not full it waits until the first request's timeout. So does `worker/serving.py`, step by step.
"""

import heapq
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssd_core.stats.samples import NS_PER_SECOND
from ssd_core.stats.served import Served, Times, poisson

_LOWEST = 1 / 64  # of the capacity: no lower rate is tried
_STEP, _HALVINGS = 0.8, 8  # of a rate, until one keeps the bound; then of the last step, to 0.1 %
IDLE_NS = (1_000_000, 10_000_000, 30_000_000, 100_000_000, 300_000_000)
"""Ends of the ranges of idle time before a batch: a network that idled is slower, on some machines twice as slow."""
_LEAST = 5  # batches in a range that say how much slower
_ALIKE = 0.03  # of the time: a smaller difference is none
_SUCCESSIVE = 25  # times that a simulation takes in the order they were measured


@dataclass(frozen=True)
class Service:
    """Inference times: the mean (ns) by batch size without idle time before, and times over it by range of idle time.

    `ratios` has one array per range of `IDLE_NS`, and one for longer times. Sizes in between are interpolated.
    """

    means_ns: Mapping[int, float]
    ratios: tuple[NDArray[np.float64], ...]

    @classmethod
    def of(cls, runs: Sequence[Served]) -> "Service":
        """The times of all batches of some runs, of which one at least had no idle time before its batches."""
        sizes, times, idle = (np.concatenate(parts) for parts in zip(*map(_batches, runs), strict=True))
        busy = idle < IDLE_NS[0]
        means = {int(size): float(times[busy & (sizes == size)].mean()) for size in np.unique(sizes[busy])}
        ratios = times / np.interp(sizes, list(means), list(means.values()))
        ranges = np.searchsorted(IDLE_NS, idle, side="right")
        known = [ratios[ranges == place] for place in range(len(IDLE_NS) + 1)]
        for place in range(1, len(known)):
            alike = len(known[place]) >= _LEAST and abs(np.median(known[place]) - np.median(known[0])) < _ALIKE
            if alike or len(known[place]) < _LEAST:  # what is not known is as after the next shorter time
                known[place] = known[0] if alike else known[place - 1]
        return cls(means, tuple(known))

    @classmethod
    def of_times(cls, measured: Mapping[int, Sequence[int]]) -> "Service":
        """Times (ns) by batch size that do not depend on idle time."""
        means = {size: float(np.mean(measured[size])) for size in sorted(measured)}
        ratios = np.concatenate([np.asarray(measured[size]) / means[size] for size in means])
        return cls(means, (ratios,) * (len(IDLE_NS) + 1))

    def mean_ns(self, size: int) -> float:
        """The mean time of a batch of this size without idle time before."""
        return float(np.interp(size, list(self.means_ns), list(self.means_ns.values())))

    @property
    def depends_on_idle(self) -> bool:
        """Whether idle time matters."""
        return any(one is not self.ratios[0] for one in self.ratios)


def _batches(run: Served) -> tuple[Times, NDArray[np.float64], Times]:
    """Size, time and idle time before of each batch."""
    firsts = np.cumsum(run.sizes) - run.sizes
    idle_ns = np.maximum(run.arrived_ns[firsts] - run.formed_ns[firsts], 0)
    return run.sizes, run.of_batches.astype(np.float64), idle_ns


@dataclass(frozen=True)
class Queue:
    """How requests are joined into batches."""

    streams: int = 1
    batch_size: int = 1
    batch_timeout_ns: int = 0

    def serve(self, arrived_ns: Times, service: Service, seed: int = 0) -> Served:
        """What happens to requests that arrive at these times; the seed draws the service times."""
        generator = np.random.default_rng(seed)
        if self.streams == self.batch_size == 1 and not service.depends_on_idle:
            ratios = _drawn(service.ratios[0], len(arrived_ns), generator)
            return _one_by_one(arrived_ns, (service.mean_ns(1) * ratios).astype(np.int64))
        count = len(arrived_ns)
        formed, dispatched, ended = (np.zeros(count, np.int64) for _ in range(3))
        draws = [iter(_drawn(ratios, count, generator).tolist()) for ratios in service.ratios]
        means_ns = [service.mean_ns(size) for size in range(self.batch_size + 1)]
        free = [0] * self.streams
        arrivals = arrived_ns.tolist()
        first, open_ns = 0, 0
        sizes: list[int] = []
        while first < count:
            began = max(heapq.heappop(free), open_ns)  # one stream at a time forms a batch
            last = min(first + self.batch_size, count)
            start = max(began, arrivals[first])
            start = max(start, min(arrivals[last - 1], arrivals[first] + self.batch_timeout_ns))
            size = bisect_right(arrivals, start, first, last) - first
            batch = slice(first, first + size)
            formed[batch], dispatched[batch] = began, start
            ratio = next(draws[bisect_right(IDLE_NS, max(0, arrivals[first] - began))])
            end = start + int(means_ns[size] * ratio)
            ended[batch] = end
            heapq.heappush(free, end)
            sizes.append(size)
            first, open_ns = first + size, start
        batches, late = np.array(sizes, np.int64), np.zeros(0, np.int64)
        return Served(arrived_ns, formed, dispatched, ended, batches, late, self.streams, self.batch_size)

    def capacity(self, service: Service) -> float:
        """Requests a second with every batch full."""
        return self.streams * self.batch_size * NS_PER_SECOND / service.mean_ns(self.batch_size)

    def peak(self, service: Service, seed: int, requests: int, percent: float, bound_ms: float) -> float:
        """The highest rate at which this schedule of so many requests keeps the bound; 0 if none does."""

        def keeps(rate: float) -> bool:
            return self.serve(poisson(rate, requests, seed), service, seed).keeps(percent, bound_ms)

        high = self.capacity(service)
        low = high * _STEP
        while not keeps(low):  # from above: at a low rate a network that idles may break the bound as well
            high, low = low, low * _STEP
            if low < _LOWEST * self.capacity(service):
                return 0.0
        for _ in range(_HALVINGS):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if keeps(middle) else (low, middle)
        return low


def _one_by_one(arrived_ns: Times, service_ns: Times) -> Served:
    """One stream without batches: a request ends after those before it, or after its own arrival (Lindley 1952)."""
    worked_ns = np.cumsum(service_ns)
    ended_ns = worked_ns + np.maximum.accumulate(arrived_ns - (worked_ns - service_ns))
    free_ns = np.concatenate([[0], ended_ns[:-1]])
    nothing, ones = np.zeros(0, np.int64), np.ones(len(arrived_ns), np.int64)
    return Served(arrived_ns, free_ns, np.maximum(free_ns, arrived_ns), ended_ns, ones, nothing)


def _drawn(ratios: NDArray[np.float64], count: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Successive values from random places: a machine that is slow now is slow for a while."""
    starts = generator.integers(len(ratios), size=(count // _SUCCESSIVE + 1, 1))
    drawn: NDArray[np.float64] = ratios[(starts + np.arange(_SUCCESSIVE)) % len(ratios)].ravel()[:count]
    return drawn
