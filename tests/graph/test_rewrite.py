"""Writing a graph anew: every layer is offered once, in order; what is copied stays the same; the table says it all."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from ssd_core.graph.rewrite import LayerReport, Rewriter, layer_table
from ssd_core.graph.view import ConvolutionPattern, GraphView, node_of

GraphDef = Any
Small = Callable[..., GraphDef]
Run = Callable[..., list[npt.NDArray[Any]]]


class Scaling(Rewriter):
    """Doubles the kernels and biases, and leaves poolings as they are."""

    def convolution(self, pattern: ConvolutionPattern) -> LayerReport:
        name = pattern.convolution.name
        kernel = self.constant(f"{name}/twice", 2 * pattern.kernel, tf.float32)
        bias = self.constant(f"{name}/bias", 2 * pattern.bias, tf.float32)
        self.copy(pattern.convolution).input[1] = kernel
        last = f"{name}/added" if pattern.relu else pattern.output
        self.node("BiasAdd", last, [name, bias], T=tf.float32)
        if pattern.relu:
            self.node("Relu", pattern.output, [last], T=tf.float32)
        return LayerReport(name, "doubled", True)

    def max_pool(self, node: Any) -> LayerReport:
        self.copy(node)
        return LayerReport(node.name, "MaxPool", False, reason="it is left")


def rewritten(graph_def: GraphDef) -> tuple[GraphDef, list[LayerReport]]:
    view = GraphView(graph_def)
    writer = Scaling(view, view.convolutions()[0])
    reports = writer.write()
    return writer.graph_def, reports


def test_layers_are_offered_once_in_order_and_all_else_is_copied(small_graph: Small) -> None:
    before = small_graph()
    after, reports = rewritten(before)
    assert [(r.name, r.rewritten) for r in reports] == [("a/Conv2D", True), ("a/MaxPool", False), ("b/Conv2D", True)]
    names = [node.name for node in after.node]
    assert len(set(names)) == len(names)
    for position, node in enumerate(after.node):
        assert all(node_of(name) in names[:position] for name in node.input)
    written_anew = {"a/Conv2D", "a/BiasAdd", "a/Relu", "b/Conv2D", "b/BiasAdd"}
    kept = {node.name: node for node in before.node if node.name not in written_anew}
    assert {node.name: node for node in after.node if node.name in kept} == kept
    assert after.versions == before.versions


def test_what_is_written_anew_takes_the_place_of_what_was_there(small_graph: Small, run: Run) -> None:
    before = small_graph()
    after, _ = rewritten(before)
    images = np.random.default_rng(0).uniform(-120, 150, (1, 300, 300, 3)).astype(np.float32)
    for name in ("a/Relu", "a/MaxPool"):
        expected, got = (run(graph, [name], images)[0] for graph in (before, after))
        np.testing.assert_array_equal(got, 2 * expected)  # doubling rounds nothing


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.arange(6, dtype=np.float32).reshape(2, 3), tf.float32),
        (np.arange(6, dtype=np.float32).reshape(2, 3), tf.bfloat16),
        (np.arange(-3, 3, dtype=np.int8), tf.qint8),
        (np.zeros((0, 4), np.float32), tf.float32),
        (1.5, tf.float32),
        ([1, 2], tf.int32),
    ],
)
def test_constants_keep_their_values_types_and_shapes(small_graph: Small, value: Any, dtype: Any) -> None:
    writer = Scaling(GraphView(small_graph()), [])
    assert writer.constant("here", value, dtype) == "here"
    (node,) = writer.graph_def.node
    assert (node.op, node.name, tf.as_dtype(node.attr["dtype"].type)) == ("Const", "here", dtype)
    stored = tf.make_ndarray(node.attr["value"].tensor)
    assert stored.shape == np.shape(value)
    np.testing.assert_array_equal(stored.astype(np.float32), np.asarray(value, np.float32))


def test_nodes_have_their_inputs_and_types(small_graph: Small) -> None:
    writer = Scaling(GraphView(small_graph()), [])
    node = writer.node("Cast", "narrow", ["wide:1"], SrcT=tf.float32, DstT=tf.bfloat16)
    assert (node.op, node.name, list(node.input)) == ("Cast", "narrow", ["wide:1"])
    assert {name: tf.as_dtype(node.attr[name].type) for name in node.attr} == {"SrcT": tf.float32, "DstT": tf.bfloat16}
    assert list(writer.graph_def.node) == [node]


def test_the_table_says_what_each_layer_became_or_why_it_did_not() -> None:
    header, became, left, bare = layer_table(
        [
            LayerReport("conv1", "QuantizedConv2D", True, 127.0, 4.0),
            LayerReport("pool1", "MaxPool", False, reason="what it pools is not int8"),
            LayerReport("conv2", "Conv2D in bfloat16", True),
        ]
    )
    assert header.split() == ["layer", "became", "input", "output"]
    assert became.split() == ["conv1", "QuantizedConv2D", "127", "4"]
    assert became.index("127") + len("127") == header.index("input") + len("input")
    assert left.split(maxsplit=1) == ["pool1", "MaxPool, because what it pools is not int8"]
    assert bare.split(maxsplit=1) == ["conv2", "Conv2D in bfloat16"]
    assert became.index("Quantized") == left.index("MaxPool") == bare.index("Conv2D") == header.index("became")
