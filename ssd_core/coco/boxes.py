"""Boxes: the detections or the objects in one image, as they are compared and drawn."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ssd_core.coco.annotations import Annotation
from ssd_core.coco.categories import LABEL_OF_ID


class ImageDetections(Protocol):
    """The K detections in one image."""

    @property
    def classes(self) -> npt.NDArray[np.int64]:
        """Shape (K,): labels in 1..80."""

    @property
    def scores(self) -> npt.NDArray[np.float32]:
        """Shape (K,): scores in 0..1."""

    @property
    def boxes(self) -> npt.NDArray[np.float32]:
        """Shape (K, 4): ymin, xmin, ymax, xmax, in fractions of the image."""


@dataclass(frozen=True)
class Boxes:
    """The K detections or objects in one image, as `ImageDetections`, in pixels."""

    classes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32]

    @classmethod
    def of(
        cls, category_ids: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], boxes: npt.NDArray[np.float64]
    ) -> "Boxes":
        """From category ids [K], scores [K], and boxes [K, 4] of x, y, width and height."""
        x, y, width, height = boxes.astype(np.float32).T
        labels = [LABEL_OF_ID[category_id] for category_id in category_ids.tolist()]
        corners = np.stack([y, x, y + height, x + width], axis=1)
        return cls(np.array(labels, np.int64), scores.astype(np.float32), corners)


def of_truth(annotations: Iterable[Annotation]) -> Boxes:
    """The objects of one image that count, as detections of score 1."""
    counted = [one for one in annotations if not one.is_crowd]
    boxes = np.array([one.box for one in counted], np.float64).reshape(-1, 4)
    return Boxes.of(np.array([one.category_id for one in counted], np.int64), np.ones(len(counted)), boxes)


NOTHING = of_truth([])
