"""What every session has, whichever runtime it is of: it is fed, timed and asked for detections all the same way."""

import contextlib
import gc
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssd_core.graph.contract import Contract, Detections
from ssd_core.worker.feed import Images
from ssd_core.worker.streams import Call, Durations, Streams


class Session(ABC):
    """A network open for inference. `calls` runs it: one callable a stream, images [N, 300, 300, 3] -> its outputs."""

    path: Path
    sha256: str
    contract: Contract
    operation_counts: dict[str, int]
    postprocess_ms: tuple[float, float] | None = None
    num_inter_threads: int
    num_intra_threads: int
    calls: tuple[Call, ...]
    _streams: Streams | None = None

    def run(self, next_images: Callable[[], Images], steps: int, delay_ms: float) -> tuple[Durations, Durations]:
        """Run `steps` batches; the nanoseconds [steps] of the call alone (`session.run`), and of whole steps.

        A whole step is from the end of the last one to the end of this one: the wait for its batch is in it. A delay
        is slept inside what is timed, to stand for a slower graph. With several streams a step is a batch of each, and
        they run on until `pause`: both are then whole steps (see `streams.py`).
        """
        if len(self.calls) > 1:
            self._streams = self._streams or Streams(self.calls, next_images)
            with self._failures():
                step_ns = self._streams.run(steps, delay_ms)
            return step_ns, step_ns
        run_ns, step_ns = np.zeros(steps, np.int64), np.zeros(steps, np.int64)
        call, clock, delay_s = self.calls[0], time.perf_counter_ns, delay_ms / 1000
        with without_collection(), self._failures():
            last_end = clock()
            for step in range(steps):
                images = next_images()
                start = clock()
                if delay_s:
                    time.sleep(delay_s)
                call(images)
                end = clock()
                run_ns[step] = end - start
                step_ns[step] = end - last_end
                last_end = end
        return run_ns, step_ns

    def pause(self) -> None:
        """End the threads of streams that still run from the last `run`; with one stream there are none."""
        if self._streams is not None:
            self._streams.pause()
            self._streams = None

    def detect(self, images: Images) -> list[Detections]:
        """The detections of each image of a batch [N, 300, 300, 3], which may be smaller than the graph's fixed one."""
        count = len(images)
        missing = (self.contract.fixed_batch or count) - count
        padded = np.pad(images, ((0, missing), (0, 0), (0, 0), (0, 0))) if missing else images
        with self._failures():
            return self._detections(self.calls[0](padded))[:count]

    @abstractmethod
    def close(self) -> None:
        """End it, with its threads and its memory."""

    def _detections(self, outputs: list[npt.NDArray[Any]]) -> list[Detections]:
        """One image's detections each, of what a call gave."""
        return self.contract.detections(outputs)

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """Make a UserError of what the runtime raises when it fails."""
        yield


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Keep Python's garbage collector out of what is timed."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
