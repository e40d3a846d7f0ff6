"""Detections in the graph against the original's numbers, and against the same steps written out in numpy."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import assume, given
from hypothesis import strategies as st

from ssd_core.graph.alike import alike
from ssd_core.graph.contract import Contract
from ssd_core.graph.upstream_graph import detect_by_class
from ssd_core.network import anchors, detections
from tests.examples import examples
from tests.rounding import UNIT
from tests.rows import assert_same

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Golden = Mapping[str, Floats]
BOXES = (4, 6, 6, 6, 4, 4)


def logits(seed: int, boxes: int = 8732, classes: int = 81, objects: int = 400) -> Floats:
    """Background nearly everywhere, and some default boxes that are sure of a class; as in the golden README."""
    random = np.random.RandomState(seed)
    values = random.standard_normal((boxes, classes)).astype(np.float32)
    values[:, 0] += 9
    rows = random.randint(0, boxes, objects)
    values[rows, random.randint(1, classes, objects)] += random.uniform(6, 12, objects).astype(np.float32)
    return values


def locations(seed: int, boxes: int = 8732) -> Floats:
    return (np.random.RandomState(seed + 1000).standard_normal((boxes, 4)) * 0.8).astype(np.float32)


def in_a_graph(build: Callable[..., Any], locs: Floats, classes: Floats, centers: Floats | None = None) -> list[Any]:
    """What `build` gives where it is used: in a graph that is run, which is not always what it gives eagerly."""
    with tf.Graph().as_default() as graph:
        inputs = [tf.compat.v1.placeholder(tf.float32, (None, *array.shape[1:])) for array in (locs, classes)]
        outputs = build(*inputs, centers)
        with tf.compat.v1.Session(graph=graph) as session:
            found: list[Any] = session.run(outputs, dict(zip(inputs, (locs, classes), strict=True)))
    return found


def detect(locs: Floats, classes: Floats, centers: Floats | None = None) -> list[Floats]:
    """Rows of class, score, box for each image of a batch [N, B, 4], [N, B, C]."""
    boxes, scores, labels, counts = in_a_graph(detections.detect, locs, classes, centers)
    rows = np.concatenate([labels[..., None], scores[..., None], boxes], axis=-1)
    return [rows[i, :count] for i, count in enumerate(counts)]


CORNER = 20 * UNIT
"""How far a decoded corner may lie from the exact one: ten roundings of values below 2."""


@dataclass(frozen=True)
class Expected:
    """The original's steps in float64: rows of class, score, box; `within` is how far float32 may lie from them.

    `certain`: float32 cannot have decided otherwise anywhere.
    """

    rows: Floats
    within: float
    certain: bool


def reference(locs: Floats, classes: Floats, centers: Floats) -> Expected:
    """The original's steps for one image, class by class."""
    shares, errors = softmax(classes)
    middle = centers[:, :2] + locs[:, :2].astype(np.float64) * 0.1 * centers[:, 2:]
    half = np.exp(locs[:, 2:].astype(np.float64) * 0.2) * centers[:, 2:] / 2
    boxes = np.clip(np.concatenate([middle - half, middle + half], axis=1), 0, 1)
    sides = (boxes[:, 2:] - boxes[:, :2]).min(axis=1)
    rows: list[list[float]] = []
    certain = bool((np.abs(sides - 0.03) > 3 * CORNER).all() and (np.abs(shares[:, 1:] - 0.01) > errors[:, 1:]).all())
    for label in range(1, classes.shape[1]):
        scores, error = shares[:, label], errors[:, label]
        candidates = np.flatnonzero((scores > 0.01) & (sides > 0.03))
        candidates = candidates[np.argsort(-scores[candidates], kind="stable")]
        certain &= apart(candidates[399:401], scores, error)
        kept: list[int] = []
        for place, candidate in enumerate(candidates[:400]):
            if len(kept) == 200:
                certain &= apart([kept[-1], candidate], scores, error)
                break
            shared, doubt = overlaps(boxes[candidate], boxes[kept])
            certain &= bool((shared > 0.45 + doubt).any() or (shared < 0.45 - doubt).all())
            # Of two that overlap the surer one is kept: no other may score the same but for rounding.
            earlier = candidates[:place]
            level = earlier[scores[earlier] - scores[candidate] <= error[earlier] + error[candidate]]
            shared_by_level, doubt_by_level = overlaps(boxes[candidate], boxes[level])
            certain &= bool((shared_by_level < 0.45 - doubt_by_level).all())
            if (shared <= 0.45).all():
                kept.append(int(candidate))
        rows += [[label, scores[i], *boxes[i]] for i in kept]
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Expected(table, max(CORNER, float(errors.max())) + UNIT, certain)


def softmax(logits: Floats) -> tuple[Doubles, Doubles]:
    """Probabilities [B, C], and how far those of float32 may lie from them.

    In exp(x - max) the difference is rounded, the background's x was twice before (an offset of 4.6 comes and goes),
    and exp itself is off by two units in the last place. The sum of C of them and the quotient add C + 2.
    """
    wide = logits.astype(np.float64)
    below = wide - wide.max(axis=1, keepdims=True)
    shares = np.exp(below)
    shares /= shares.sum(axis=1, keepdims=True)
    powers = np.abs(below) + 4
    powers[:, 0] += 2 * np.abs(wide[:, 0]) + 4.6
    off = powers + (shares * powers).sum(axis=1, keepdims=True) + wide.shape[1] + 2
    return shares, shares * off * UNIT


def apart(pair: Sequence[int] | npt.NDArray[np.intp], scores: Doubles, errors: Doubles) -> bool:
    """Whether the scores of two boxes, the surer one first, are further apart than float32 may move them."""
    return len(pair) < 2 or bool(scores[pair[0]] - scores[pair[1]] > errors[pair[0]] + errors[pair[1]])


def overlaps(box: Doubles, others: Doubles) -> tuple[Doubles, Doubles]:
    """The overlaps of a box with others, and how far those of float32 may lie from them.

    A side is off by two corners, an area by that times the sum of its sides, and a quotient m / u by
    (dm + du * m / u) / u; 4 UNIT are for the roundings of areas, union and quotient.
    """
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    meet = np.prod(np.maximum(sides, 0), axis=1)
    spans = (box[2:] - box[:2], others[:, 2:] - others[:, :2])
    union = np.prod(spans[0]) + np.prod(spans[1], axis=1) - meet
    meet_off = 2 * CORNER * np.maximum(sides, 0).sum(axis=1)
    union_off = 2 * CORNER * (spans[0].sum() + spans[1].sum(axis=1)) + meet_off
    shared = meet / union
    return shared, (meet_off + union_off * shared) / union + 4 * UNIT


def test_detections_agree_with_the_original(golden: Golden) -> None:
    rows = detect(locations(1)[None], logits(1)[None])[0]
    assert_same(rows, golden["detections_a"], 2 * reference(locations(1), logits(1), anchors.default_centers()).within)


def test_in_a_batch_each_image_keeps_its_detections(golden: Golden) -> None:
    first, second = detect(np.stack([locations(1), locations(2)]), np.stack([logits(1), logits(2, objects=30)]))
    within = 2 * reference(locations(1), logits(1), anchors.default_centers()).within
    assert_same(first, golden["detections_a"], within)
    alone = detect(locations(2)[None], logits(2, objects=30)[None])[0]
    assert_same(second, alone, within)


@examples(15)
@given(
    st.integers(0, 2**31),
    st.integers(1, 3),
    st.integers(1, 250),
    st.integers(2, 6),
    st.floats(-2, 9),
)
def test_detections_agree_with_the_steps_written_out(
    seed: int, images: int, boxes: int, classes: int, background: float
) -> None:
    random = np.random.default_rng(seed)
    centers = random.uniform(0.02, 0.9, (boxes, 4)).astype(np.float32)
    locs = random.normal(0, 0.8, (images, boxes, 4)).astype(np.float32)
    raw = random.normal(0, 2, (images, boxes, classes)).astype(np.float32)
    raw[..., 0] += background
    expected = [reference(*image, centers) for image in zip(locs, raw, strict=True)]
    assume(all(image.certain for image in expected))
    for rows, image in zip(detect(locs, raw, centers), expected, strict=True):
        assert_same(rows, image.rows, image.within)


def test_more_than_400_candidates_a_class_are_cut_to_the_best_400() -> None:
    # Small boxes on a grid do not overlap, so that all 200 places are taken, from the best 400 of 900.
    places = (np.arange(30, dtype=np.float32) + 0.5) / 30
    y, x = np.meshgrid(places, places, indexing="ij")
    size = np.full(900, 0.0333, np.float32)
    centers = np.stack([y.ravel(), x.ravel(), size, size], axis=1)
    random = np.random.default_rng(4)
    locs = np.zeros((2, 900, 4), np.float32)
    raw = random.normal(2, 1, (2, 900, 3)).astype(np.float32)
    for rows, classes in zip(detect(locs, raw, centers), raw, strict=True):
        expected = reference(locs[0], classes, centers)
        assert expected.certain
        assert len(expected.rows) == 400
        assert_same(rows, expected.rows, expected.within)


def test_the_400_best_are_chosen_before_suppression() -> None:
    # 400 equal boxes outrank 100 that lie apart: only one of the 400 survives, and none of the 100 was looked at.
    centers = np.concatenate(
        [
            np.tile(np.array([[0.5, 0.5, 0.2, 0.2]], np.float32), (400, 1)),
            np.stack([*np.meshgrid(np.arange(10) / 10 + 0.05, np.arange(10) / 10 + 0.05)], -1)
            .reshape(-1, 2)
            .repeat(2, axis=1)[:, [0, 2, 1, 3]]
            * [1, 1, 0, 0]
            + [0, 0, 0.05, 0.05],
        ]
    ).astype(np.float32)
    raw = np.zeros((1, 500, 2), np.float32)
    raw[0, :, 1] = np.where(np.arange(500) < 400, 3 + np.arange(500) / 1000, 1)
    rows = detect(np.zeros((1, 500, 4), np.float32), raw, centers)[0]
    assert len(rows) == len(reference(np.zeros((500, 4), np.float32), raw[0], centers).rows) == 1


def test_of_equal_scores_at_the_edge_the_first_are_kept() -> None:
    # 300 equal boxes outrank 600 that lie apart and score the same: the first 100 of these fill up the 400.
    places = (np.arange(30, dtype=np.float32) + 0.5) / 30
    y, x = np.meshgrid(places, places, indexing="ij")
    size = np.full(900, 0.0333, np.float32)
    centers = np.stack([y.ravel(), x.ravel(), size, size], axis=1)
    centers[600:] = centers[600]
    raw = np.zeros((1, 900, 2), np.float32)
    raw[0, 600:, 1] = 1.0
    rows = detect(np.zeros((1, 900, 4), np.float32), raw, centers)[0]
    expected = np.concatenate([centers[:100], centers[600:601]])
    edges = expected[:, 0] - expected[:, 2] / 2
    np.testing.assert_allclose(np.sort(rows[:, 2]), np.sort(edges), atol=CORNER, rtol=0)


def suppressed_by_class(locs: Any, classes: Any, centers: Any) -> list[Any]:
    """The original's chain for one image: scores and boxes of each class in turn."""
    return [tensor for pair in detect_by_class(locs[0], classes[0], classes.shape[-1], centers) for tensor in pair]


def test_of_equal_scores_the_default_box_of_the_lowest_index_comes_first_as_in_the_original() -> None:
    # Each box overlaps its neighbours too much, and no other. All scores are 1 to the last bit.
    centers = np.array([[0.5, 0.1 + 0.03 * i, 0.1, 0.1] for i in range(27)], np.float32)
    locs, raw = np.zeros((1, 27, 4), np.float32), np.tile(np.array([-30, 0], np.float32), (1, 27, 1))
    (rows,) = detect(locs, raw, centers)
    scores, boxes = in_a_graph(suppressed_by_class, locs, raw, centers)
    np.testing.assert_allclose(rows[:, 3], centers[::2, 1] - 0.05, atol=1e-6)
    np.testing.assert_array_equal(rows[:, 1], scores[scores > 0])
    np.testing.assert_allclose(rows[:, 2:], boxes[scores > 0], atol=1e-6)


@pytest.mark.parametrize("step", [0.5, 2**-20])
def test_detections_are_those_of_the_original_ties_included(step: float) -> None:
    locs, raw = (np.rint(of[None] / step) * np.float32(step) for of in (locations(7), logits(7, objects=1500)))
    raw[0, np.random.default_rng(7).choice(8732, 900, replace=False), 1] = 40  # their scores are 1 to the last bit
    found = in_a_graph(detections.detect, locs, raw, anchors.default_centers())
    expected = in_a_graph(suppressed_by_class, locs, raw, anchors.default_centers())
    (ours,) = Contract("batched", "", (), None).detections(found)
    (theirs,) = Contract("upstream", "", (), 1).detections([array[None] for array in expected])
    assert (theirs.scores == 1).sum() > 50
    # Not all, on every CPU: the last elements of an array may be computed in other instructions, to another last bit.
    assert alike([theirs], [ours]) > 0.995
    assert ours.scores.tolist() == sorted(ours.scores, reverse=True)


def test_nothing_above_the_threshold_gives_no_detections() -> None:
    raw = np.zeros((2, 8732, 81), np.float32)
    raw[..., 0] = 20
    assert [len(rows) for rows in detect(np.zeros((2, 8732, 4), np.float32), raw)] == [0, 0]


def test_boxes_are_clipped_and_small_ones_dropped() -> None:
    centers = np.array([[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 0.029, 0.5], [0.8, 0.8, 0.2, 0.2]], np.float32)
    raw = np.array([[[0, 4], [0, 4], [0, 2]]], np.float32)
    rows = detect(np.zeros((1, 3, 4), np.float32), raw, centers)[0]
    np.testing.assert_allclose(rows[:, 2:], [[0, 0, 0.25, 0.25], [0.7, 0.7, 0.9, 0.9]], atol=CORNER, rtol=0)
    assert rows[:, 0].tolist() == [1, 1]


@pytest.mark.parametrize("seed", [5, 6])
def test_the_whole_set_of_default_boxes_agrees_with_the_steps_written_out(seed: int) -> None:
    locs, raw = locations(seed), logits(seed, objects=1500)
    rows = detect(locs[None], raw[None])[0]
    expected = reference(locs, raw, anchors.default_centers())
    assert expected.certain
    assert len(expected.rows) > 500
    assert_same(rows, expected.rows, expected.within)


def test_a_lowered_background_gives_the_same_detections() -> None:
    raw = logits(4)[None]
    weights = {f"ssd300/multibox_head/cls_{i}/bias": np.zeros(81 * boxes, np.float32) for i, boxes in enumerate(BOXES)}
    weights |= {"ssd300/conv1/conv1_1/bias": np.ones(64, np.float32)}
    lowered = detections.lower_background(weights)
    offsets = lowered["ssd300/multibox_head/cls_1/bias"].reshape(6, 81)
    assert offsets[:, 0] == pytest.approx(math.log(0.01 / 0.99))
    assert not offsets[:, 1:].any()
    assert lowered["ssd300/conv1/conv1_1/bias"].all()
    found = in_a_graph(detections.detect_candidates, locations(4)[None], raw + offsets[0])
    expected = in_a_graph(detections.detect, locations(4)[None], raw)
    assert expected[3][0] > 100
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
