"""Graphs are recognised by their inputs and outputs, and what is odd about one is said."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.errors import UserError
from ssd_core.graph.contract import BATCHED_OUTPUTS, UPSTREAM_OUTPUTS, Contract, identify, operation_counts

GraphDef = Any


def graph_with(outputs: list[str], shape: list[int | None] | None = None, dtype: Any = tf.float32) -> GraphDef:
    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(dtype, [None, 300, 300, 3] if shape is None else shape, name="input")
        for name in outputs:
            tf.identity(image, name=name)
    return graph.as_graph_def()


def upstream_outputs(count: int) -> list[str]:
    return ["ExpandDims" if i == 0 else f"ExpandDims_{i}" for i in range(count)]


def test_ours_is_recognised_with_its_batch() -> None:
    assert identify(graph_with([*BATCHED_OUTPUTS])) == Contract(
        "batched", "input:0", tuple(f"{n}:0" for n in BATCHED_OUTPUTS), None
    )
    assert identify(graph_with([*BATCHED_OUTPUTS], [8, 300, 300, 3])).fixed_batch == 8


def test_upstreams_is_recognised_and_takes_one_image() -> None:
    contract = identify(graph_with(upstream_outputs(160)))
    assert (contract.name, contract.fixed_batch, len(contract.outputs)) == ("upstream", 1, 160)
    assert contract.outputs[:2] == ("ExpandDims:0", "ExpandDims_1:0")
    assert contract.outputs[-1] == "ExpandDims_159:0"


def test_the_batch_of_a_fixed_graph_is_checked() -> None:
    contract = identify(graph_with(upstream_outputs(160)))
    contract.check_batch(1)
    with pytest.raises(UserError, match=r"takes 1 image\(s\) at a time \(upstream contract\), not 8"):
        contract.check_batch(8)
    identify(graph_with([*BATCHED_OUTPUTS])).check_batch(8)


@pytest.mark.parametrize(("count", "said"), [(159, "no ExpandDims_159"), (162, "ExpandDims_160 as well")])
def test_another_number_of_outputs_is_refused(count: int, said: str) -> None:
    with pytest.raises(UserError, match=f"{min(count, 160)} of the 160 outputs.*{said}"):
        identify(graph_with(upstream_outputs(count)))


def test_unknown_outputs_are_listed_beside_the_known() -> None:
    with pytest.raises(UserError, match=r"ends in logits, boxes; known are detection_boxes.*ExpandDims_159"):
        identify(graph_with(["logits", "boxes"]))
    with pytest.raises(UserError, match="o0, o1, o2, o3, o4, o5 and 3 more"):
        identify(graph_with([f"o{i}" for i in range(9)]))


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [([None, 512, 512, 3], tf.float32), ([None, 3, 300, 300], tf.float32), ([None, 300, 300, 3], tf.uint8)],
)
def test_another_input_is_refused(shape: list[int | None], dtype: Any) -> None:
    with pytest.raises(UserError, match=r"input has shape .* where SSD300 takes \[N, 300, 300, 3\] of float32"):
        identify(graph_with([*BATCHED_OUTPUTS], shape, dtype))


def test_an_output_that_waits_for_what_training_fed_is_refused() -> None:
    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, [None, 300, 300, 3], name="input")
        training = tf.compat.v1.placeholder(tf.bool, [], name="is_training")
        dropped = tf.where(training, image * 0.5, image)
        for name in BATCHED_OUTPUTS:
            tf.identity(dropped, name=name)
    with pytest.raises(UserError, match=r"wait for a value of the Placeholder is_training, .*: freeze the inference"):
        identify(graph.as_graph_def())


def test_what_no_output_needs_is_no_matter() -> None:
    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, [None, 300, 300, 3], name="input")
        labels = tf.compat.v1.placeholder(tf.float32, [None], name="labels")
        rate = tf.compat.v1.placeholder_with_default(0.0, [], name="rate")
        for name in BATCHED_OUTPUTS:
            tf.identity(image + rate, name=name)
        tf.identity(labels, name="loss")
    assert identify(graph.as_graph_def()).name == "batched"


def test_a_node_that_is_not_there_is_named() -> None:
    graph_def = graph_with([*BATCHED_OUTPUTS])
    graph_def.node[-1].input[0] = "lost"
    with pytest.raises(UserError, match="needs a node lost that it does not have"):
        identify(graph_def)


def test_a_graph_without_the_input_lists_its_own() -> None:
    graph = tf.Graph()
    with graph.as_default():
        tf.identity(tf.compat.v1.placeholder(tf.float32, [None], name="image_tensor"), name="out")
    with pytest.raises(UserError, match="inputs are unknown: it has image_tensor; known is one Placeholder input"):
        identify(graph.as_graph_def())


def test_an_input_without_a_shape_takes_any_batch() -> None:
    graph_def = graph_with([*BATCHED_OUTPUTS])
    del graph_def.node[0].attr["shape"]
    assert identify(graph_def).fixed_batch is None


def test_operations_are_counted_most_frequent_first() -> None:
    assert operation_counts(graph_with(["a", "b"])) == {"Identity": 2, "Placeholder": 1}


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_batched_arrays_are_cut_to_each_images_count(counts: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    width = max(*counts, 1)
    arrays = [random.random((len(counts), width, 4)), random.random((len(counts), width))]
    arrays += [random.integers(1, 81, (len(counts), width)).astype(np.float32), np.array(counts, np.int32)]
    found = Contract("batched", "input:0", BATCHED_OUTPUTS, None).detections(arrays)
    assert [len(d.scores) for d in found] == [len(d.classes) for d in found] == counts
    for i, one in enumerate(found):
        np.testing.assert_array_equal(one.boxes, arrays[0][i, : counts[i]])
        np.testing.assert_array_equal(one.classes, arrays[2][i, : counts[i]])
        assert one.classes.dtype == np.int64


def test_upstreams_arrays_become_one_list_without_what_was_masked() -> None:
    arrays: list[Any] = []
    for label in range(1, 81):
        scores = {3: [0.9, 0.0], 80: [0.95, 0.2]}.get(label, [0.0])
        arrays += [np.array([scores], np.float32), np.full((1, len(scores), 4), label / 100, np.float32)]
    (found,) = Contract("upstream", "input:0", UPSTREAM_OUTPUTS, 1).detections(arrays)
    assert found.classes.tolist() == [80, 3, 80]
    np.testing.assert_allclose(found.scores, [0.95, 0.9, 0.2])
    np.testing.assert_allclose(found.boxes[:, 0], [0.8, 0.03, 0.8])
