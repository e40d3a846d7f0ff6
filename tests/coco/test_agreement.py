"""The share of one network's detections that another has as well."""

import numpy as np
import pytest

from ssd_core.coco.agreement import agreement, differences
from ssd_core.graph.contract import Detections

BOX = [0.1, 0.1, 0.5, 0.5]
NEAR = [0.1, 0.1, 0.5, 0.48]
FAR = [0.6, 0.6, 0.9, 0.9]


def found(*rows: tuple[int, float, list[float]]) -> Detections:
    classes, scores, boxes = zip(*rows, strict=True) if rows else ([], [], [])
    return Detections(
        np.array(classes, np.int64), np.array(scores, np.float32), np.array(boxes, np.float32).reshape(-1, 4)
    )


@pytest.mark.parametrize(
    ("others", "share"),
    [
        (found((1, 0.9, NEAR), (2, 0.8, FAR)), 1.0),
        (found((1, 0.9, NEAR)), 0.5),
        (found((2, 0.9, NEAR), (1, 0.9, FAR)), 0.0),  # the classes are changed
        (found((1, 0.2, BOX), (2, 0.3, FAR)), 0.5),  # a score of 0.2 does not count
        (found(), 0.0),
    ],
)
def test_class_overlap_and_score_decide(others: Detections, share: float) -> None:
    assert agreement([found((1, 0.9, BOX), (2, 0.5, FAR), (3, 0.2, FAR))], [others]) == share


def test_one_detection_matches_one() -> None:
    assert agreement([found((1, 0.9, BOX), (1, 0.8, NEAR))], [found((1, 0.9, BOX))]) == 0.5


def test_it_is_a_share_of_all_images() -> None:
    one, nothing = found((1, 0.9, BOX)), found()
    assert agreement([one, one, nothing], [one, nothing, one]) == 0.5


def test_nothing_to_find_again_is_no_share() -> None:
    assert agreement([found((1, 0.2, BOX))], [found((1, 0.9, BOX))]) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "count"),
    [
        (found(), found(), 0),
        (found((1, 0.9, BOX)), found((1, 0.5, NEAR)), 0),
        (found((1, 0.9, BOX)), found((1, 0.2, NEAR)), 1),  # a score of 0.2 does not count
        (found((1, 0.9, BOX)), found((2, 0.9, BOX)), 2),
        (found((1, 0.9, BOX), (1, 0.8, NEAR)), found((1, 0.9, BOX)), 1),
        (found(), found((3, 0.9, FAR)), 1),
    ],
)
def test_differences_are_what_only_one_has(ours: Detections, theirs: Detections, count: int) -> None:
    assert differences(ours, theirs) == differences(theirs, ours) == count
