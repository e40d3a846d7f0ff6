"""COCO's average precision (AP) of matches, with a weight for each image, as resampling needs it.

AP is the mean, over recalls, IoU thresholds and categories, of the best precision at that recall or beyond. Precision
is best just after a hit, so it is computed only there. Other detections are only counted.
"""

import numpy as np
import numpy.typing as npt

from ssd_core.coco.matches import CategoryMatches, Matches

RECALLS = np.linspace(0, 1, 101)  # pycocotools' recThrs
_ELEMENTS = 1 << 18  # detections of a category times rows of weights that are computed at a time: 2 MB an array
_LEAST = np.spacing(1)  # pycocotools adds it to every count of detections

Array = npt.NDArray[np.float64]


def average_precision(matches: Matches, weights: npt.NDArray[np.integer] | None = None) -> float:
    """AP (IoU 0.50:0.95, area all, 100 detections an image) with image i counted `weights[i]` times, once by default.

    It is pycocotools' AP of a data set in which each image is followed by its copies; -1 where no object counts. Equal
    scores keep the order that they have in `matches`, and a detection's copies stay together. pycocotools repeats
    the whole row of an image's equal scores instead, so that doubling a data set can change its AP.
    """
    images = len(matches.image_ids)
    if weights is None:
        weights = np.ones(images, np.int64)
    if weights.shape != (images,) or not np.issubdtype(weights.dtype, np.integer) or (weights < 0).any():
        raise ValueError(f"weights are {images} whole numbers, 0 or more, one for each image")
    ap = float(average_precisions(matches, weights[None].astype(np.float64))[0])
    return -1.0 if np.isnan(ap) else ap


def average_precisions(matches: Matches, weights: Array) -> Array:
    """AP for each row of `weights` [R, N], of whole numbers as float64; NaN where no object counts.

    Memory beside the weights: about ten arrays of 2 MB, or of 8 bytes per detection of the largest category if that
    is more.
    """
    total, present = np.zeros(len(weights)), np.zeros(len(weights))
    for category in matches.categories:
        rows = max(1, _ELEMENTS // max(1, len(category.image)))
        for first in range(0, len(weights), rows):
            part = slice(first, first + rows)
            objects = weights[part] @ category.objects
            total[part] += _of_category(category, weights[part], objects)  # 0 where there is no object to hit
            present[part] += objects > 0
    total[present == 0] = np.nan
    return total / np.maximum(present, 1)


def precisions_at_recalls(category: CategoryMatches) -> Array:
    """The best precision at each of COCO's recalls or beyond, [T, 101]; 0 where a recall is not reached."""
    objects = int(category.objects.sum())
    curves = np.zeros((len(category.true), len(RECALLS)))
    for curve, is_true, is_ignored in zip(curves, category.true, category.ignored, strict=True):
        hits = np.flatnonzero(is_true)
        true = np.arange(1, len(hits) + 1)
        detections = hits + 1 - np.cumsum(is_ignored)[hits]
        best = np.maximum.accumulate((true / (detections + _LEAST))[::-1])[::-1]
        first = np.searchsorted(true / objects, RECALLS, side="left")
        reached = first < len(hits)
        curve[reached] = best[first[reached]]
    return curves


def _of_category(category: CategoryMatches, weights: Array, objects: Array) -> Array:
    weight = weights.take(category.image, axis=1)  # [R, D]
    down_to = weight.cumsum(axis=1)
    total = np.zeros(len(weights))
    for is_true, is_ignored in zip(category.true, category.ignored, strict=True):
        hits = np.flatnonzero(is_true)
        detections = down_to.take(hits, axis=1)  # [R, H] detections down to each hit
        if is_ignored.any():
            detections -= _ignored(weight, hits, np.flatnonzero(is_ignored))
        true = weight.take(hits, axis=1).cumsum(axis=1)
        total += _area(true / (detections + _LEAST), true / np.maximum(objects, 1)[:, None])
    return total / len(category.true)


def _ignored(weight: Array, hits: npt.NDArray[np.intp], ignored: npt.NDArray[np.intp]) -> Array:
    """How many of the detections above each hit are ignored, [R, H]."""
    down_to = np.pad(weight.take(ignored, axis=1).cumsum(axis=1), ((0, 0), (1, 0)))
    return down_to.take(np.searchsorted(ignored, hits), axis=1)


def _area(precision: Array, recall: Array) -> Array:
    """The mean over COCO's recalls of the best precision [R, H] at that recall or beyond."""
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    reached = np.searchsorted(RECALLS, recall, side="right")
    newly = np.diff(reached, axis=1, prepend=0)  # recalls that each hit is the first to reach
    area: Array = (best * newly).sum(axis=1) / len(RECALLS)
    return area
