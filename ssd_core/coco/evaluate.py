"""Detections against a ground truth: COCO's twelve numbers, by pycocotools."""

import contextlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ssd_core.coco.annotations import Annotation, Instances
from ssd_core.coco.matches import CategoryMatches, Matches, category_matches, evaluated_images
from ssd_core.coco.results import Results, places_of
from ssd_core.errors import UserError
from ssd_core.garbage import not_collected

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


def evaluate(
    results: Results,
    instances: Instances,
    image_ids: Sequence[int],
    evaluated: Callable[[], object] = lambda: None,
) -> Accuracy:
    """The twelve numbers of `results` on the images `image_ids`, which are those that the network saw.

    An image without a result counts as one where nothing was found. No results at all give zeros. Categories are
    evaluated one after the other, which gives the same digits as all at once, in the memory of the largest; `evaluated`
    is called after each of `instances.category_ids`.
    """
    if not image_ids:
        raise UserError("No image was evaluated, so there is no accuracy: give records that hold images.")
    seen = set(image_ids)
    if unknown := seen - set(instances.id_of_file.values()):
        raise UserError(f"{instances.path} does not know the image with id {min(unknown)}: give the file that does.")
    ordered = np.array(sorted(seen), np.int64)
    found = places_of(results.category_ids)
    categories: list[_Category] = []
    for category_id in sorted(instances.category_ids):
        own = results.at(found.get(category_id, np.zeros(0, np.int64)))
        with not_collected():
            categories.append(_category(category_id, instances, own, ordered))
        evaluated()
    numbers = _summary([one.curves for one in categories])
    if numbers[0] == NO_TRUTH:
        raise UserError(
            f"{instances.path} has no object in the {len(seen)} images that were evaluated, so AP is not defined:"
            " evaluate images with annotations."
        )
    annotated_only = seen <= instances.of_image.keys()
    return Accuracy(
        *numbers,
        images=len(seen),
        images_in_file=len(instances.of_image) if annotated_only else len(instances.images),
        protocol=ANNOTATED_ONLY if annotated_only else ALL_IMAGES,
        matches=Matches(ordered, tuple(one.matches for one in categories if one.matches is not None)),
    )


_AXES = ("precision", 2), ("recall", 1)  # of the categories in COCOeval's arrays: [T, R, K, A, M] and [T, K, A, M]


@dataclass(frozen=True)
class _Category:
    """What COCOeval finds of one category."""

    curves: dict[str, npt.NDArray[np.float64]]
    matches: CategoryMatches | None


def _category(category_id: int, instances: Instances, results: Results, image_ids: npt.NDArray[np.int64]) -> _Category:
    from pycocotools.cocoeval import COCOeval  # it imports Matplotlib if installed, which takes a second

    truth = objects(instances.of_category.get(category_id, ()))
    found = [
        row | {"id": n, "area": row["bbox"][2] * row["bbox"][3], "iscrowd": 0}
        for n, row in enumerate(results.rows(), start=1)
    ]
    with_any = {one["image_id"] for one in (*truth, *found)}  # COCOeval leaves the others out, one by one
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(_coco(category_id, truth), _coco(category_id, found), "bbox")
        evaluation.params.imgIds = [image_id for image_id in image_ids.tolist() if image_id in with_any]
        evaluation.params.catIds = [category_id]
        evaluation.evaluate()
        evaluation.accumulate()
    curves = {name: evaluation.eval[name] for name, _ in _AXES}
    of_image = evaluated_images(evaluation).get(category_id, {})
    return _Category(curves, category_matches(category_id, of_image, image_ids))


def _summary(curves: Sequence[dict[str, npt.NDArray[np.float64]]]) -> list[float]:
    """COCO's twelve numbers of all categories."""
    from pycocotools.cocoeval import COCOeval  # likewise

    if not curves:
        return [float(NO_TRUTH)] * len(_LINES)
    whole = COCOeval(iouType="bbox")
    whole.eval = {name: np.concatenate([one[name] for one in curves], axis=axis) for name, axis in _AXES}
    with contextlib.redirect_stdout(io.StringIO()):
        whole.summarize()
    return [float(number) for number in whole.stats]


def objects(annotations: Iterable[Annotation]) -> list[dict[str, Any]]:
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
        for number, a in enumerate(annotations, start=1)
    ]


def _coco(category_id: int, annotations: list[dict[str, Any]]) -> Any:
    from pycocotools.coco import COCO  # likewise

    coco = COCO()
    coco.dataset = {"images": [], "categories": [{"id": category_id}], "annotations": annotations}
    coco.createIndex()
    return coco
