"""A graph that is optimized once gives what the plain one gives, in the kernels that a session would have chosen."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ssd_core.backends.tensorflow.loaded import LoadedGraph, load
from ssd_core.errors import UserError
from ssd_core.files import sha256_of
from ssd_core.graph.bfloat16 import to_bfloat16
from ssd_core.graph.contract import UPSTREAM_OUTPUTS
from ssd_core.graph.frozen import read_graph, write_graph
from ssd_core.graph.session import session_on


def loaded(path: Path) -> LoadedGraph:
    return load(path, sha256_of(path), False, False)


def operations(graph: Any) -> list[str]:
    return [operation.type for operation in graph.get_operations()]


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_optimized_graph_finds_the_same(small_graphs: dict[str, Path], precision: str) -> None:
    path = small_graphs[precision]
    found = loaded(path)
    assert found.optimized
    assert found.operation_counts["Placeholder"] == 1
    images = np.random.default_rng(3).uniform(-120, 150, (2, 300, 300, 3)).astype(np.float32)
    feed = {found.contract.input: images}
    outputs = list(found.contract.outputs)
    with session_on(read_graph(path, False), optimize=True) as plain:
        expected = plain.run(outputs, feed)
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    with tf.compat.v1.Session(graph=found.graph, config=config) as session:
        for array, wanted in zip(session.run(outputs, feed), expected, strict=True):
            np.testing.assert_array_equal(array, wanted)


def test_convolution_bias_and_relu_are_one_and_the_counts_are_the_files(small_graphs: dict[str, Path]) -> None:
    found = loaded(small_graphs["fp32"])
    assert operations(found.graph).count("_FusedConv2D") == 2
    assert not {"Conv2D", "BiasAdd", "Relu"} & set(operations(found.graph))
    assert found.operation_counts["Conv2D"] == 2


def test_what_the_importer_would_refuse_is_left_to_each_session(small_graphs: dict[str, Path], tmp_path: Path) -> None:
    converted, _ = to_bfloat16(read_graph(small_graphs["fp32"], False))
    write_graph(converted, tmp_path / "bf16.pb")
    found = loaded(tmp_path / "bf16.pb")
    assert not found.optimized
    assert "Conv2D" in operations(found.graph)


def test_the_last_graph_is_kept_until_its_file_changes(small_graphs: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "graph.pb"
    path.write_bytes(small_graphs["fp32"].read_bytes())
    first = loaded(path)
    assert loaded(path) is first
    path.write_bytes(small_graphs["int8"].read_bytes())
    assert "QuantizedConv2DWithBiasAndReluAndRequantize" in loaded(path).operation_counts


def test_a_graph_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.pb cannot be read \(No such file"):
        load(tmp_path / "none.pb", "", False, False)


def test_what_no_output_needs_is_left_out_and_what_one_needs_is_named(
    small_graphs: dict[str, Path], tmp_path: Path
) -> None:
    graph_def = read_graph(small_graphs["fp32"])
    graph_def.node.add(op="TFLite_Detection_PostProcess", name="odd", input=["first/Relu"])
    write_graph(graph_def, tmp_path / "beside.pb")
    found = load(tmp_path / "beside.pb", "1", True, False)
    assert found.operation_counts["TFLite_Detection_PostProcess"] == 1  # of the file
    assert "TFLite_Detection_PostProcess" not in operations(found.graph)
    next(node for node in graph_def.node if node.name == "second/Conv2D").input[0] = "odd"
    write_graph(graph_def, tmp_path / "before.pb")
    said = r"before\.pb cannot be loaded by TensorFlow .*TFLite_Detection_PostProcess"
    with pytest.raises(UserError, match=said):
        load(tmp_path / "before.pb", "2", True, False)


@pytest.mark.parametrize("fast", [False, True])
def test_a_graph_that_waits_for_what_training_fed_is_refused_when_it_is_opened(tmp_path: Path, fast: bool) -> None:
    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, [1, 300, 300, 3], name="input")
        training = tf.compat.v1.placeholder(tf.bool, [], name="is_training")
        score = tf.where(training, 0.5, tf.reduce_mean(image))
        for name in UPSTREAM_OUTPUTS:
            tf.identity(score, name=name)
    write_graph(graph.as_graph_def(), tmp_path / "training.pb")
    with pytest.raises(UserError, match="Placeholder is_training"):
        load(tmp_path / "training.pb", str(fast), False, fast)
