"""Weights -> a frozen graph: the network, decoding and non-maximum suppression in one GraphDef."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from ssd_core.graph.contract import BATCHED_OUTPUTS, INPUT
from ssd_core.graph.frozen import write_graph
from ssd_core.network.build import check_weights, predictions
from ssd_core.network.detections import detect
from ssd_core.network.layers import IMAGE_SIZE, MODEL_SCOPE, NUM_CLASSES, Weights
from ssd_core.network.variant import ORIGINAL, Variant

GraphDef = Any


def fp32_graph(
    weights: Weights, num_classes: int = NUM_CLASSES, scope: str = MODEL_SCOPE, variant: Variant = ORIGINAL
) -> GraphDef:
    """The whole network as a frozen fp32 GraphDef of the `batched` contract; UserError for weights that do not fit."""
    check_weights(weights, num_classes, scope)
    graph = tf.Graph()
    with graph.as_default():
        images = tf.compat.v1.placeholder(tf.float32, [None, IMAGE_SIZE, IMAGE_SIZE, 3], name=INPUT)
        locations, logits = predictions(images, weights, num_classes, scope, variant)
        for tensor, name in zip(detect(locations, logits, variant.centers), BATCHED_OUTPUTS, strict=True):
            tf.identity(tensor, name=name)
    return graph.as_graph_def()


def write_fp32(weights: Weights, path: Path) -> None:
    """Write the frozen fp32 graph of `weights` to `path`."""
    write_graph(fp32_graph(weights), path)
