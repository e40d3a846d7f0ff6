"""Graphs to work on: the whole seeded network, built once, and small ones that keep its contracts."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from ssd_core.graph.contract import BATCHED_OUTPUTS, identify
from ssd_core.graph.export import CANDIDATE_LOGITS, LOCATIONS, fp32_graph
from ssd_core.graph.quantize import quantize
from ssd_core.graph.rewrite import LayerReport
from ssd_core.graph.session import session_on
from ssd_core.graph.upstream_graph import upstream_graph
from ssd_core.network.detections import BACKGROUND_OFFSET
from tests import thin_upstream

GraphDef = Any
Floats = npt.NDArray[np.float32]
Weights = dict[str, Floats]
Run = Callable[..., list[npt.NDArray[Any]]]
Rows = Callable[[GraphDef, Floats], list[Floats]]


@pytest.fixture(scope="session")
def run() -> Run:
    """`run(graph_def, names, images)`: the first outputs of nodes; with `optimize` as a benchmark's session does it."""

    def run(
        graph_def: GraphDef, names: Sequence[str], images: Floats, optimize: bool = False
    ) -> list[npt.NDArray[Any]]:
        with session_on(graph_def, optimize) as session:
            values: list[npt.NDArray[Any]] = session.run([f"{n}:0" for n in names], {"input:0": images})
        return values

    return run


@pytest.fixture(scope="session")
def detections_of(run: Run) -> Rows:
    """`detections_of(graph_def, images)`: rows of class, score, box for each image, by class and falling score."""

    def rows(graph_def: GraphDef, images: Floats) -> list[Floats]:
        contract = identify(graph_def)
        tables = []
        for found in contract.detections(run(graph_def, [n.removesuffix(":0") for n in contract.outputs], images)):
            table = np.concatenate([found.classes[:, None], found.scores[:, None], found.boxes], axis=1)
            tables.append(table[np.lexsort((-found.scores, found.classes))])
        return tables

    return rows


@pytest.fixture(scope="session")
def seeded_graph(seeded_weights: Weights) -> GraphDef:
    """The whole seeded network, fp32, of the batched contract."""
    return fp32_graph(seeded_weights)


@pytest.fixture(scope="session")
def seeded_outputs(seeded_graph: GraphDef, network_input: Floats, run: Run) -> dict[str, npt.NDArray[Any]]:
    """What the seeded fp32 network gives for the golden image: `logits`, `locations` and the contract's outputs."""
    names = [CANDIDATE_LOGITS, LOCATIONS, *BATCHED_OUTPUTS]
    found = dict(zip(names, run(seeded_graph, names, network_input, optimize=True), strict=True))
    return found | {"logits": logits_of(found[CANDIDATE_LOGITS])}


def logits_of(candidate_logits: Floats) -> Floats:
    """The logits as the network was trained, from those with a lowered background."""
    logits = candidate_logits.copy()
    logits[..., 0] -= BACKGROUND_OFFSET
    return logits


@pytest.fixture(scope="session")
def seeded_upstream_graph(seeded_weights: Weights) -> GraphDef:
    """The whole seeded network, fp32, of upstream's contract, its dilation as TensorFlow 1 wrote it."""
    return upstream_graph(seeded_weights, space_to_batch=True)


@pytest.fixture(scope="session")
def seeded_int8(seeded_graph: GraphDef, network_input: Floats) -> tuple[GraphDef, list[LayerReport]]:
    """The seeded network quantized, and the quantizer's table."""
    return quantize(seeded_graph, [network_input])


@pytest.fixture(scope="session")
def seeded_upstream_int8(seeded_upstream_graph: GraphDef, network_input: Floats) -> GraphDef:
    """Upstream's contract in int8 as it was published in 2019: the first convolution in fp32, one scale a kernel."""
    int8, _ = quantize(seeded_upstream_graph, [network_input], keep_float={"ssd300/conv1/conv1_1/Conv2D"})
    constants = {node.name: node for node in int8.node if node.op == "Const"}
    for node in int8.node:
        if node.op.startswith("QuantizedConv2D"):
            kernel, low, high = (constants[name].attr["value"].tensor for name in (node.input[i] for i in (1, 5, 6)))
            limits = tf.make_ndarray(high)
            values = tf.make_ndarray(kernel).astype(np.int8) * (limits / limits.max())
            kernel.CopyFrom(
                tf.make_tensor_proto(np.rint(values).astype(tf.qint8.as_numpy_dtype), tf.qint8, values.shape)
            )
            low.CopyFrom(tf.make_tensor_proto(-limits.max()))
            high.CopyFrom(tf.make_tensor_proto(limits.max()))
    return int8


@pytest.fixture(scope="session")
def thin_upstream_graph() -> GraphDef:
    """A graph of upstream's contract with next to no network."""
    return thin_upstream.thin_upstream_graph()


@pytest.fixture
def small_graph() -> Callable[..., GraphDef]:
    """`small_graph(tail=None)`: a strided convolution, ReLU, pooling and a head, under the batched contract's names.

    `tail(features)` may put its own layers after the pooling instead of the head.
    """

    def build(tail: Callable[[Any], Any] | None = None, batch: int | None = None) -> GraphDef:
        random = np.random.default_rng(5)
        graph = tf.Graph()
        with graph.as_default():
            images = tf.compat.v1.placeholder(tf.float32, [batch, 300, 300, 3], name="input")
            kernel = tf.constant(random.normal(0, 0.2, (3, 3, 3, 8)).astype(np.float32), name="a/kernel")
            features = tf.nn.conv2d(images, kernel, 10, "SAME", name="a/Conv2D")
            bias = tf.constant(random.normal(0, 10, 8).astype(np.float32), name="a/bias")
            features = tf.nn.relu(tf.nn.bias_add(features, bias, name="a/BiasAdd"), name="a/Relu")
            features = tf.nn.max_pool2d(features, 2, 2, "SAME", name="a/MaxPool")
            output = _head(features, random) if tail is None else tail(features)
            for name in BATCHED_OUTPUTS:
                tf.identity(output, name=name)
        return graph.as_graph_def()

    return build


def _head(features: Any, random: np.random.Generator) -> Any:
    kernel = tf.constant(random.normal(0, 0.2, (3, 3, 8, 6)).astype(np.float32), name="b/kernel")
    output = tf.nn.conv2d(features, kernel, 1, "SAME", name="b/Conv2D")
    return tf.nn.bias_add(
        output, tf.constant(random.normal(0, 1, 6).astype(np.float32), name="b/bias"), name="b/BiasAdd"
    )
