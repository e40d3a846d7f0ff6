"""A graph of upstream's contract that takes no time to make or to run."""

from typing import Any

import numpy as np
import tensorflow as tf

from ssd_core.graph.upstream_graph import detect_by_class
from ssd_core.network.anchors import default_centers
from ssd_core.network.layers import FEATURE_MAPS

GraphDef = Any


def thin_upstream_graph() -> GraphDef:
    """A graph of upstream's contract whose network is one pooled image and a 1x1 convolution a head."""
    random = np.random.default_rng(2)
    graph = tf.Graph()
    with graph.as_default():
        images = tf.compat.v1.placeholder(tf.float32, [1, 300, 300, 3], name="input")
        locations: list[Any] = []
        logits: list[Any] = []
        for feature_map in FEATURE_MAPS:
            step = 300 // feature_map.size
            small = images[:, : step * feature_map.size : step, : step * feature_map.size : step] / 128
            for width, collected in ((4, locations), (81, logits)):
                kernel = random.standard_normal((1, 1, 3, feature_map.boxes_per_cell * width))
                bias = np.zeros((feature_map.boxes_per_cell, width))
                bias[:, 0] = 0 if width == 4 else 9
                head = tf.nn.conv2d(small, kernel.astype(np.float32), 1, "SAME")
                head = tf.nn.bias_add(head, bias.ravel().astype(np.float32))
                collected.append(tf.reshape(head, [-1, width]))
        results = detect_by_class(tf.concat(locations, 0), tf.concat(logits, 0), 81, default_centers())
        for i, tensor in enumerate(tensor for pair in results for tensor in pair):
            tf.expand_dims(tensor, 0, name=f"ExpandDims_{i}" if i else "ExpandDims")
    return graph.as_graph_def()
