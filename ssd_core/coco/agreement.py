"""How well two networks agree: the share of one's detections that the other has too."""

from collections.abc import Sequence

import numpy as np

from ssd_core.coco.boxes import ImageDetections
from ssd_core.network.anchors import MATCH_THRESHOLD, intersection_over_union

LEAST_SCORE = 0.3  # of detections that count


def agreement(reference: Sequence[ImageDetections], others: Sequence[ImageDetections]) -> float | None:
    """The share of the reference's detections that are matched, over all images; None where it has none.

    A match has the same class and an overlap of 0.5 or more. Each detection matches once, best score first. Only scores
    of 0.3 or more count, on both sides. The images are the same, in the same order.
    """
    wanted = matched = 0
    for ours, theirs in zip(reference, others, strict=True):
        wanted += int(np.count_nonzero(ours.scores >= LEAST_SCORE))
        matched += _matched(ours, theirs)
    return matched / wanted if wanted else None


def differences(ours: ImageDetections, theirs: ImageDetections) -> int:
    """How many detections in an image, of a score of 0.3 or more, only one of the two has."""
    counted = (int(np.count_nonzero(one.scores >= LEAST_SCORE)) for one in (ours, theirs))
    return sum(counted) - 2 * _matched(ours, theirs)


def _matched(ours: ImageDetections, theirs: ImageDetections) -> int:
    rows = np.flatnonzero(ours.scores >= LEAST_SCORE)
    columns = np.flatnonzero(theirs.scores >= LEAST_SCORE)
    overlaps = intersection_over_union(ours.boxes[rows], theirs.boxes[columns])
    overlaps[ours.classes[rows][:, None] != theirs.classes[columns][None]] = 0
    matched = 0
    for row in np.argsort(-ours.scores[rows], kind="stable"):
        if len(columns) and overlaps[row].max() >= MATCH_THRESHOLD:
            matched += 1
            overlaps[:, overlaps[row].argmax()] = 0
    return matched
