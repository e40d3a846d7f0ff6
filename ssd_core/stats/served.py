"""Served: when each request of a serving run arrived, was taken into a batch, was dispatched, and was answered."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssd_core.stats.samples import NS_PER_SECOND

Times = NDArray[np.int64]


@dataclass(frozen=True)
class Batches:
    """How requests are joined: at most so many in a batch, and how long the first one waits for others."""

    batch_size: int = 1
    batch_timeout_ns: int = 0


@dataclass(frozen=True)
class Served:
    """Requests in the order of their arrival, nanoseconds from the start of the run.

    `formed` is when a free stream began to form the request's batch, `dispatched` when the batch went to the network,
    `ended` when it was answered; all `[requests]`. A request that arrives while its batch is formed was not queued.
    """

    arrived_ns: Times
    formed_ns: Times
    dispatched_ns: Times
    ended_ns: Times
    sizes: Times
    """Requests in each batch, `[batches]`."""
    late_ns: Times
    """How late a stream that was free took the first request of a batch, for each such batch."""
    streams: int = 1
    batch_size: int = 1
    """The most requests in a batch."""

    @classmethod
    def of_arrays(cls, arrays: Sequence[Times], streams: int, batch_size: int) -> "Served":
        """From its `arrays`."""
        arrived_ns, formed_ns, dispatched_ns, ended_ns, sizes, late_ns = arrays
        return cls(arrived_ns, formed_ns, dispatched_ns, ended_ns, sizes, late_ns, streams, batch_size)

    @property
    def arrays(self) -> list[Times]:
        """Its arrays in the order of the fields."""
        return [self.arrived_ns, self.formed_ns, self.dispatched_ns, self.ended_ns, self.sizes, self.late_ns]

    @property
    def latency_ns(self) -> Times:
        """From the scheduled arrival to the answer, so that a late generator hides nothing."""
        return self.ended_ns - self.arrived_ns

    @property
    def queueing_ns(self) -> Times:
        """The wait for a free stream."""
        waits: Times = np.maximum(self.formed_ns - self.arrived_ns, 0)
        return waits

    @property
    def batching_ns(self) -> Times:
        """The wait for further requests of the batch."""
        return self.dispatched_ns - np.maximum(self.arrived_ns, self.formed_ns)

    @property
    def inference_ns(self) -> Times:
        """The network's time for the request's batch."""
        return self.ended_ns - self.dispatched_ns

    @property
    def of_batches(self) -> Times:
        """Inference time of each batch, `[batches]`."""
        firsts = np.cumsum(self.sizes) - self.sizes
        times: Times = self.inference_ns[firsts]
        return times

    @property
    def rate(self) -> float:
        """Requests a second, as they were scheduled."""
        return len(self.arrived_ns) * NS_PER_SECOND / float(self.arrived_ns[-1])

    @property
    def load(self) -> float:
        """The rate as a share of what the streams take with full batches; 0 if none was full. At 1 the queue grows."""
        full_ns = self.of_batches[self.sizes == self.batch_size]
        if not len(full_ns):
            return 0.0
        return self.rate * float(full_ns.mean()) / (self.streams * self.batch_size * NS_PER_SECOND)

    def latency_ms(self, percent: float) -> float:
        """A percentile of the latency."""
        return float(np.percentile(self.latency_ns, percent)) * 1e-6

    def keeps(self, percent: float, bound_ms: float) -> bool:
        """Whether the percentile of the latency keeps the bound, and the queue does not grow."""
        return self.latency_ms(percent) <= bound_ms and self.load < LARGEST_LOAD


LARGEST_LOAD = 0.98  # above it a queue is as good as one that grows


def poisson(rate: float, count: int, seed: int) -> Times:
    """When `count` requests of a Poisson process of `rate` a second arrive, in ns, `[count]`.

    Another rate stretches the same schedule.
    """
    gaps = np.random.default_rng(seed).exponential(1.0, count)
    arrivals: Times = (np.cumsum(gaps) * (NS_PER_SECOND / rate)).astype(np.int64)
    return arrivals
