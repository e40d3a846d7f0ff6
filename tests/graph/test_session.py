"""What TensorFlow refuses is a sentence, in whichever tool it does."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.graph.contract import identify
from ssd_core.graph.session import failures, imported, needed, session_on

GraphDef = Any


def with_unknown(graph_def: GraphDef, between: str | None = None) -> GraphDef:
    """The graph with an operation that TensorFlow does not know: at its end, or before the node `between`."""
    for node in graph_def.node:
        if node.name == between:
            source, node.input[0] = node.input[0], "unknown"
            graph_def.node.add(op="Unknown_Detection_PostProcess", name="unknown", input=[source])
            return graph_def
    graph_def.node.add(op="Unknown_Detection_PostProcess", name="unknown", input=["detection_boxes"])
    return graph_def


def test_an_operation_that_is_not_known_is_named(small_graph: Callable[..., GraphDef]) -> None:
    for load in (imported, session_on):
        with pytest.raises(UserError, match=r"^The graph cannot be loaded by TensorFlow [\w.-]+ \(Op type.*'Unknown_D"):
            load(with_unknown(small_graph()))
    with pytest.raises(UserError, match=r"^/a/graph\.pb cannot be loaded by TensorFlow"):
        imported(with_unknown(small_graph()), "/a/graph.pb")


def test_what_no_output_needs_is_left_out(small_graph: Callable[..., GraphDef]) -> None:
    graph_def = small_graph()
    outputs = identify(graph_def).outputs
    part = needed(with_unknown(small_graph()), outputs)
    assert {node.name for node in part.node} == {node.name for node in graph_def.node}
    with pytest.raises(UserError, match="Unknown_Detection_PostProcess"):
        needed(with_unknown(small_graph(), between="a/MaxPool"), outputs)


def _without_attribute(graph_def: GraphDef) -> None:
    del next(node for node in graph_def.node if node.op == "Conv2D").attr["T"]


def _without_inputs(graph_def: GraphDef) -> None:
    del next(node for node in graph_def.node if node.op == "Conv2D").input[:]


def _twice(graph_def: GraphDef) -> None:
    graph_def.node.add().CopyFrom(graph_def.node[0])


def _loop(graph_def: GraphDef) -> None:
    next(node for node in graph_def.node if node.name == "a/Conv2D").input[0] = "a/Relu"


def _other_shape(graph_def: GraphDef) -> None:
    kernel = next(node for node in graph_def.node if node.name == "a/kernel")
    kernel.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.ones((3, 3, 5, 8), np.float32)))


@pytest.mark.parametrize("spoil", [_without_attribute, _without_inputs, _twice, _loop, _other_shape])
def test_a_graph_that_is_none_is_a_sentence(
    small_graph: Callable[..., GraphDef], spoil: Callable[[GraphDef], None]
) -> None:
    graph_def = small_graph()
    spoil(graph_def)
    with pytest.raises(UserError) as caught:
        needed(graph_def, identify(graph_def).outputs)
    assert "\n" not in str(caught.value)


def test_a_graph_that_fails_is_a_sentence(small_graph: Callable[..., GraphDef]) -> None:
    def tail(features: Any) -> Any:
        count = tf.cast(tf.reduce_sum(features) * 0, tf.int32)
        return tf.math.floordiv(count, count, name="division")

    images = np.zeros((1, 300, 300, 3), np.float32)
    with (
        session_on(small_graph(tail)) as session,
        pytest.raises(UserError, match=r"^my\.pb failed in TensorFlow .*: Integer division by zero\.$"),
        failures("my.pb"),
    ):
        session.run("division:0", {"input:0": images})
