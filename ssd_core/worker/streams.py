"""Streams, for throughput at small batches. Several sessions share the cores. One thread runs each.

A *step* is as many finished batches as there are streams, from any of them. It lasts from the last completion of one
such group to that of the next. Streams go on between two calls of `run`, so that no steps end with idle cores.
"""

import gc
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ssd_core.backends.protocol import Call, Images

Durations = npt.NDArray[np.int64]

_UNASKED_NS = 2_000_000_000  # without a call of `run` for so long, streams end by themselves


class Streams:
    """Runs `calls` side by side, a thread each, on the batches that `next_images` gives to one at a time."""

    def __init__(self, calls: Sequence[Call], next_images: Callable[[], Images]) -> None:
        self._calls = calls
        self._next_images = next_images
        self._feeding = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()  # guards all below
        self._ends_ns: list[int] = []  # when batches were finished, from the last one that was handed out
        self._starting = 0  # completions still to be left out
        self._wanted: int | None = None  # how many `_ends_ns` are waited for, if any are
        self._asked_ns = 0  # when the last wait ended
        self._stopping = False
        self._error: BaseException | None = None

    def run(self, steps: int, delay_ms: float) -> Durations:
        """The nanoseconds [steps] of the next steps; those finished since the last call come first.

        The first step after a start is left out. A delay is slept before each batch, inside what is timed. An
        error of a stream is raised here, once all have ended.
        """
        count = len(self._calls)
        wanted = steps * count + 1
        with self._changed:
            self._wanted = wanted  # from here on no stream ends by itself
        if self._stopping and self._error is None:
            self.pause()
        if not self._threads:
            self._start(delay_ms / 1000)
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or len(self._ends_ns) >= wanted)
            self._wanted, self._asked_ns = None, time.perf_counter_ns()
            ends_ns = np.asarray(self._ends_ns[:wanted:count], np.int64)
            del self._ends_ns[: wanted - 1]
            error = self._error
        if error is not None:
            self.pause()
            raise error
        return ends_ns[1:] - ends_ns[:-1]

    def pause(self) -> None:
        """End all threads, and discard what they have done since the last call of `run`."""
        self._stopping = True
        for thread in self._threads:
            thread.join()
        if self._threads:
            gc.enable()
        self._threads, self._ends_ns, self._stopping, self._error = [], [], False, None

    def _start(self, delay_s: float) -> None:
        gc.collect()
        gc.disable()  # until they are paused, because collection would be timed
        self._starting = len(self._calls) - 1  # time begins at the last completion of the first round
        self._threads = [threading.Thread(target=self._stream, args=(call, delay_s)) for call in self._calls]
        for thread in self._threads:
            thread.start()

    def _stream(self, call: Call, delay_s: float) -> None:
        try:
            while not self._stopping:
                with self._feeding:
                    images = self._next_images()
                if delay_s:
                    time.sleep(delay_s)
                call(images)
                self._finished()
        except BaseException as error:
            with self._changed:
                self._error = self._error or error
                self._stopping = True
                self._changed.notify()

    def _finished(self) -> None:
        with self._changed:
            now_ns = time.perf_counter_ns()
            if self._starting:
                self._starting -= 1
                return
            self._ends_ns.append(now_ns)
            if self._wanted is None:
                self._stopping |= now_ns - self._asked_ns > _UNASKED_NS
            elif len(self._ends_ns) >= self._wanted:
                self._changed.notify()
