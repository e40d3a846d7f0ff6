"""Results: the detections in a set of images, in columns here and as COCO's results format on disk.

Format: https://cocodataset.org/#format-results, object detection.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from ssd_core.coco.boxes import Boxes, ImageDetections
from ssd_core.coco.categories import ID_OF_LABEL, LABEL_OF_ID
from ssd_core.errors import UserError
from ssd_core.files import reading, replacing

Ids = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

_LARGEST = 1e9  # of a coordinate: boxes in pixels are far below
_ROWS = 1 << 14  # that are Python's objects at a time: as such a detection takes 1 KB, and in columns 56 bytes


@dataclass(frozen=True, eq=False)
class Results:
    """D detections, those of an image in the order in which the network gave them."""

    image_ids: Ids  # [D]
    category_ids: Ids  # [D] COCO's, 1..90
    boxes: Numbers  # [D, 4] x, y, width and height in pixels
    scores: Numbers  # [D]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> "Results":
        """From COCO's results: one mapping a detection."""
        return cls(
            np.array([row["image_id"] for row in rows], np.int64),
            np.array([row["category_id"] for row in rows], np.int64),
            np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4),
            np.array([row["score"] for row in rows], np.float64),
        )

    @classmethod
    def joined(cls, several: Sequence["Results"]) -> "Results":
        """All of them, in order."""
        columns = zip(*((one.image_ids, one.category_ids, one.boxes, one.scores) for one in several), strict=True)
        return cls(*(np.concatenate(column) for column in columns)) if several else cls.of([])

    def __len__(self) -> int:
        """D."""
        return len(self.scores)

    def at(self, places: "slice | Ids") -> "Results":
        """The detections at these places."""
        return Results(self.image_ids[places], self.category_ids[places], self.boxes[places], self.scores[places])

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each as COCO's results have it."""
        names = "image_id", "category_id", "bbox", "score"
        for start in range(0, len(self), _ROWS):
            some = self.at(slice(start, start + _ROWS))
            columns = (column.tolist() for column in (some.image_ids, some.category_ids, some.boxes, some.scores))
            for row in zip(*columns, strict=True):
                yield dict(zip(names, row, strict=True))


def to_results(
    detections: Sequence[ImageDetections],
    image_ids: Sequence[int],
    shapes: Sequence[Sequence[int]] | npt.NDArray[np.int64],
    upstream_rounding: bool = False,
) -> Results:
    """Detections as COCO's results: boxes of x, y, width and height in pixels of the image (height, width).

    `upstream_rounding` rounds as upstream did, to reproduce its published numbers: corners are cut to whole pixels,
    plus one; scores have three decimals; boxes without width or height are left out. Otherwise coordinates are rounded
    to a thousandth of a pixel and scores to six decimals.
    """
    return Results.joined(
        [
            _of_image(detected, image_id, shape, upstream_rounding)
            for detected, image_id, shape in zip(detections, image_ids, shapes, strict=True)
        ]
    )


def write_results(results: Results, path: Path) -> None:
    """Write COCO's results format (a JSON list), whole or not at all."""
    with replacing(path) as temporary, temporary.open("w") as file:
        file.write("[")
        for start in range(0, len(results), _ROWS):
            rows = list(results.at(slice(start, start + _ROWS)).rows())
            file.write("," * (start > 0) + json.dumps(rows, separators=(",", ":"))[1:-1])
        file.write("]")


_Id = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]  # as NumPy holds it


class _Detection(msgspec.Struct, frozen=True, gc=False):
    image_id: _Id
    category_id: _Id
    bbox: tuple[float, float, float, float]
    score: float


def read_results(path: Path) -> Results:
    """The detections of a file; UserError if it cannot be read, or holds anything else."""
    with reading(f"The detections {path}", "name the folder that a run wrote its detections to"):
        content = path.read_bytes()
    some, start = [], 0
    try:
        entries = msgspec.json.decode(content, type=list[msgspec.Raw])
        for start in range(0, len(entries), _ROWS):
            some.append(_decoded(b",".join(entries[start : start + _ROWS])))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        why = f"{error}, counted from entry {start}" if start else str(error)
        raise UserError(f"{path} holds no detections in COCO's results format ({why}): measure again.") from error
    results = Results.joined(some)
    if (np.abs(results.boxes) > _LARGEST).any() or (np.abs(results.scores) > _LARGEST).any():
        raise UserError(f"{path} has a box or a score above {_LARGEST:g}: measure again.")
    if unknown := set(np.unique(results.category_ids).tolist()) - LABEL_OF_ID.keys():
        raise UserError(f"{path} has the category {min(unknown)}, which is none of COCO's 80: measure again.")
    return results


def _decoded(entries: bytes) -> Results:
    found = msgspec.json.decode(b"[" + entries + b"]", type=list[_Detection])
    return Results(
        np.array([one.image_id for one in found], np.int64),
        np.array([one.category_id for one in found], np.int64),
        np.array([one.bbox for one in found], np.float64).reshape(-1, 4),
        np.array([one.score for one in found], np.float64),
    )


def of_images(results: Results) -> dict[int, Boxes]:
    """Each image's detections by its id; images without any are not there."""
    found = {image_id: results.at(places) for image_id, places in places_of(results.image_ids).items()}
    return {image_id: Boxes.of(one.category_ids, one.scores, one.boxes) for image_id, one in found.items()}


def places_of(ids: Ids) -> dict[int, Ids]:
    """Where each id is, in order."""
    order = np.argsort(ids, kind="stable")
    values, starts = np.unique(ids[order], return_index=True)
    return dict(zip(values.tolist(), np.split(order, starts[1:]), strict=True)) if len(ids) else {}


def _of_image(detected: ImageDetections, image_id: int, shape: Sequence[int], upstream_rounding: bool) -> Results:
    _check(detected, image_id)
    height, width = shape
    pixels = detected.boxes * np.array([height, width, height, width], np.float32)
    corners = (pixels.astype(np.int32) + 1 if upstream_rounding else pixels).astype(np.float64)
    ymin, xmin, ymax, xmax = corners.T
    boxes = np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=1).round(3)
    results = Results(
        np.full(len(boxes), image_id, np.int64),
        np.array([ID_OF_LABEL[label] for label in detected.classes.tolist()], np.int64),
        boxes,
        detected.scores.astype(np.float64).round(3 if upstream_rounding else 6),
    )
    return results.at(np.flatnonzero((boxes[:, 2:] > 0).all(axis=1))) if upstream_rounding else results


def _check(detected: ImageDetections, image_id: int) -> None:
    if not (np.isfinite(detected.boxes).all() and np.isfinite(detected.scores).all()):
        raise UserError(
            f"The graph gave a box or score that is no finite number for image {image_id}: export it again."
        )
    if unknown := set(detected.classes.tolist()) - ID_OF_LABEL.keys():
        raise UserError(
            f"The graph gave the label {min(unknown)} for image {image_id}, where labels are 1..{len(ID_OF_LABEL)}:"
            " give a graph of COCO's 80 categories."
        )
