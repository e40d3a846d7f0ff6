"""Detections are alike one by one: class, score and box; the share is of both sides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.graph.alike import TOLERANCE, alike
from ssd_core.graph.contract import Detections


def found(*rows: tuple[int, float, float]) -> Detections:
    """Detections of a class, a score, and a place of one fixed size."""
    classes, scores, places = (np.array([row[i] for row in rows]) for i in range(3))
    boxes = np.stack([places, places, places + 0.1, places + 0.1], axis=-1).reshape(-1, 4)
    return Detections(classes.astype(np.int64), scores.astype(np.float32), boxes.astype(np.float32))


FIRST, SECOND = (1, 0.9, 0.2), (2, 0.5, 0.4)
IMAGES = st.lists(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(0, 9)), max_size=6), min_size=1, max_size=4
)


@pytest.mark.parametrize(
    ("other", "share"),
    [
        ([SECOND, FIRST], 1.0),  # in whatever order
        ([FIRST], 2 / 3),
        ([], 0.0),
        ([FIRST, (3, 0.5, 0.4)], 2 / 4),
        ([FIRST, (2, 0.5 + 2 * TOLERANCE, 0.4)], 2 / 4),
        ([FIRST, (2, 0.5, 0.4 - 2 * TOLERANCE)], 2 / 4),
        ([FIRST, (2, 0.5 + TOLERANCE / 2, 0.4 - TOLERANCE / 2)], 1.0),
    ],
)
def test_by_hand(other: list[tuple[int, float, float]], share: float) -> None:
    assert alike([found(FIRST, SECOND)], [found(*other)]) == pytest.approx(share)


def test_images_are_not_mixed_up_and_nothing_is_all_alike() -> None:
    assert alike([found(FIRST), found(SECOND)], [found(SECOND), found(FIRST)]) == 0.0
    assert alike([found()], [found()]) == 1.0


@given(IMAGES, IMAGES)
def test_the_share_is_the_same_from_either_side(
    ours: list[list[tuple[int, int, int]]], theirs: list[list[tuple[int, int, int]]]
) -> None:
    count = min(len(ours), len(theirs))
    first, second = (
        [found(*[(c, s / 10, p / 10) for c, s, p in rows]) for rows in of[:count]] for of in (ours, theirs)
    )
    assert 0 <= alike(first, second) == alike(second, first) <= 1
    assert alike(first, first) == 1.0
