"""What the peers' sessions share: fed, timed and asked as ours are, so that the worker treats all alike."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssd_core.graph.contract import INPUT, Contract, Detections
from ssd_core.network.detections import MIN_SIZE
from ssd_core.peers.runtimes import Opening
from ssd_core.runtime.feed import Images
from ssd_core.runtime.session import Durations, time_steps

Call = Callable[[Images], list[npt.NDArray[Any]]]


class PeerSession(ABC):
    """A network open in a peer's runtime. Its batch is fixed, as the runtimes like it best."""

    postprocess_ms: tuple[float, float] | None = None
    num_inter_threads = 1

    def __init__(self, opening: Opening, path: Path, sha256: str, operation_counts: dict[str, int]) -> None:
        self.path = path
        self.sha256 = sha256
        self.operation_counts = operation_counts
        self.num_intra_threads = opening.threads
        self.contract = Contract(f"{opening.runtime} {opening.end}", INPUT, (), opening.batch_size)
        self.calls: tuple[Call, ...] = ()

    @property
    def streams(self) -> int:
        """How many batches are run side by side."""
        return len(self.calls)

    def run(self, next_images: Callable[[], Images], steps: int, delay_ms: float) -> tuple[Durations, Durations]:
        """The nanoseconds [steps] of inference alone, and of whole steps, as `InferenceSession.run` has them.

        Of several streams a step is over when each could have finished a batch: it ends with every `streams`-th batch.
        """
        if len(self.calls) == 1:
            return time_steps(self.calls[0], next_images, steps, delay_ms)
        step_ns = side_by_side(self.calls, next_images, steps)
        return step_ns, step_ns

    def detect(self, images: Images) -> list[Detections]:
        """The detections of each image of a batch, which may be smaller than the network's."""
        count = len(images)
        missing = (self.contract.fixed_batch or count) - count
        padded = np.pad(images, ((0, missing), (0, 0), (0, 0), (0, 0))) if missing else images
        return [large_enough(found) for found in self._detections(self.calls[0](padded))[:count]]

    @abstractmethod
    def _detections(self, outputs: list[npt.NDArray[Any]]) -> list[Detections]:
        """One image's detections each, best first, from what a call gave."""

    @abstractmethod
    def close(self) -> None:
        """End the session and its threads."""


def side_by_side(calls: Sequence[Call], next_images: Callable[[], Images], steps: int) -> Durations:
    """Run `steps` batches for each call, each call in a thread of its own; the nanoseconds between every so many ends.

    What a call raises ends the run and is raised here.
    """
    ends: list[int] = []
    waiting = iter(range(steps * len(calls)))
    lock = threading.Lock()

    def stream(call: Call) -> None:
        while True:
            with lock:
                if next(waiting, None) is None:
                    return
                images = next_images()
            call(images)
            ends.append(time.perf_counter_ns())  # atomic

    with ThreadPoolExecutor(len(calls)) as pool:
        start = time.perf_counter_ns()
        for future in [pool.submit(stream, call) for call in calls]:
            future.result()
    return np.diff([start, *sorted(ends)[len(calls) - 1 :: len(calls)]]).astype(np.int64)


def large_enough(found: Detections) -> Detections:
    """Those of at least the least height and width, which the runtimes' own suppression does not look at."""
    kept = np.all(found.boxes[:, 2:] - found.boxes[:, :2] > MIN_SIZE, axis=1)
    return Detections(found.classes[kept], found.scores[kept], found.boxes[kept])


def best_first(classes: npt.NDArray[Any], scores: npt.NDArray[Any], boxes: npt.NDArray[Any]) -> Detections:
    """One image's rows, copied out of what a runtime may write to again."""
    order = np.argsort(-scores, kind="stable")
    return Detections(
        classes[order].astype(np.int64), scores[order].astype(np.float32), boxes[order].astype(np.float32)
    )
