"""`python -m ssd_core bfloat16` from a file to a file, and its table."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.files import sha256_of
from ssd_core.graph import bfloat16_command
from ssd_core.graph.contract import identify, operation_counts
from ssd_core.graph.frozen import read_graph, write_graph

GraphDef = Any
Small = Callable[..., GraphDef]


@pytest.fixture
def fp32(tmp_path: Path, small_graph: Small) -> Path:
    write_graph(small_graph(), tmp_path / "fp32.pb")
    return tmp_path / "fp32.pb"


def bfloat16(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    bfloat16_command.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["bfloat16", *map(str, arguments)])
    status: int = parsed.run(parsed)
    return status


@pytest.mark.parametrize("name", ["bf16.pb", "bf16.pbtxt"])
def test_a_file_becomes_a_file_and_a_table(
    fp32: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "made" / name
    assert bfloat16("--in-graph", fp32, "--output", output) == 0
    assert [path.name for path in output.parent.iterdir()] == [name]
    made = read_graph(output)
    assert identify(made).name == "batched"
    assert operation_counts(made)["Cast"] == 2
    printed = capsys.readouterr().out
    for layer in ("a/Conv2D", "a/MaxPool", "b/Conv2D"):
        assert layer in printed
    assert f"3 of 3 layers are bf16; sha256 {sha256_of(output)[:12]}" in printed
    assert str(output) in printed


def test_a_layer_that_is_left_is_in_the_table_with_the_reason(
    tmp_path: Path, small_graph: Small, capsys: pytest.CaptureFixture[str]
) -> None:
    def tail(features: Any) -> Any:
        return tf.nn.conv2d(features, np.ones((3, 3, 8, 4), np.float32), 1, "SAME", name="c/Conv2D")

    write_graph(small_graph(tail), tmp_path / "fp32.pb")
    assert bfloat16("--in-graph", tmp_path / "fp32.pb", "--output", tmp_path / "bf16.pb") == 0
    printed = capsys.readouterr().out
    assert "Conv2D, because no constant bias follows it" in printed
    assert "2 of 3 layers are bf16" in printed


def test_bad_input_is_said_and_writes_nothing(fp32: Path, tmp_path: Path, small_graph: Small) -> None:
    output = tmp_path / "out" / "bf16.pb"
    with pytest.raises(UserError, match=r"absent\.pb cannot be read \(No such file"):
        bfloat16("--in-graph", tmp_path / "absent.pb", "--output", output)
    with pytest.raises(UserError, match="is a folder: give the name of a file"):
        bfloat16("--in-graph", tmp_path / "absent.pb", "--output", tmp_path)
    assert bfloat16("--in-graph", fp32, "--output", tmp_path / "bf16.pb") == 0
    with pytest.raises(UserError, match="no float32 convolution"):
        bfloat16("--in-graph", tmp_path / "bf16.pb", "--output", output)
    assert not output.parent.exists()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written to"):
        bfloat16("--in-graph", fp32, "--output", tmp_path / "file" / "bf16.pb")


def test_a_graph_with_unneeded_operations_has_to_be_trusted(tmp_path: Path, small_graph: Small) -> None:
    graph_def = small_graph()
    graph_def.node.add(op="ReadFile", name="secret", input=[graph_def.node[0].name])
    write_graph(graph_def, tmp_path / "fp32.pb")
    arguments = ("--in-graph", tmp_path / "fp32.pb", "--output", tmp_path / "bf16.pb")
    with pytest.raises(UserError, match="ReadFile"):
        bfloat16(*arguments)
    assert bfloat16(*arguments, "--trust-graph") == 0
    assert "ReadFile" not in operation_counts(read_graph(tmp_path / "bf16.pb"))


def test_training_leftovers_harm_only_where_they_are_needed(tmp_path: Path, small_graph: Small) -> None:
    def waiting(features: Any) -> Any:
        return tf.where(tf.compat.v1.placeholder(tf.bool, [], name="is_training"), features * 0.5, features)

    def odd(features: Any) -> Any:
        return tf.identity(features, name="odd")

    unknown = small_graph(odd)
    next(node for node in unknown.node if node.name == "odd").op = "TFLite_Detection_PostProcess"
    for name, graph_def, said in (
        ("waiting.pb", small_graph(waiting), "Placeholder is_training"),
        ("unknown.pb", unknown, r"cannot be loaded by TensorFlow .*TFLite_Detection_PostProcess"),
    ):
        write_graph(graph_def, tmp_path / name)
        with pytest.raises(UserError, match=said):
            bfloat16("--in-graph", tmp_path / name, "--output", tmp_path / "bf16.pb", "--trust-graph")
    assert not (tmp_path / "bf16.pb").exists()
