"""The original's whole graph: one image, and the scores and boxes of each class."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ssd_core.graph.contract import identify, operation_counts
from ssd_core.graph.upstream_graph import detect_by_class
from ssd_core.network.anchors import default_centers
from ssd_core.network.detections import detect
from tests.rounding import TWO_SOFTMAXES, of_detections, of_the_network
from tests.rows import assert_same, without_ties

GraphDef = Any
Floats = npt.NDArray[np.float32]


def test_it_is_of_upstreams_contract(seeded_upstream_graph: GraphDef) -> None:
    assert identify(seeded_upstream_graph).name == "upstream"
    counts = operation_counts(seeded_upstream_graph)
    assert (counts["Conv2D"], counts["MaxPool"], counts["NonMaxSuppressionV3"]) == (35, 5, 80)
    assert (counts["ExpandDims"], counts["SpaceToBatchND"], counts["BatchToSpaceND"]) == (160, 1, 1)


def test_nodes_carry_the_originals_names(seeded_upstream_graph: GraphDef) -> None:
    names = {node.name for node in seeded_upstream_graph.node}
    for layer in ("conv1/conv1_1", "fc6", "additional_layers/conv8/conv8_2", "multibox_head/cls_0"):
        assert {f"ssd300/{layer}/{part}" for part in ("Conv2D", "BiasAdd", "kernel", "bias")} <= names


def test_scores_and_boxes_alternate_class_by_class(
    thin_upstream_graph: GraphDef, run: Any, network_input: Floats
) -> None:
    outputs = run(
        thin_upstream_graph, [n.removesuffix(":0") for n in identify(thin_upstream_graph).outputs], network_input
    )
    for scores, boxes in zip(outputs[0::2], outputs[1::2], strict=True):
        assert scores.shape == (1, scores.shape[1])
        assert boxes.shape == (1, scores.shape[1], 4)
        assert scores.shape[1] <= 200


def by_class(locations: Floats, logits: Floats, classes: int, centers: Floats) -> Floats:
    rows = []
    for label, (scores, boxes) in enumerate(detect_by_class(locations, logits, classes, centers), 1):
        kept = scores.numpy() > 0
        rows.append(np.concatenate([np.full((kept.sum(), 1), label), scores[kept][:, None], boxes[kept]], axis=1))
    table: Floats = np.concatenate(rows)
    return table


def test_the_post_processing_agrees_with_the_original(golden: Mapping[str, Floats]) -> None:
    random = np.random.RandomState(1)
    logits = random.standard_normal((8732, 81)).astype(np.float32)
    logits[:, 0] += 9
    rows = random.randint(0, 8732, 400)
    logits[rows, random.randint(1, 81, 400)] += random.uniform(6, 12, 400).astype(np.float32)
    locations = (np.random.RandomState(1001).standard_normal((8732, 4)) * 0.8).astype(np.float32)
    found = by_class(locations, logits, 81, default_centers())
    expected = golden["detections_a"]
    assert_same(found, expected, TWO_SOFTMAXES)


def test_the_post_processing_agrees_with_ours_class_by_class() -> None:
    random = np.random.default_rng(8)
    centers = default_centers()[:3000]
    locations = random.normal(0, 0.8, (3000, 4)).astype(np.float32)
    logits = random.normal(0, 2, (3000, 5)).astype(np.float32)
    boxes, scores, classes, counts = (
        t.numpy() for t in detect(tf.constant(locations[None]), tf.constant(logits[None]), centers)
    )
    ours = np.concatenate([classes[0, :, None], scores[0, :, None], boxes[0]], axis=1)[: counts[0]]
    theirs = by_class(locations, logits, 5, centers)
    assert len(theirs) == 800  # 200 of each class
    assert_same(ours, theirs, TWO_SOFTMAXES)


def test_the_whole_agrees_with_the_original(
    seeded_upstream_graph: GraphDef, network_input: Floats, run: Any, golden: Mapping[str, Floats]
) -> None:
    contract = identify(seeded_upstream_graph)
    names = ["logits", "locations", *(name.removesuffix(":0") for name in contract.outputs)]
    logits, locations, *outputs = run(seeded_upstream_graph, names, network_input)
    for ours, theirs in ((logits, golden["network_cls"]), (locations, golden["network_loc"])):
        np.testing.assert_allclose(ours[golden["network_rows"]], theirs, atol=of_the_network(theirs), rtol=0)
    (found,) = contract.detections(outputs)
    rows = np.concatenate([found.classes[:, None], found.scores[:, None], found.boxes], axis=1)
    kept, expected = without_ties(rows, golden["network_detections"])
    assert len(expected) > 60
    assert_same(kept, expected, of_detections(golden["network_cls"], golden["network_loc"]))
