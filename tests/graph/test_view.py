"""Look-ups on a GraphDef: order, constants, pruning, and where the convolutions are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.errors import UserError
from ssd_core.graph.view import GraphView, needed_by, node_of, pruned

GraphDef = Any


def graph_of(build: Callable[[Any], Any]) -> GraphDef:
    graph = tf.Graph()
    with graph.as_default():
        build(tf.compat.v1.placeholder(tf.float32, [None, 8, 8, 3], name="input"))
    return graph.as_graph_def()


def chain(edges: list[list[int]]) -> GraphDef:
    """Node i takes the nodes `edges[i]`, written in the file last first."""
    graph_def = tf.compat.v1.GraphDef()
    for i in reversed(range(len(edges))):
        graph_def.node.add(name=f"n{i}", op="AddN", input=[f"n{e}" for e in edges[i]])
    return graph_def


@st.composite
def acyclic(draw: st.DrawFn) -> list[list[int]]:
    count = draw(st.integers(1, 12))
    return [draw(st.lists(st.integers(0, max(i - 1, 0)), max_size=3 if i else 0)) for i in range(count)]


@given(acyclic())
def test_in_order_puts_every_node_after_its_inputs(edges: list[list[int]]) -> None:
    names = [node.name for node in GraphView(chain(edges)).in_order()]
    assert sorted(names) == sorted(f"n{i}" for i in range(len(edges)))
    for i, sources in enumerate(edges):
        assert all(names.index(f"n{source}") < names.index(f"n{i}") for source in sources)


@given(acyclic())
def test_pruned_keeps_what_the_output_needs_and_no_more(edges: list[list[int]]) -> None:
    needed, waiting = set(), [len(edges) - 1]
    while waiting:
        needed.add(i := waiting.pop())
        waiting += edges[i]
    kept = pruned(chain(edges), [f"n{len(edges) - 1}"])
    assert {node.name for node in kept.node} == {f"n{i}" for i in needed}


@pytest.mark.parametrize("edges", [[[1], [0]], [[], [0, 7]]])
def test_a_loop_or_a_missing_input_is_said(edges: list[list[int]]) -> None:
    with pytest.raises(UserError, match="loop or an input that is not there"):
        GraphView(chain(edges)).in_order()


def test_pruning_says_what_is_missing_where_it_is_needed() -> None:
    graph_def = chain([[], [0, 7]])
    with pytest.raises(UserError, match="needs a node n7 that it does not have"):
        pruned(graph_def, ["n1"])
    with pytest.raises(UserError, match="needs a node out that it does not have"):
        needed_by(graph_def, ["out"])
    assert needed_by(graph_def, ["n0"]) == {"n0"}


def test_names_of_tensors_and_nodes() -> None:
    assert [node_of(n) for n in ("a", "a:1", "^a", "scope/a:0")] == ["a", "a", "a", "scope/a"]


def test_constants_are_seen_through_identity() -> None:
    def build(images: Any) -> None:
        value = tf.constant([1.0, 2.0], name="value")
        tf.identity(tf.identity(value, name="read"), name="again")
        tf.identity(images, name="computed")

    view = GraphView(graph_of(build))
    for name in ("value", "read", "again:0"):
        np.testing.assert_array_equal(view.constant(name), [1, 2])
    assert view.constant("computed") is None
    assert view.constant("not there") is None


KERNEL = np.ones((3, 3, 3, 4), np.float32)


@pytest.mark.parametrize("add", [tf.nn.bias_add, tf.add, tf.raw_ops.Add])
@pytest.mark.parametrize("relu", [True, False])
def test_a_convolution_with_bias_is_found(add: Any, relu: bool) -> None:
    def build(images: Any) -> None:
        found = tf.nn.conv2d(images, tf.identity(tf.constant(KERNEL)), 1, "SAME", name="conv")
        bias = tf.constant(np.arange(4, dtype=np.float32))
        found = add(x=found, y=bias, name="bias") if add is not tf.nn.bias_add else add(found, bias, name="bias")
        tf.identity(tf.nn.relu(found, name="relu") if relu else found, name="out")

    (pattern,), refused = GraphView(graph_of(build)).convolutions()
    assert not refused
    assert (pattern.convolution.name, pattern.input, pattern.relu) == ("conv", "input", relu)
    assert pattern.output == ("relu" if relu else "bias")
    np.testing.assert_array_equal(pattern.bias, np.arange(4))
    np.testing.assert_array_equal(pattern.kernel, KERNEL)


def test_a_relu_beside_another_consumer_is_left_out_of_the_pattern() -> None:
    def build(images: Any) -> None:
        added = tf.nn.bias_add(tf.nn.conv2d(images, KERNEL, 1, "SAME"), np.zeros(4, np.float32), name="bias")
        tf.add(tf.nn.relu(added), added)

    ((pattern,), _) = GraphView(graph_of(build)).convolutions()
    assert (pattern.output, pattern.relu) == ("bias", False)


def _transposed(images: Any) -> Any:
    return tf.raw_ops.Conv2D(
        input=tf.transpose(images, [0, 3, 1, 2]),
        filter=KERNEL,
        strides=[1, 1, 1, 1],
        padding="SAME",
        data_format="NCHW",
        name="conv",
    )


REFUSED: dict[str, Callable[[Any], Any]] = {
    "no constant bias follows it": lambda x: tf.identity(tf.nn.conv2d(x, KERNEL, 1, "SAME", name="conv")),
    "its kernel is not a constant": lambda x: tf.nn.bias_add(
        tf.nn.conv2d(x, tf.reshape(x[0, :4, :8, :3], (2, 2, 3, 8)), 1, "SAME", name="conv"), np.zeros(8, np.float32)
    ),
    "its layout is not NHWC": _transposed,
}


@pytest.mark.parametrize("reason", REFUSED)
def test_other_convolutions_are_refused_with_the_reason(reason: str) -> None:
    patterns, refused = GraphView(graph_of(REFUSED[reason])).convolutions()
    assert not patterns
    assert refused == {"conv": reason}
