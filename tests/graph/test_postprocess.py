"""Upstream's 80 suppressions replaced by one: the same detections, several images at once, or a refusal."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.graph import postprocess
from ssd_core.graph.contract import identify, operation_counts
from ssd_core.graph.postprocess import FastGraph, fast_postprocess
from ssd_core.network.detections import BACKGROUND_OFFSET, detect_candidates
from tests.rounding import TWO_SOFTMAXES
from tests.rows import assert_same

GraphDef = Any
Floats = npt.NDArray[np.float32]
Rows = Callable[..., list[Floats]]


@pytest.fixture(scope="module")
def images() -> Floats:
    return np.random.default_rng(11).uniform(-120, 150, (3, 300, 300, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def fast(thin_upstream_graph: GraphDef) -> FastGraph:
    return fast_postprocess(thin_upstream_graph)


def test_one_suppression_is_left_of_eighty(fast: FastGraph) -> None:
    counts = operation_counts(fast.graph_def)
    assert counts["CombinedNonMaxSuppression"] == 1
    assert "NonMaxSuppressionV3" not in counts
    assert identify(fast.graph_def).name == "batched"
    assert fast.before_ms > 0
    assert fast.after_ms > 0


def test_the_detections_are_the_same_one_image_or_several(
    thin_upstream_graph: GraphDef, fast: FastGraph, images: Floats, detections_of: Rows
) -> None:
    assert identify(fast.graph_def).fixed_batch is None
    together = detections_of(fast.graph_def, images)
    for image, rows in zip(images, together, strict=True):
        expected = detections_of(thin_upstream_graph, image[None])[0]
        assert len(expected) > 100
        assert_same(rows, expected, TWO_SOFTMAXES)


def test_the_whole_int8_network_keeps_its_detections(
    seeded_upstream_int8: GraphDef, network_input: Floats, detections_of: Rows
) -> None:
    """Of which most have a score that others of their class have, too."""
    fast = fast_postprocess(seeded_upstream_int8).graph_def
    assert identify(fast).fixed_batch is None
    before, after = (operation_counts(graph) for graph in (seeded_upstream_int8, fast))
    assert {n: c for n, c in after.items() if "Conv2D" in n} == {n: c for n, c in before.items() if "Conv2D" in n}
    (expected,), (rows,) = (detections_of(graph, network_input) for graph in (seeded_upstream_int8, fast))
    scores = np.unique(expected[:, :2], axis=0)
    assert len(scores) < 0.9 * len(expected), "there are ties"
    assert len(rows) == pytest.approx(len(expected), rel=0.005)
    distance = np.abs(rows[:, None] - expected[None]).max(axis=-1)
    for axis in (0, 1):
        assert (distance.min(axis=axis) < 1e-4).mean() > 0.995


def _reshaped(images: Any) -> Any:
    return tf.reshape(images, [1, 300, 300, 3])


def _centred(images: Any) -> Any:
    return images - tf.reduce_mean(images)


@pytest.mark.parametrize("first", [_reshaped, _centred])
def test_a_network_that_counts_on_one_image_keeps_to_it(
    thin_upstream_graph: GraphDef, images: Floats, detections_of: Rows, first: Callable[[Any], Any]
) -> None:
    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, [1, 300, 300, 3], name="input")
        with tf.name_scope("before"):
            changed = first(image)
        tf.import_graph_def(thin_upstream_graph, {"input:0": changed}, name="thin")
    single = tf.compat.v1.GraphDef(node=(n for n in graph.as_graph_def().node if n.name != "thin/input"))
    for node in single.node:  # the outputs keep their names
        node.name = node.name.removeprefix("thin/")
        node.input[:] = [name.removeprefix("thin/") for name in node.input]
    fast = fast_postprocess(single).graph_def
    assert identify(fast).fixed_batch == 1
    (expected,), (rows,) = (detections_of(graph, images[:1]) for graph in (single, fast))
    assert_same(rows, expected, TWO_SOFTMAXES)


def test_a_batched_graph_has_it_already(small_graph: Callable[..., GraphDef]) -> None:
    with pytest.raises(UserError, match="one operation already: leave --postprocess fast out"):
        fast_postprocess(small_graph())


def test_other_thresholds_are_noticed(thin_upstream_graph: GraphDef) -> None:
    other = type(thin_upstream_graph)()
    other.CopyFrom(thin_upstream_graph)
    changed = 0
    for node in other.node:
        if node.name.endswith("non_max_suppression/iou_threshold"):
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.float32(0.6)))
            changed += 1
    assert changed == 80
    with pytest.raises(UserError, match=r"post-processing is not SSD\.TensorFlow's"):
        fast_postprocess(other)


def test_ties_that_fall_otherwise_are_noticed(thin_upstream_graph: GraphDef, monkeypatch: pytest.MonkeyPatch) -> None:
    def detect(locations: Any, logits: Any, centers: Floats) -> Any:
        offsets = np.zeros(logits.shape[-1], np.float32)
        offsets[0] = BACKGROUND_OFFSET
        return detect_candidates(locations, logits + offsets, centers)

    monkeypatch.setattr(postprocess, "detect", detect)
    with pytest.raises(UserError, match=r"post-processing is not SSD\.TensorFlow's"):
        fast_postprocess(thin_upstream_graph)


def test_predictions_that_are_not_found_are_said(thin_upstream_graph: GraphDef) -> None:
    other = type(thin_upstream_graph)()
    other.CopyFrom(thin_upstream_graph)
    for node in other.node:
        if node.op == "Softmax":
            node.op = "Sigmoid"
    with pytest.raises(UserError, match=r"raw predictions.*were not found"):
        fast_postprocess(other)
