"""Picture: one image with the boxes of its ground truth and of each precision."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ssd_core.coco.agreement import LEAST_SCORE
from ssd_core.coco.boxes import Boxes
from ssd_core.coco.categories import ID_OF_LABEL, NAME_OF_ID
from ssd_core.html.chart import COLOURS, OTHER, PRECISIONS
from ssd_core.output.table import Table

TRUTH = "ground truth"
DASHES = {TRUTH: "", "fp32": "7 3", "int8": "2 2", "bf16": "8 2 2 2"}
INKS = {TRUTH: COLOURS[2], **PRECISIONS}
_DARKER = {TRUTH: "#00573f", "fp32": "#004a75", "int8": "#8a3b00", "bf16": "#7d3560"}
_LONGEST_SIDE = 480
_QUALITY = 75


@dataclass(frozen=True)
class Box:
    """A box in the picture's pixels; `score` is empty for the ground truth."""

    source: str
    category: str
    score: str
    x: float
    y: float
    width: float
    height: float

    @property
    def colour(self) -> str:
        """That of its source."""
        return INKS.get(self.source, OTHER)

    @property
    def ink(self) -> str:
        """That of its label: darker, to be read on white."""
        return _DARKER.get(self.source, "#333333")

    @property
    def dashes(self) -> str:
        """Those of its source."""
        return DASHES.get(self.source, "4 4")

    @property
    def label_y(self) -> float:
        """Where its label stands, so that labels of boxes in one place do not hide each other."""
        places = {TRUTH: self.y + 11, "fp32": self.y - 3, "int8": self.y + self.height + 10}
        return max(9.0, places.get(self.source, self.y + self.height - 3))


@dataclass(frozen=True)
class Picture:
    """An image, scaled down; `jpeg` is in base64, and empty where the image cannot be read."""

    name: str
    about: str
    width: int
    height: int
    jpeg: str
    boxes: Sequence[Box]
    table: Table

    @property
    def categories(self) -> list[str]:
        """Those of its boxes, each once."""
        return sorted({box.category for box in self.boxes})


def picture(
    name: str, about: str, encoded: bytes, size: tuple[int, int], truth: Boxes, detected: Mapping[str, Boxes]
) -> Picture:
    """A picture of an image of `size` (width, height); only detections of a score of 0.3 or more are drawn."""
    scale = min(1.0, _LONGEST_SIDE / max(size))
    width, height = (max(1, round(side * scale)) for side in size)
    boxes = [*_boxes(TRUTH, truth, scale), *(box for p, found in detected.items() for box in _boxes(p, found, scale))]
    jpeg = _thumbnail(encoded, (width, height))
    said = about if jpeg else f"{about} (the image cannot be shown)"
    return Picture(name, said, width, height, jpeg, boxes, _table(boxes, detected))


def _boxes(source: str, found: Boxes, scale: float) -> list[Box]:
    boxes = []
    for place in np.flatnonzero(found.scores >= LEAST_SCORE):
        top, left, bottom, right = (round(float(side) * scale, 1) for side in found.boxes[place])
        category = NAME_OF_ID[ID_OF_LABEL[int(found.classes[place])]]
        score = "" if source == TRUTH else f"{found.scores[place]:.2f}"
        boxes.append(Box(source, category, score, left, top, round(right - left, 1), round(bottom - top, 1)))
    return boxes


def _table(boxes: Sequence[Box], precisions: Mapping[str, Boxes]) -> Table:
    """One row per category: how many objects there are, and the scores of each precision's detections."""
    rows = []
    for category in sorted({box.category for box in boxes}):
        there = [box for box in boxes if box.category == category]
        objects = sum(box.source == TRUTH for box in there)
        scores = [", ".join(box.score for box in there if box.source == p) or "-" for p in precisions]
        rows.append([category, str(objects), *scores])
    return Table(["category", "objects", *precisions], rows)


def _thumbnail(encoded: bytes, size: tuple[int, int]) -> str:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(encoded)) as image:
            image.draft("RGB", size)
            small = image.convert("RGB").resize(size)
    except (OSError, ValueError):  # TensorFlow decodes some that Pillow does not
        return ""
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    return base64.b64encode(stream.getvalue()).decode()
