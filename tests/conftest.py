"""Small graphs with the network's contract, for tests that run a graph and not the network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssd_core.graph.contract import BATCHED_OUTPUTS, INPUT

_BOX = (0.1, 0.2, 0.5, 0.6)
_LABEL = 3.0


@pytest.fixture(scope="session")
def small_graphs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """fp32 and int8 graphs of the batched contract: two convolutions that decide the score of one fixed box."""
    from ssd_core.graph.frozen import write_graph
    from ssd_core.graph.quantize import quantize

    folder = tmp_path_factory.mktemp("graphs")
    fp32 = _graph()
    int8, _ = quantize(fp32, [np.random.default_rng(0).uniform(-120, 150, (2, 300, 300, 3)).astype(np.float32)])
    paths = {"fp32": folder / "fp32.pb", "int8": folder / "int8.pb"}
    write_graph(fp32, paths["fp32"])
    write_graph(int8, paths["int8"])
    return paths


def _graph() -> Any:
    import tensorflow as tf

    generator = np.random.default_rng(1)
    graph = tf.Graph()
    with graph.as_default():
        images = tf.compat.v1.placeholder(tf.float32, [None, 300, 300, 3], name=INPUT)
        features = images
        for name, channels_in, channels_out in (("first", 3, 16), ("second", 16, 16)):
            kernel = generator.normal(0, 0.1, (3, 3, channels_in, channels_out)).astype(np.float32)
            bias = generator.normal(0, 0.1, channels_out).astype(np.float32)
            features = tf.nn.conv2d(features, kernel, 4, "SAME", name=f"{name}/Conv2D")
            features = tf.nn.relu(tf.nn.bias_add(features, bias, name=f"{name}/BiasAdd"), name=f"{name}/Relu")
        score = tf.sigmoid(tf.reduce_mean(features, axis=[1, 2, 3]))[:, tf.newaxis]
        count = tf.shape(images)[:1]
        boxes = tf.tile(tf.constant(_BOX)[tf.newaxis, tf.newaxis], tf.concat([count, [1, 1]], 0))
        found = (boxes, score, tf.fill(tf.concat([count, [1]], 0), _LABEL), tf.fill(count, 1))
        for tensor, name in zip(found, BATCHED_OUTPUTS, strict=True):
            tf.identity(tensor, name=name)
    return graph.as_graph_def()
