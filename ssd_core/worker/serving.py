"""Serving: requests that arrive at given times are joined into batches and run on the session's streams.

A request arrives when its time has come: nothing generates it, so that arrivals take no CPU time from the network. A
stream that is free forms the next batch, one stream at a time: it waits for the first request, then for the batch to be
full or for the first request's timeout. `stats/queue.py` simulates the same queue.
"""

import gc
import threading
import time
from collections.abc import Sequence

import numpy as np

from ssd_core.backends.protocol import Call, Images
from ssd_core.stats.served import Served, Times

_BEGIN_NS = 20_000_000  # until the streams' threads have started
_SPIN_NS = 3_000_000  # before a time that is waited for: on a virtual machine a sleep may last so much longer


class Serving:
    """Serves one schedule; `images` [N, 300, 300, 3] are the requests' inputs, over and over."""

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
        self._sizes: list[int] = []
        self._late_ns: list[int] = []
        self._error: BaseException | None = None

    def run(self, arrived_ns: Times) -> Served:
        """Serve requests that arrive at these times, `[requests]` in ns, and wait for the last answer."""
        times = np.zeros((3, len(arrived_ns)), np.int64)
        self._begin_ns = time.perf_counter_ns() + _BEGIN_NS
        threads = [threading.Thread(target=self._stream, args=(call, arrived_ns, times)) for call in self._calls]
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
        sizes, late_ns = np.array(self._sizes, np.int64), np.array(self._late_ns, np.int64)
        return Served(arrived_ns, times[0], times[1], times[2], sizes, late_ns, len(self._calls), self._batch_size)

    def _stream(self, call: Call, arrived_ns: Times, times: Times) -> None:
        batch = np.empty((self._fixed_batch or self._batch_size, *self._images.shape[1:]), np.float32)
        try:
            while self._error is None:
                with self._forming:
                    formed_ns = self._now()
                    first, size = self._form(arrived_ns, formed_ns)
                    if not size:
                        return
                    images = self._filled(batch, first, size)
                    dispatched_ns = self._now()
                call(images)
                times[:, first : first + size] = np.array([[formed_ns], [dispatched_ns], [self._now()]])
        except BaseException as error:
            self._error = self._error or error

    def _form(self, arrived_ns: Times, formed_ns: int) -> tuple[int, int]:
        """The place of the next batch's first request, and its size, once it may go; a size of 0 after the last."""
        first = self._first
        if first == len(arrived_ns):
            return first, 0
        if arrived_ns[first] > formed_ns:
            self._wait(int(arrived_ns[first]))
            self._late_ns.append(self._now() - int(arrived_ns[first]))
        last = min(first + self._batch_size, len(arrived_ns))
        self._wait(int(min(arrived_ns[last - 1], arrived_ns[first] + self._timeout_ns)))
        size = max(1, int(np.searchsorted(arrived_ns[first:last], self._now(), side="right")))
        self._first = first + size
        self._sizes.append(size)
        return first, size

    def _filled(self, batch: Images, first: int, size: int) -> Images:
        """The inputs of the requests as one batch, which is as large as the graph wants it."""
        for place in range(size):
            batch[place] = self._images[(first + place) % len(self._images)]
        return batch if self._fixed_batch else batch[:size]

    def _wait(self, until_ns: int) -> None:
        left_ns = until_ns - self._now()
        if left_ns > _SPIN_NS:
            time.sleep((left_ns - _SPIN_NS) * 1e-9)
        while self._now() < until_ns:
            time.sleep(0)  # lets the other streams have Python

    def _now(self) -> int:
        return time.perf_counter_ns() - self._begin_ns
