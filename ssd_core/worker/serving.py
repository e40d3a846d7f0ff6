"""Serving: requests are joined into batches and run on the session's streams.

A stream that is free forms the next batch, one stream at a time: it waits for the first request, then for the batch to
be full or for the first request's timeout. `arrivals.py` says when requests arrive; `stats/queue.py` simulates this.
"""

import gc
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssd_core.backends.protocol import Call, Images
from ssd_core.stats.served import Served
from ssd_core.worker.arrivals import Arrivals


def delayed(call: Call, delay_ms: float) -> Call:
    """A call that sleeps first, to simulate slower code."""
    if not delay_ms:
        return call

    def slower(images: Images) -> list[NDArray[Any]]:
        time.sleep(delay_ms * 1e-3)
        return call(images)

    return slower


class Serving:
    """Serves requests; `images` [N, 300, 300, 3] are their inputs, over and over."""

    def __init__(
        self, calls: Sequence[Call], images: Images, batch_size: int, batch_timeout_ns: int, fixed_batch: int | None
    ) -> None:
        self._calls = calls
        self._images = images
        self._batch_size = batch_size
        self._timeout_ns = batch_timeout_ns
        self._fixed_batch = fixed_batch
        self._forming = threading.Lock()  # guards all below
        self._first = 0
        self._late_ns: list[int] = []
        self._batches: list[tuple[int, int, int, int]] = []
        """Size, and when it began to be formed, was dispatched and was answered; in the order of the requests."""
        self._error: BaseException | None = None

    def run(self, arrivals: Arrivals) -> Served:
        """Serve all requests, and wait for the last answer."""
        arrivals.begin()
        threads = [threading.Thread(target=self._stream, args=(call, arrivals)) for call in self._calls]
        gc.collect()
        gc.disable()  # collection would be timed
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            gc.enable()
        if self._error is not None:
            raise self._error
        batches = np.array(self._batches, np.int64).reshape(-1, 4)
        sizes, late_ns = batches[:, 0], np.array(self._late_ns, np.int64)
        formed_ns, dispatched_ns, ended_ns = (np.repeat(times, sizes) for times in batches[:, 1:].T)
        streams = len(self._calls)
        return Served(arrivals.all(), formed_ns, dispatched_ns, ended_ns, sizes, late_ns, streams, self._batch_size)

    def _stream(self, call: Call, arrivals: Arrivals) -> None:
        batch = np.empty((self._fixed_batch or self._batch_size, *self._images.shape[1:]), np.float32)
        try:
            while self._error is None:
                with self._forming:
                    formed_ns = arrivals.now()
                    first, size = self._form(arrivals, formed_ns)
                    if not size:
                        return
                    images = self._filled(batch, first, size)
                    place, dispatched_ns = len(self._batches), arrivals.now()
                    self._batches.append((size, formed_ns, dispatched_ns, 0))
                call(images)
                self._batches[place] = (size, formed_ns, dispatched_ns, arrivals.now())
                arrivals.answered(first, size)
        except BaseException as error:
            self._error = self._error or error
            arrivals.end()

    def _form(self, arrivals: Arrivals, formed_ns: int) -> tuple[int, int]:
        """The number of the next batch's first request, and its size, once it may go; a size of 0 after the last."""
        first = self._first
        arrived_ns = arrivals.first(first)
        if arrived_ns is None:
            return first, 0
        if arrived_ns > formed_ns:
            self._late_ns.append(arrivals.now() - arrived_ns)
        if self._timeout_ns and self._batch_size > 1:
            arrivals.more(first + self._batch_size - 1, arrived_ns + self._timeout_ns)
        size = max(1, min(self._batch_size, arrivals.count() - first))
        self._first = first + size
        return first, size

    def _filled(self, batch: Images, first: int, size: int) -> Images:
        """The inputs of the requests as one batch, which is as large as the graph wants it."""
        for place in range(size):
            batch[place] = self._images[(first + place) % len(self._images)]
        return batch if self._fixed_batch else batch[:size]
