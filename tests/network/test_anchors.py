"""Default boxes, overlaps and the coding of ground truth."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ssd_core.network import anchors
from ssd_core.network.layers import FEATURE_MAPS
from tests.rounding import UNIT

Floats = npt.NDArray[np.float32]
Golden = Mapping[str, Floats]

DECODED = 10 * 2 * UNIT
"""A decoded corner: ten roundings (scaling, product, sum; scaling, exp for 4, product; sum) of values below 2."""

CODED = (8 + 19 + 1) * UNIT
"""A corner that was encoded and decoded. Its centre is rounded 8 times, at values up to 1. Half of its size, up to 0.5,
is exp(x) with x up to 3: the logarithm is off by 8 UNIT of x (numpy: 4 units in the last place), scaling adds 2, and
the quotient before, exp and the product 8: 0.5 * (3 * 10 + 8). Their sum is rounded once."""

LARGEST_OVERLAP = 1 + 4 * UNIT
"""What two boxes share is at most either area A. Of their union, A or more, the sum of areas is off by UNIT * 2 A, and
the difference and the quotient are rounded once each."""


@st.composite
def boxes(draw: st.DrawFn, least: int = 1, most: int = 6) -> Floats:
    """Corner boxes inside the image, at least 0.02 on a side."""
    count = draw(st.integers(least, most))
    values = draw(hnp.arrays(np.float64, (count, 4), elements=st.floats(0, 1)))
    low = values[:, :2] * 0.97
    high = low + 0.02 + values[:, 2:] * (1 - low - 0.02)
    return np.concatenate([low, high], axis=1).astype(np.float32)


def test_default_boxes_agree_with_the_original(golden: Golden) -> None:
    # Two programs, three roundings each (centre, size, corner) of values below 2.
    np.testing.assert_allclose(anchors.default_boxes(), golden["anchors_yxyx"], atol=2 * 3 * 2 * UNIT, rtol=0)


def test_encoding_agrees_with_the_original(golden: Golden) -> None:
    locations, labels, scores = anchors.encode(golden["gt_boxes_yxyx"], golden["gt_labels"].astype(np.int64))
    np.testing.assert_array_equal(labels, golden["encoded_label"])
    # Overlaps: sides, areas, union and quotient are eight roundings of values up to 1 in each program.
    np.testing.assert_allclose(scores, golden["encoded_score"], atol=2 * 8 * UNIT, rtol=0)
    # Locations: up to three roundings of values below 1, over a size of 0.07 or more and the prior scaling of 0.1.
    np.testing.assert_allclose(locations, golden["encoded_loc"], atol=2 * 3 * UNIT / (0.07 * 0.1), rtol=0)


def test_decoding_agrees_with_the_original(golden: Golden) -> None:
    locations = (np.random.RandomState(1001).standard_normal((8732, 4)) * 0.8).astype(np.float32)
    np.testing.assert_allclose(anchors.decode(locations), golden["decoded_a"], atol=2 * DECODED, rtol=0)


def test_default_boxes_are_centred_on_the_cells_in_row_order() -> None:
    centers = anchors.default_centers()
    assert centers.shape == (8732, 4)
    start = 0
    for feature_map in FEATURE_MAPS:
        cells = centers[start : start + feature_map.size**2 * feature_map.boxes_per_cell]
        cells = cells.reshape(feature_map.size, feature_map.size, feature_map.boxes_per_cell, 4)
        step = feature_map.step_pixels / 300
        for row, column in ((0, 0), (feature_map.size - 1, 0), (0, feature_map.size - 1)):
            middle = [(row + 0.5) * step, (column + 0.5) * step]
            expected = np.tile(middle, (len(cells[0, 0]), 1))  # in float64, which is then rounded once
            np.testing.assert_allclose(cells[row, column, :, :2], expected, atol=UNIT, rtol=0)
        start += cells.size // 4
    assert start == 8732


def test_the_first_cell_has_the_shapes_of_the_paper() -> None:
    sizes = anchors.default_centers()[:4, 2:]  # height, width
    expected = [[0.1414, 0.1414], [0.1, 0.1], [0.1 / 2**0.5, 0.1 * 2**0.5], [0.1 * 2**0.5, 0.1 / 2**0.5]]
    np.testing.assert_allclose(sizes, expected, atol=UNIT, rtol=0)  # float64, rounded once


@given(boxes())
def test_corners_and_centers_are_inverse(corners: Floats) -> None:
    # Size, centre and corner are each rounded once, and none is above 1 (half of a size is exact).
    np.testing.assert_allclose(anchors.to_corners(anchors.to_centers(corners)), corners, atol=3 * UNIT, rtol=0)


@given(boxes(), boxes())
def test_overlap_is_symmetric_and_within_0_and_1(some: Floats, others: Floats) -> None:
    overlaps = anchors.intersection_over_union(some, others)
    assert overlaps.shape == (len(some), len(others))
    np.testing.assert_array_equal(overlaps, anchors.intersection_over_union(others, some).T)
    assert (overlaps >= 0).all()
    assert (overlaps <= LARGEST_OVERLAP).all()
    # A box meets itself in its area, of which twice itself less itself is a union without rounding.
    np.testing.assert_array_equal(np.diag(anchors.intersection_over_union(some, some)), 1)


def test_overlap_of_known_boxes() -> None:
    left, right = np.array([[0, 0, 1, 0.5]], np.float32), np.array([[0, 0.25, 1, 0.75]], np.float32)
    assert anchors.intersection_over_union(left, right)[0, 0] == np.float32(1) / np.float32(3)
    apart = np.array([[0, 0.6, 1, 0.9]], np.float32)
    assert anchors.intersection_over_union(left, apart)[0, 0] == 0


@given(boxes(), st.integers(0, 2**32 - 1))
def test_what_is_encoded_decodes_to_the_ground_truth(truth: Floats, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(1, 81, len(truth))
    locations, coded, scores = anchors.encode(truth, labels)
    positive = coded > 0
    decoded = anchors.decode(locations)[positive]
    distance = np.abs(decoded[:, None] - truth[None]).max(axis=-1)  # [positive, G]
    assert (distance.min(axis=1) <= CODED).all()
    assert ((distance <= CODED) & (labels[None] == coded[positive, None])).any(axis=1).all()
    assert (locations[~positive] == 0).all()
    assert ((scores >= 0) & (scores <= LARGEST_OVERLAP)).all()


@given(boxes(most=1))
def test_every_object_gets_a_default_box(truth: Floats) -> None:
    _, labels, scores = anchors.encode(truth, np.array([7]))
    overlaps = anchors.intersection_over_union(truth, anchors.default_boxes())[0]
    assert labels[overlaps.argmax()] == 7
    assert (labels[overlaps >= 0.5] == 7).all()
    assert set(labels) <= {0, 7}
    np.testing.assert_array_equal(scores, overlaps)


def test_an_object_keeps_its_best_default_box_though_another_overlaps_it_more() -> None:
    truth = np.array([[0.23, 0.23, 0.43, 0.43], [0.27, 0.27, 0.29, 0.29]], np.float32)
    _, labels, scores = anchors.encode(truth, np.array([1, 2]))
    large, tiny = anchors.intersection_over_union(truth, anchors.default_boxes())
    best = tiny.argmax()
    assert large[best] > tiny[best] > 0
    assert labels[best] == 2
    assert scores[best] == tiny[best]
    assert (labels == 1).any()


def test_between_the_thresholds_a_default_box_is_ignored() -> None:
    truth = np.array([[0.2, 0.2, 0.6, 0.6]], np.float32)
    _, labels, scores = anchors.encode(truth, np.array([3]), threshold=0.5, ignore_below=0.4)
    assert (labels[(scores >= 0.4) & (scores < 0.5)] == -1).all()
    assert (labels == -1).any()
    assert (labels[scores < 0.4] == 0).all()


def test_without_objects_all_is_background() -> None:
    locations, labels, scores = anchors.encode(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    assert locations.shape == (8732, 4)
    assert not any(values.any() for values in (locations, labels, scores))


def test_other_default_boxes_can_be_decoded_on() -> None:
    centers = np.array([[0.5, 0.5, 0.2, 0.4]], np.float32)
    decoded = anchors.decode(np.zeros((1, 4), np.float32), centers)
    np.testing.assert_allclose(decoded, [[0.4, 0.3, 0.6, 0.7]], atol=DECODED, rtol=0)
