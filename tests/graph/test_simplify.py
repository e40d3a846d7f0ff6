"""Dilated convolutions as TensorFlow 1 wrote them become one operation that computes the same."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from hypothesis import assume, given
from hypothesis import strategies as st

from ssd_core.graph.contract import operation_counts
from ssd_core.graph.simplify import simplified
from tests.examples import examples
from tests.rounding import of_sums

GraphDef = Any
Floats = npt.NDArray[np.float32]
Sign = Callable[[Any], Any]


def same(values: Any) -> Any:
    return values


def batched_convolution(
    size: int, kernel: int, rate: int, pads: list[list[int]], crops: list[list[int]], sign: Sign = same
) -> GraphDef:
    weights = sign(np.random.default_rng(1).standard_normal((kernel, kernel, 2, 3)).astype(np.float32))
    graph = tf.Graph()
    with graph.as_default():
        images = tf.compat.v1.placeholder(tf.float32, [1, size, size, 2], name="input")
        found = tf.space_to_batch(images, [rate, rate], pads)
        found = tf.nn.conv2d(found, weights, 1, "VALID", name="fc6/Conv2D")
        found = tf.batch_to_space(found, [rate, rate], crops)
        tf.nn.bias_add(found, np.ones(3, np.float32), name="out")
    return graph.as_graph_def()


def output_of(graph_def: GraphDef, sign: Sign = same) -> Floats:
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(graph_def, name="")
    with tf.compat.v1.Session(graph=graph) as session:
        shape = graph.get_tensor_by_name("input:0").shape
        images = sign(np.random.default_rng(2).standard_normal(shape).astype(np.float32))
        values: Floats = session.run("out:0", {"input:0": images})
    return values


@examples(25)
@given(
    size=st.integers(5, 20),
    kernel=st.sampled_from([1, 3]),
    rate=st.integers(2, 6),
    before=st.integers(0, 7),
    cropped=st.integers(0, 3),
)
def test_one_dilated_convolution_computes_the_same(
    size: int, kernel: int, rate: int, before: int, cropped: int
) -> None:
    after = -(size + before) % rate + rate * (kernel // 2)
    assume(cropped <= before)
    assume(size + before + after - (kernel - 1) * rate - cropped > 1)
    pads, crops = [[before, after]] * 2, [[cropped, 1 if after else 0]] * 2
    graph_def = batched_convolution(size, kernel, rate, pads, crops)
    simple = simplified(graph_def)
    assert "BatchToSpaceND" not in operation_counts(simple)
    magnitudes = output_of(batched_convolution(size, kernel, rate, pads, crops, np.abs), np.abs)
    # Twice a sum of 2 * kernel^2 products and the bias.
    off = np.abs(output_of(simple) - output_of(graph_def))
    assert (off <= 2 * of_sums(2 * kernel**2 + 1, magnitudes)).all()


def test_same_padding_is_recognised() -> None:
    # The original's fc6: 19 x 19, rate 6; 11 rows are padded below, of which 5 only fill up to a multiple of 6.
    simple = simplified(batched_convolution(19, 3, 6, [[6, 11]] * 2, [[0, 5]] * 2))
    (convolution,) = (node for node in simple.node if node.op == "Conv2D")
    assert convolution.attr["padding"].s == b"SAME"
    assert list(convolution.attr["dilations"].list.i) == [1, 6, 6, 1]


def test_what_is_cropped_beyond_the_padding_is_left() -> None:
    graph_def = batched_convolution(12, 3, 2, [[0, 0]] * 2, [[1, 0]] * 2)
    assert operation_counts(simplified(graph_def)) == operation_counts(graph_def)


def test_graphs_without_it_stay_as_they_are(small_graph: Callable[..., GraphDef]) -> None:
    graph_def = small_graph()
    renamed = type(graph_def)()
    renamed.CopyFrom(graph_def)
    for node in renamed.node:
        node.input[:] = [f"{name}:0" for name in node.input]
    for graph in (renamed, graph_def):
        assert list(simplified(graph).node) == list(graph_def.node)
