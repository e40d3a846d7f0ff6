"""How well two graphs agree: the share of detections that have an equal one on the other side."""

from collections.abc import Sequence

import numpy as np

from ssd_core.graph.contract import Detections

TOLERANCE = 1e-4
"""The largest difference of equal scores and corners, in fractions of the image: sums are rounded in another order."""


def alike(expected: Sequence[Detections], actual: Sequence[Detections]) -> float:
    """The share of both sides' detections, over all images, that have an equal one of their class on the other side.

    The images are the same, in the same order. The share is 1 where neither side has any.
    """
    matched = total = 0
    for ours, theirs in zip(actual, expected, strict=True):
        total += len(ours.scores) + len(theirs.scores)
        for label in np.intersect1d(ours.classes, theirs.classes):
            rows, columns = (
                np.concatenate([d.scores[d.classes == label, None], d.boxes[d.classes == label]], axis=1)
                for d in (ours, theirs)
            )
            same = np.abs(rows[:, None] - columns[None]).max(axis=-1) < TOLERANCE
            matched += int(same.any(axis=0).sum() + same.any(axis=1).sum())
    return matched / total if total else 1.0
