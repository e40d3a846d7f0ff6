"""Detections against a ground truth: COCO's results format, and its twelve numbers by pycocotools."""

import contextlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ssd_core.coco.annotations import Instances
from ssd_core.coco.categories import ID_OF_LABEL, NAME_OF_ID
from ssd_core.coco.matches import Matches, matches_of
from ssd_core.errors import UserError
from ssd_core.files import replacing

ANNOTATED_ONLY = "images with annotations only"
ALL_IMAGES = "all images"
NO_TRUTH = -1  # pycocotools' AP where there is no object to find

_TITLES = {"AP": "Average Precision", "AR": "Average Recall"}
_LINES = (  # in the order of pycocotools: field, IoU range, area, most detections an image
    ("AP", "0.50:0.95", "all", 100),
    ("AP50", "0.50", "all", 100),
    ("AP75", "0.75", "all", 100),
    ("AP_small", "0.50:0.95", "small", 100),
    ("AP_medium", "0.50:0.95", "medium", 100),
    ("AP_large", "0.50:0.95", "large", 100),
    ("AR_1", "0.50:0.95", "all", 1),
    ("AR_10", "0.50:0.95", "all", 10),
    ("AR_100", "0.50:0.95", "all", 100),
    ("AR_small", "0.50:0.95", "small", 100),
    ("AR_medium", "0.50:0.95", "medium", 100),
    ("AR_large", "0.50:0.95", "large", 100),
)


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
class Accuracy:
    """COCO's twelve numbers, 0..1, or -1 where the ground truth has no object of that size (as pycocotools has it).

    `images` were evaluated, of `images_in_file` that the annotations file has under the same `protocol`. AP comes from
    `matches`; its confidence interval can be computed from them too (see `resample`).
    """

    AP: float
    AP50: float
    AP75: float
    AP_small: float
    AP_medium: float
    AP_large: float
    AR_1: float
    AR_10: float
    AR_100: float
    AR_small: float
    AR_medium: float
    AR_large: float
    _: KW_ONLY
    images: int
    images_in_file: int
    protocol: str
    matches: Matches = field(repr=False, compare=False)

    def numbers(self) -> dict[str, float]:
        """The twelve by name."""
        return {name: getattr(self, name) for name, *_ in _LINES}

    def lines(self) -> list[str]:
        """The twelve lines that pycocotools prints."""
        return [
            f" {_TITLES[name[:2]]:<18} ({name[:2]}) @[ IoU={iou:<9} | area={area:>6} | maxDets={most:>3} ]"
            f" = {getattr(self, name):0.3f}"
            for name, iou, area, most in _LINES
        ]


def ids_of_files(instances: Instances, filenames: Iterable[str]) -> list[int]:
    """The ids that the annotations file gives to these file names; UserError for a name that it does not know."""
    known = instances.id_of_file
    try:
        return [known[name] for name in filenames]
    except KeyError as error:
        raise UserError(
            f"{instances.path} does not know the image {error.args[0]}:"
            " give the annotations file from which the records were made."
        ) from error


def to_results(
    detections: Sequence[ImageDetections],
    image_ids: Sequence[int],
    shapes: Sequence[Sequence[int]] | npt.NDArray[np.int64],
    upstream_rounding: bool = False,
) -> list[dict[str, Any]]:
    """Detections as COCO's results: one dict a box, [x, y, width, height] in pixels of the image (height, width).

    `upstream_rounding` rounds as upstream did, to reproduce its published numbers: corners are cut to whole pixels,
    plus one; scores have three decimals; boxes without width or height are left out. Otherwise coordinates are rounded
    to a thousandth of a pixel and scores to six decimals.
    """
    results: list[dict[str, Any]] = []
    for detected, image_id, (height, width) in zip(detections, image_ids, shapes, strict=True):
        _check(detected, image_id)
        pixels = detected.boxes * np.array([height, width, height, width], np.float32)
        corners = (pixels.astype(np.int32) + 1 if upstream_rounding else pixels).astype(np.float64)
        ymin, xmin, ymax, xmax = corners.T
        boxes = np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=1).round(3)
        scores = detected.scores.astype(np.float64).round(3 if upstream_rounding else 6)
        kept = np.flatnonzero((boxes[:, 2:] > 0).all(axis=1)) if upstream_rounding else range(len(boxes))
        results.extend(
            {
                "image_id": int(image_id),
                "category_id": ID_OF_LABEL[int(detected.classes[i])],
                "bbox": boxes[i].tolist(),
                "score": float(scores[i]),
            }
            for i in kept
        )
    return results


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


def write_results(results: Sequence[dict[str, Any]], path: Path) -> None:
    """Write COCO's results format (a JSON list), whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(results, separators=(",", ":")))


def evaluate(results: Sequence[dict[str, Any]], instances: Instances, image_ids: Sequence[int]) -> Accuracy:
    """The twelve numbers of `results` on the images `image_ids`, which are those that the network saw.

    An image without a result counts as one where nothing was found. No results at all give zeros.
    """
    from pycocotools.cocoeval import COCOeval  # it imports Matplotlib if installed, which takes a second

    if not image_ids:
        raise UserError("No image was evaluated, so there is no accuracy: give records that hold images.")
    seen = set(image_ids)
    if unknown := seen - set(instances.id_of_file.values()):
        raise UserError(f"{instances.path} does not know the image with id {min(unknown)}: give the file that does.")
    truth = _coco(instances, objects(instances))
    detections = _coco(
        instances,
        [r | {"id": n, "area": r["bbox"][2] * r["bbox"][3], "iscrowd": 0} for n, r in enumerate(results, start=1)],
    )
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, detections, "bbox")
        evaluation.params.imgIds = sorted(seen)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    if evaluation.stats[0] == NO_TRUTH:
        raise UserError(
            f"{instances.path} has no object in the {len(seen)} images that were evaluated, so AP is not defined:"
            " evaluate images with annotations."
        )
    annotated_only = seen <= instances.of_image.keys()
    return Accuracy(
        *(float(number) for number in evaluation.stats),
        images=len(seen),
        images_in_file=len(instances.of_image) if annotated_only else len(instances.images),
        protocol=ANNOTATED_ONLY if annotated_only else ALL_IMAGES,
        matches=matches_of(evaluation),
    )


def objects(instances: Instances) -> list[dict[str, Any]]:
    """The ground truth as COCO's annotations."""
    return [
        {
            "id": number,  # not the file's own: pycocotools takes 0 for "no match"
            "image_id": a.image_id,
            "category_id": a.category_id,
            "bbox": list(a.box),
            "area": a.area,
            "iscrowd": int(a.is_crowd),
        }
        for number, a in enumerate(instances.annotations, start=1)
    ]


def data_set(instances: Instances, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    """COCO's document of some annotations of the file's images."""
    return {
        "images": [{"id": image.id, "width": image.width, "height": image.height} for image in instances.images],
        "categories": [{"id": one, "name": NAME_OF_ID.get(one, str(one))} for one in instances.category_ids],
        "annotations": annotations,
    }


def _coco(instances: Instances, annotations: list[dict[str, Any]]) -> Any:
    from pycocotools.coco import COCO  # likewise

    coco = COCO()
    coco.dataset = data_set(instances, annotations)
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco
