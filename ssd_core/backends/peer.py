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
    """A network open in a peer's runtime. Its batch is fixed, which suits the runtimes best."""

    num_inter_threads = 1

    def __init__(self, opening: Opening, sha256: str, operation_counts: dict[str, int]) -> None:
        self.sha256 = sha256
        self.operation_counts = operation_counts
        self.num_intra_threads = opening.num_intra_threads
        self.contract = Contract(f"{opening.backend} {opening.scope}", INPUT, (), opening.batch_size)

    def close(self) -> None:
        """Release all that was opened."""
        self.calls = ()

    def _detections_of(self, rows_of: Callable[[int], Rows]) -> list[Detections]:
        """Each image's detections, from the rows that a runtime gave for it."""
        return [best_first(*rows_of(image)) for image in range(self.contract.fixed_batch or 0)]


def best_first(classes: npt.NDArray[Any], scores: npt.NDArray[Any], boxes: npt.NDArray[Any]) -> Detections:
    """One image's detections, copied out of buffers that a runtime may reuse.

    Those under the least height and width are left out, because OpenVINO's NMS does not check this.
    """
    kept = np.flatnonzero(np.all(boxes[:, 2:] - boxes[:, :2] > MIN_SIZE, axis=1))
    order = kept[np.argsort(-scores[kept], kind="stable")]
    return Detections(
        classes[order].astype(np.int64), scores[order].astype(np.float32), boxes[order].astype(np.float32)
    )
