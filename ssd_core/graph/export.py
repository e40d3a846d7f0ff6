"""Weights -> a frozen graph: the network, decoding and non-maximum suppression in one GraphDef."""

from typing import Any

import tensorflow as tf  # it takes 6 s to import

from ssd_core.graph.contract import BATCHED_OUTPUTS, INPUT
from ssd_core.graph.simplify import simplified
from ssd_core.graph.view import pruned
from ssd_core.network.build import check_weights, predictions
from ssd_core.network.detections import detect_candidates, lower_background
from ssd_core.network.layers import IMAGE_SIZE, MODEL_SCOPE, NUM_CLASSES, Weights
from ssd_core.network.variant import ORIGINAL, Variant

GraphDef = Any

LOCATIONS, CANDIDATE_LOGITS = "locations", "candidate_logits"
"""The nodes that give the raw predictions; for candidate logits see `network.detections`."""


def fp32_graph(
    weights: Weights, num_classes: int = NUM_CLASSES, scope: str = MODEL_SCOPE, variant: Variant = ORIGINAL
) -> GraphDef:
    """The whole network as a frozen fp32 GraphDef of the `batched` contract; UserError for weights that do not fit."""
    check_weights(weights, num_classes, scope)
    graph = tf.Graph()
    with graph.as_default():
        images = tf.compat.v1.placeholder(tf.float32, [None, IMAGE_SIZE, IMAGE_SIZE, 3], name=INPUT)
        lowered = lower_background(weights, num_classes, scope)
        locations, logits = predictions(images, lowered, num_classes, scope, variant, logits_name=CANDIDATE_LOGITS)
        for tensor, name in zip(detect_candidates(locations, logits, variant.centers), BATCHED_OUTPUTS, strict=True):
            tf.identity(tensor, name=name)
    return pruned(simplified(graph.as_graph_def()), BATCHED_OUTPUTS)
