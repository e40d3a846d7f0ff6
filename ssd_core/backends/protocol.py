"""What every backend does: it opens the network, gives one callable per stream, and describes what it opened.

The worker feeds and times all of them alike (`worker/steps.py`). `registry.py` lists the backends.
"""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from ssd_core.graph.contract import Contract, Detections

Images = npt.NDArray[np.float32]
Call = Callable[[Images], list[npt.NDArray[Any]]]
Scope = Literal["network", "detections"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""Where a network ends: at its raw predictions, or at the detections made from them."""


@dataclass(frozen=True)
class Opening:
    """How the network is opened: equal openings are the same session.

    `model` is a frozen graph for TensorFlow, and the folder that `models.make` wrote for the others. `streams` batches
    run side by side, each with `num_intra_threads` threads (0, in TensorFlow only: as many as there are CPUs). With
    0 streams the backend chooses their number, and all streams share the threads. Each stream has `requests_a_stream`
    requests under way; with more than one it does not wait for Python between two. `batch_size` 0 leaves the batch size
    open (TensorFlow only).
    """

    backend: str  # its name in the registry
    model: Path
    precision: str = "fp32"  # of a folder of models; a graph has its own
    scope: Scope = "detections"
    batch_size: int = 0
    num_inter_threads: int = 1
    num_intra_threads: int = 1
    streams: int = 1
    requests_a_stream: int = 1
    trust: bool = False  # load a graph even if it holds operations that inference does not need
    fast: bool = False  # replace the post-processing of an upstream graph by ours


def of_graph(path: Path, num_inter_threads: int = 0, num_intra_threads: int = 0, **more: Any) -> Opening:
    """How a frozen graph is opened in TensorFlow."""
    return Opening("tensorflow", path, num_inter_threads=num_inter_threads, num_intra_threads=num_intra_threads, **more)


@dataclass(frozen=True)
class OpenGraph:
    """What is open; thread counts are of the threads that were really started, per stream."""

    contract: str
    fixed_batch: int | None
    operation_counts: dict[str, int]
    sha256: str
    num_inter_threads: int
    num_intra_threads: int
    streams: int = 1
    postprocess_ms: tuple[float, float] | None = None
    """The time of an upstream graph's post-processing and that of ours, where ours replaced it."""


class Session(ABC):
    """A network open for inference. `calls` runs it: one callable a stream, images [N, 300, 300, 3] -> its outputs."""

    sha256: str
    contract: Contract
    operation_counts: dict[str, int]
    postprocess_ms: tuple[float, float] | None = None
    num_inter_threads: int
    num_intra_threads: int
    calls: tuple[Call, ...]

    def describe(self) -> OpenGraph:
        """What is open."""
        return OpenGraph(
            contract=self.contract.name,
            fixed_batch=self.contract.fixed_batch,
            operation_counts=self.operation_counts,
            sha256=self.sha256,
            num_inter_threads=self.num_inter_threads,
            num_intra_threads=self.num_intra_threads,
            streams=len(self.calls),
            postprocess_ms=self.postprocess_ms,
        )

    def detect(self, images: Images) -> list[Detections]:
        """The detections of each image of a batch [N, 300, 300, 3], which may be smaller than the graph's fixed one."""
        count = len(images)
        missing = (self.contract.fixed_batch or count) - count
        padded = np.pad(images, ((0, missing), (0, 0), (0, 0), (0, 0))) if missing else images
        with self.failures():
            return self._detections(self.calls[0](padded))[:count]

    @abstractmethod
    def close(self) -> None:
        """End the session, its threads and its memory. No call of it may still be running."""

    @contextlib.contextmanager
    def failures(self) -> Iterator[None]:
        """Turn what the backend raises into a UserError."""
        yield

    def _detections(self, outputs: list[npt.NDArray[Any]]) -> list[Detections]:
        """The detections of each image, from the outputs of a call."""
        return self.contract.detections(outputs)
