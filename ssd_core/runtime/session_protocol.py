"""What the worker asks of a session, whichever runtime it is of."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ssd_core.graph.contract import Contract, Detections
from ssd_core.runtime.feed import Images

Durations = npt.NDArray[np.int64]


class Session(Protocol):
    """A network open for inference; see `InferenceSession`, which is TensorFlow's."""

    path: Path
    sha256: str
    contract: Contract
    operation_counts: dict[str, int]
    postprocess_ms: tuple[float, float] | None
    num_inter_threads: int
    num_intra_threads: int

    @property
    def streams(self) -> int: ...  # noqa: D102

    def run(self, next_images: Callable[[], Images], steps: int, delay_ms: float) -> tuple[Durations, Durations]:
        """Run `steps` batches; the nanoseconds [steps] of inference alone, and of whole steps."""

    def detect(self, images: Images) -> list[Detections]:
        """The detections of each image of a batch."""

    def close(self) -> None:
        """End it, with its threads and its memory."""
