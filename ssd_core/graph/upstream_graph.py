"""Weights -> a frozen graph of the `upstream` contract: one image -> the scores and boxes of each class.

This is the graph of SSD.TensorFlow's evaluation with the original's names: after the network each class is selected,
clipped, filtered, sorted and suppressed separately, by 80 `NonMaxSuppressionV3`. The published
`ssdvgg16_*_pretrained_model.pb` do the same. It is slower than the graph of `export.py`.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from ssd_core.graph.contract import INPUT
from ssd_core.network import detections
from ssd_core.network.anchors import PRIOR_SCALING, Floats
from ssd_core.network.build import check_weights, head_outputs
from ssd_core.network.layers import IMAGE_SIZE, MODEL_SCOPE, NUM_CLASSES, Weights
from ssd_core.network.variant import ORIGINAL, Variant

GraphDef = Any
NodeDef = Any
Tensor = Any


def upstream_graph(
    weights: Weights,
    num_classes: int = NUM_CLASSES,
    scope: str = MODEL_SCOPE,
    variant: Variant = ORIGINAL,
    space_to_batch: bool = False,
) -> GraphDef:
    """The network and the original's post-processing as a frozen fp32 GraphDef of the `upstream` contract.

    With `space_to_batch` dilated convolutions are written as TensorFlow 1 exported them. UserError for weights that do
    not fit.
    """
    check_weights(weights, num_classes, scope)
    graph = tf.Graph()
    with graph.as_default():
        images = tf.compat.v1.placeholder(tf.float32, [1, IMAGE_SIZE, IMAGE_SIZE, 3], name=INPUT)
        outputs = head_outputs(images, weights, num_classes, scope, variant)
        locations = tf.concat([tf.reshape(o, [-1, 4]) for o, _ in outputs], axis=0, name="locations")
        logits = tf.concat([tf.reshape(o, [-1, num_classes]) for _, o in outputs], axis=0, name="logits")
        results = detect_by_class(locations, logits, num_classes, variant.centers)
        for i, tensor in enumerate(tensor for pair in results for tensor in pair):
            tf.expand_dims(tensor, 0, name=f"ExpandDims_{i}" if i else "ExpandDims")
    return _with_space_to_batch(graph) if space_to_batch else graph.as_graph_def()


def detect_by_class(
    locations: Tensor, logits: Tensor, num_classes: int, centers: Floats
) -> list[tuple[Tensor, Tensor]]:
    """Scores [K] and boxes [K, 4] of each class but the background, from [8732, 4] and [8732, num_classes]."""
    boxes = _decode(locations, centers)
    with tf.name_scope("select_bboxes"):
        probabilities = tf.nn.softmax(logits)
        results = []
        for label in range(1, num_classes):
            with tf.name_scope(f"class_{label}"):
                results.append(_detect_class(probabilities[:, label], boxes))
    return results


def _decode(locations: Tensor, centers: Floats) -> Tensor:
    with tf.name_scope("decode_all_anchors"):
        center_y, center_x, height, width = (tf.constant(column) for column in centers.T)
        half_height = tf.exp(locations[:, 2] * PRIOR_SCALING[2]) * height / 2
        half_width = tf.exp(locations[:, 3] * PRIOR_SCALING[3]) * width / 2
        middle_y = locations[:, 0] * PRIOR_SCALING[0] * height + center_y
        middle_x = locations[:, 1] * PRIOR_SCALING[1] * width + center_x
        sides = middle_y - half_height, middle_x - half_width, middle_y + half_height, middle_x + half_width
        return tf.stack(sides, axis=-1)


def _detect_class(scores: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes that are masked out keep their place, with score 0 and, until they are clipped, an empty box."""
    selected = tf.cast(scores > detections.SCORE_THRESHOLD, tf.float32)
    scores, boxes = scores * selected, boxes * selected[:, tf.newaxis]
    low, high = tf.maximum(boxes[:, :2], 0.0), tf.minimum(boxes[:, 2:], 1.0)
    low = tf.minimum(low, high)
    large = tf.cast(tf.reduce_all(high - low > detections.MIN_SIZE, axis=-1), tf.float32)
    boxes = tf.concat([low, high], axis=-1) * large[:, tf.newaxis]
    count = tf.shape(scores)[0]
    best = tf.math.top_k(scores * large, tf.minimum(detections.MAX_CANDIDATES_PER_CLASS, count))
    missing = tf.maximum(detections.MAX_CANDIDATES_PER_CLASS - count, 0)
    scores = tf.pad(best.values, [[0, missing]])
    boxes = tf.pad(tf.gather(boxes, best.indices), [[0, missing], [0, 0]])
    kept = tf.image.non_max_suppression(
        boxes, scores, detections.MAX_DETECTIONS_PER_CLASS, detections.OVERLAP_THRESHOLD
    )
    return tf.gather(scores, kept), tf.gather(boxes, kept)


def _with_space_to_batch(graph: Any) -> GraphDef:
    """The GraphDef of a graph in which each dilated convolution is SpaceToBatchND -> Conv2D -> BatchToSpaceND."""
    graph_def = graph.as_graph_def()
    written = type(graph_def)(versions=graph_def.versions, library=graph_def.library)
    renamed: dict[str, str] = {}
    for node in graph_def.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        if node.op == "Conv2D" and max(node.attr["dilations"].list.i) > 1:
            images, kernel = graph.get_operation_by_name(node.name).inputs
            rate = node.attr["dilations"].list.i[1]
            renamed[node.name] = _write_batched(written, node, rate, int(kernel.shape[0]), int(images.shape[1]))
        else:
            written.node.append(node)
    return written


def _write_batched(written: GraphDef, convolution: NodeDef, rate: int, kernel: int, size: int) -> str:
    """Write a convolution with SAME padding in three steps and return the name of the last."""
    scope = convolution.name.rsplit("/", 1)[0]
    reach = (kernel - 1) * rate
    extra = -(size + reach) % rate  # so that the padded size is a multiple of the rate
    pads = [[reach // 2, reach - reach // 2 + extra]] * 2
    before, after = f"{scope}/SpaceToBatchND", f"{scope}/BatchToSpaceND"
    integer = tf.int32.as_datatype_enum
    for name, operation, source, values in (
        (before, "SpaceToBatchND", convolution.input[0], {"block_shape": [rate] * 2, "paddings": pads}),
        (after, "BatchToSpaceND", convolution.name, {"block_shape": [rate] * 2, "crops": [[0, extra]] * 2}),
    ):
        for part, value in values.items():
            constant = written.node.add(op="Const", name=f"{name}/{part}")
            constant.attr["dtype"].type = integer
            constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.array(value, np.int32)))
        node = written.node.add(op=operation, name=name, input=[source, *(f"{name}/{part}" for part in values)])
        node.attr["T"].type = tf.float32.as_datatype_enum
        node.attr["Tblock_shape"].type = integer
        node.attr["Tpaddings" if operation == "SpaceToBatchND" else "Tcrops"].type = integer
        if operation == "SpaceToBatchND":
            convolution.input[0] = before
            convolution.attr["padding"].s = b"VALID"
            convolution.attr["dilations"].list.i[:] = [1, 1, 1, 1]
            written.node.append(convolution)
    return after
