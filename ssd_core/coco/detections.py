"""Detections as files: COCO's results format, read and checked, and each image's detections.

Format: https://cocodataset.org/#format-results, object detection.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from ssd_core.coco.annotations import Annotation
from ssd_core.coco.categories import LABEL_OF_ID
from ssd_core.errors import UserError
from ssd_core.files import reading

_LARGEST = 1e9  # of a coordinate: boxes in pixels are far below


class Detection(msgspec.Struct, frozen=True):
    """One detection: `bbox` is x, y, width and height in pixels."""

    image_id: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    category_id: int
    bbox: tuple[float, float, float, float]
    score: float


@dataclass(frozen=True)
class Boxes:
    """The K detections or objects in one image, as `evaluate.ImageDetections`, in pixels."""

    classes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32]

    @classmethod
    def of(cls, found: Sequence[tuple[int, float, Sequence[float]]]) -> "Boxes":
        """From category ids, scores, and boxes of x, y, width and height."""
        x, y, width, height = np.array([box for _, _, box in found], np.float32).reshape(-1, 4).T
        return cls(
            np.array([LABEL_OF_ID[category_id] for category_id, _, _ in found], np.int64),
            np.array([score for _, score, _ in found], np.float32),
            np.stack([y, x, y + height, x + width], axis=1),
        )


def read_results(path: Path) -> list[Detection]:
    """The detections of a file; UserError if it cannot be read, or holds anything else."""
    with reading(f"The detections {path}", "name the folder that a run wrote its detections to"):
        content = path.read_bytes()
    try:
        detections = msgspec.json.decode(content, type=list[Detection])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} holds no detections in COCO's results format ({error}): measure again.") from error
    if any(abs(number) > _LARGEST for one in detections for number in (*one.bbox, one.score)):
        raise UserError(f"{path} has a box or a score above {_LARGEST:g}: measure again.")
    if unknown := {one.category_id for one in detections} - LABEL_OF_ID.keys():
        raise UserError(f"{path} has the category {min(unknown)}, which is none of COCO's 80: measure again.")
    return detections


def as_results(detections: Iterable[Detection]) -> list[dict[str, Any]]:
    """The same as `evaluate` takes them."""
    return [msgspec.to_builtins(one) | {"bbox": list(one.bbox)} for one in detections]


def of_images(detections: Iterable[Detection]) -> dict[int, Boxes]:
    """Each image's detections by its id; images without any are not there."""
    by_image: dict[int, list[Detection]] = {}
    for one in detections:
        by_image.setdefault(one.image_id, []).append(one)
    return {
        image_id: Boxes.of([(one.category_id, one.score, one.bbox) for one in found])
        for image_id, found in by_image.items()
    }


def of_truth(annotations: Iterable[Annotation]) -> Boxes:
    """The objects of one image that count, as detections of score 1."""
    return Boxes.of([(one.category_id, 1.0, one.box) for one in annotations if not one.is_crowd])


NOTHING = Boxes.of([])
