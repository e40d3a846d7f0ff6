"""What the peers' sessions share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ssd_core.backends.protocol import Opening, Session
from ssd_core.graph.contract import INPUT, Contract, Detections
from ssd_core.network.detections import MIN_SIZE

Rows = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]
"""Classes [K], scores [K] and boxes [K, 4], in any order."""


class PeerSession(Session):
    """A network open in a peer's runtime. Its batch is fixed, as the runtimes like it best."""

    num_inter_threads = 1

    def __init__(self, opening: Opening, sha256: str, operation_counts: dict[str, int]) -> None:
        self.sha256 = sha256
        self.operation_counts = operation_counts
        self.num_intra_threads = opening.num_intra_threads
        self.contract = Contract(f"{opening.backend} {opening.scope}", INPUT, (), opening.batch_size)

    def close(self) -> None:
        """Let go of all that was opened."""
        self.calls = ()

    def _detections_of(self, rows_of: Callable[[int], Rows]) -> list[Detections]:
        """Each image's detections, of what a runtime found in it."""
        return [best_first(*rows_of(image)) for image in range(self.contract.fixed_batch or 0)]


def best_first(classes: npt.NDArray[Any], scores: npt.NDArray[Any], boxes: npt.NDArray[Any]) -> Detections:
    """One image's detections, copied out of what a runtime may write to again.

    Those under the least height and width are left out, which OpenVINO's suppression does not look at.
    """
    kept = np.flatnonzero(np.all(boxes[:, 2:] - boxes[:, :2] > MIN_SIZE, axis=1))
    order = kept[np.argsort(-scores[kept], kind="stable")]
    return Detections(
        classes[order].astype(np.int64), scores[order].astype(np.float32), boxes[order].astype(np.float32)
    )
