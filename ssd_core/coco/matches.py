"""Matches: which detections hit which objects, image by image, in the form that average precision is computed from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class CategoryMatches:
    """D detections of one category in N images, best score first, at T IoU thresholds.

    Detections of equal score are in the order of their images and, within an image, of the results, as in COCOeval.
    """

    category_id: int
    image: Counts  # [D] in 0..N-1
    true: Flags  # [T, D] hits an object
    ignored: Flags  # [T, D] neither true nor false: hits a crowd
    objects: Counts  # [N] objects that count, without crowds


@dataclass(frozen=True, eq=False)
class Matches:
    """The matches of a run over the images `image_ids` [N], at COCO's ten thresholds, of all areas.

    For an image and a category COCOeval takes the 100 detections with the best scores. Categories without an object
    that counts are left out, because they have no AP.
    """

    image_ids: npt.NDArray[np.int64]
    categories: tuple[CategoryMatches, ...]

    def same_images(self, other: "Matches") -> bool:
        """Whether both are of the same images with the same objects."""
        return (
            np.array_equal(self.image_ids, other.image_ids)
            and [c.category_id for c in self.categories] == [c.category_id for c in other.categories]
            and all(
                np.array_equal(a.objects, b.objects) for a, b in zip(self.categories, other.categories, strict=True)
            )
        )


def matches_of(evaluation: Any) -> Matches:
    """The matches of a COCOeval of boxes, pycocotools' or hotcoco's, once its `evaluate` has run."""
    image_ids = np.array(evaluation.params.imgIds, np.int64)
    found = evaluated_images(evaluation)
    categories = (category_matches(category_id, found[category_id], image_ids) for category_id in sorted(found))
    return Matches(image_ids, tuple(one for one in categories if one is not None))


def evaluated_images(evaluation: Any) -> dict[int, dict[int, Any]]:
    """What a COCOeval found for all areas, by category and image."""
    params = evaluation.params
    area = list(params.areaRng[params.areaRngLbl.index("all")])
    found: dict[int, dict[int, Any]] = {}
    for one in evaluation.evalImgs:
        if one is not None and list(one["aRng"]) == area:
            found.setdefault(int(one["category_id"]), {})[int(one["image_id"])] = one
    return found


def category_matches(
    category_id: int, evaluated: Mapping[int, Any], image_ids: npt.NDArray[np.int64]
) -> CategoryMatches | None:
    """The matches of a category in the images [N], by what COCOeval found in each; None without an object."""
    of_image = [evaluated.get(image_id) for image_id in image_ids.tolist()]
    objects = np.array([0 if one is None else _count(one["gtIgnore"]) for one in of_image], np.int32)
    if not objects.any():
        return None
    images, evaluations = zip(*((image, one) for image, one in enumerate(of_image) if one is not None), strict=True)
    scores = np.concatenate([np.asarray(one["dtScores"], np.float64) for one in evaluations])
    order = np.argsort(-scores, kind="stable")
    image = np.repeat(np.array(images, np.int32), [len(one["dtScores"]) for one in evaluations])
    hit = np.concatenate([np.asarray(one["dtMatches"]) for one in evaluations], axis=1) != 0
    ignored = np.concatenate([np.asarray(one["dtIgnore"], bool) for one in evaluations], axis=1)
    return CategoryMatches(category_id, image[order], (hit & ~ignored)[:, order], ignored[:, order], objects)


def _count(ignored: Any) -> int:
    """How many objects are not ignored."""
    return int(np.count_nonzero(np.asarray(ignored) == 0))
