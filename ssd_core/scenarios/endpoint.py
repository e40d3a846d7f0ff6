"""Endpoint: an open network that serves requests, and how long its batches took so far."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ssd_core.scenarios.inference import Inference, feed
from ssd_core.scenarios.protocol import Context
from ssd_core.stats.queue import Queue, Service
from ssd_core.stats.served import Batches, Served, poisson

_IMAGES = 8  # inputs in turn, at the least
_CALIBRATE_NS = 2_000_000_000  # of each batch size
_LEAST_BATCHES = 5  # of a stream and a size
_NS_PER_MS = 1_000_000


class Endpoint:
    """Serves bursts and schedules of random arrivals. `service` holds the batch times that it has learnt."""

    def __init__(self, inference: Inference, context: Context) -> None:
        case = inference.case
        self.inference = inference
        self.batches = Batches(case.batch_size, round(context.settings.server.batch_timeout_ms * _NS_PER_MS))
        self.queue = Queue(case.streams, self.batches.batch_size, self.batches.batch_timeout_ns)
        feed(inference.worker, context.timing_records(), max(_IMAGES, case.batch_size), context)
        self._seen: list[Served] = []

    @property
    def capacity(self) -> float:
        """Requests a second with every batch full."""
        return self.queue.capacity(self.service)

    def calibrate(self, bar: Any) -> None:
        """Measure the inference times by batch size, with all streams busy."""
        for size in self.sizes:
            bar.set_postfix_str(f"batches of {size}, alone")
            self.burst(size, 1)  # the warm-up
            first = self.burst(size, _LEAST_BATCHES)
            more = int(_CALIBRATE_NS / float(first.of_batches.mean()) / self.queue.streams)
            self._seen += [first, self.burst(size, max(1, more))]
            bar.update()
        self.learn(())

    @property
    def sizes(self) -> list[int]:
        """The batch sizes to measure: powers of two, and the largest."""
        largest = self.batches.batch_size
        return sorted({*(2**power for power in range(8) if 2**power < largest), largest})

    def burst(self, size: int, batches: int) -> Served:
        """Serve full batches, so many on each stream."""
        count = size * batches * self.queue.streams
        return self.inference.worker.serve(np.zeros(count, np.int64), Batches(size))

    def schedule(self, rate: float, requests: int, seed: int) -> Served:
        """Serve so many random arrivals at a rate."""
        return self.inference.worker.serve(poisson(rate, requests, seed), self.batches)

    def learn(self, served: Sequence[Served]) -> None:
        """Take the inference times of these runs into account."""
        self._seen += served
        self.service = Service.of(self._seen)
