"""`python -m ssd_core quantize` from files to a file, and its table."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.graph import quantize_command
from ssd_core.graph.contract import operation_counts
from ssd_core.graph.frozen import read_graph, write_graph

GraphDef = Any


@pytest.fixture
def fp32(tmp_path: Path, small_graph: Callable[..., GraphDef]) -> Path:
    write_graph(small_graph(), tmp_path / "fp32.pb")
    return tmp_path / "fp32.pb"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A folder with one shard of three drawn images."""
    folder = tmp_path / "records"
    folder.mkdir()
    random = np.random.default_rng(0)
    with tf.io.TFRecordWriter(str(folder / "val-00000-of-00001")) as writer:
        for i in range(3):
            pixels = random.integers(0, 256, (40, 60, 3)).astype(np.uint8)
            values = {
                "image/encoded": tf.train.Feature(
                    bytes_list=tf.train.BytesList(value=[tf.io.encode_jpeg(pixels).numpy()])
                ),
                "image/filename": tf.train.Feature(bytes_list=tf.train.BytesList(value=[f"{i:012}.jpg".encode()])),
                "image/shape": tf.train.Feature(int64_list=tf.train.Int64List(value=[40, 60, 3])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=values)).SerializeToString())
    return folder


def quantize(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    quantize_command.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["quantize", *map(str, arguments)])
    status: int = parsed.run(parsed)
    return status


def test_files_become_a_file_and_a_table(
    fp32: Path, records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "made" / "int8.pb"
    assert quantize("--in-graph", fp32, "--data-location", records, "--output", output) == 0
    counts = operation_counts(read_graph(output))
    assert counts["QuantizedConv2DWithBiasAndReluAndRequantize"] == 1
    assert [path.name for path in output.parent.iterdir()] == ["int8.pb"]
    printed = capsys.readouterr().out
    for layer in ("a/Conv2D", "a/MaxPool", "b/Conv2D"):
        assert layer in printed
    assert "3 of 3 layers are int8" in printed
    assert str(output) in printed


def test_a_layer_that_is_kept_is_in_the_table_with_the_reason(
    fp32: Path, records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "int8.pbtxt"
    arguments = ("--in-graph", fp32, "--data-location", records, "--output", output)
    assert quantize(*arguments, "--keep-float", "a/Conv2D", "--calibration", "entropy") == 0
    assert operation_counts(read_graph(output))["Conv2D"] == 1
    printed = capsys.readouterr().out
    assert "it was asked to stay fp32" in printed
    assert "1 of 3 layers are int8 (entropy calibration)" in printed


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--in-graph": "absent.pb"}, r"absent\.pb cannot be read \(No such file"),
        ({"--in-graph": "/"}, r"cannot be read \(Is a directory\)"),
        ({"--output": "/"}, "is a folder: give the name of a file"),
        ({"--data-location": "absent"}, "cannot be read"),
        ({"--calibration-images": 0}, "give 1 or more"),
        ({"--keep-float": "z"}, "no convolution z to keep"),
    ],
)
def test_bad_input_is_said_and_writes_nothing(
    fp32: Path, records: Path, tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    options = {"--in-graph": fp32, "--data-location": records, "--output": tmp_path / "out" / "int8.pb"} | changed
    with pytest.raises(UserError, match=said):
        quantize(*(part for option in options.items() for part in option))
    assert not list(tmp_path.glob("out/*"))


def test_a_folder_without_records_is_said(fp32: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no TFRecord val-\*"):
        quantize("--in-graph", fp32, "--data-location", tmp_path / "empty", "--output", tmp_path / "int8.pb")


def test_training_leftovers_harm_only_where_they_are_needed(
    fp32: Path, records: Path, tmp_path: Path, small_graph: Callable[..., GraphDef]
) -> None:
    def waiting(features: Any) -> Any:
        return tf.where(tf.compat.v1.placeholder(tf.bool, [], name="is_training"), features * 0.5, features)

    beside, before = read_graph(fp32), read_graph(fp32)
    beside.node.add(op="TFLite_Detection_PostProcess", name="left_over", input=["detection_boxes"])
    for node in before.node:
        if node.name == "a/MaxPool":
            node.input[0] = "odd"
    before.node.add(op="TFLite_Detection_PostProcess", name="odd", input=["a/Relu"])
    for name, graph_def in (("beside", beside), ("before", before), ("waiting", small_graph(waiting))):
        write_graph(graph_def, tmp_path / f"{name}.pb")
    options = ("--data-location", records, "--output", tmp_path / "int8.pb", "--trust-graph", "--in-graph")
    with pytest.raises(UserError, match=r"cannot be loaded by TensorFlow .*TFLite_Detection_PostProcess"):
        quantize(*options, tmp_path / "before.pb")
    with pytest.raises(UserError, match="Placeholder is_training"):
        quantize(*options, tmp_path / "waiting.pb")
    assert not (tmp_path / "int8.pb").exists()
    assert quantize(*options, tmp_path / "beside.pb") == 0
    assert "TFLite_Detection_PostProcess" not in operation_counts(read_graph(tmp_path / "int8.pb"))


def test_a_graph_that_fails_on_an_image_is_said(
    records: Path, tmp_path: Path, small_graph: Callable[..., GraphDef]
) -> None:
    def failing(features: Any) -> Any:
        count = tf.cast(tf.reduce_sum(features) * 0, tf.int32)
        odd = tf.cast(tf.math.floordiv(count, count), tf.float32) + features
        kernel = tf.constant(np.ones((1, 1, 8, 4), np.float32))
        return tf.nn.bias_add(tf.nn.conv2d(odd, kernel, 1, "SAME"), np.zeros(4, np.float32))

    write_graph(small_graph(failing), tmp_path / "fp32.pb")
    with pytest.raises(UserError, match=r"The graph failed in TensorFlow .*: Integer division by zero"):
        quantize("--in-graph", tmp_path / "fp32.pb", "--data-location", records, "--output", tmp_path / "int8.pb")
