"""Frozen graphs are read with suspicion and written whole."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.graph.frozen import read_graph, write_graph

GraphDef = Any


def graph_of(build: Callable[[], Any]) -> GraphDef:
    graph = tf.Graph()
    with graph.as_default():
        build()
    return graph.as_graph_def()


@pytest.mark.parametrize("name", ["graph.pb", "graph.pbtxt"])
def test_what_is_written_is_read(tmp_path: Path, small_graph: Callable[..., GraphDef], name: str) -> None:
    graph_def = small_graph()
    write_graph(graph_def, tmp_path / "made" / name)
    assert read_graph(tmp_path / "made" / name) == graph_def
    assert [p.name for p in (tmp_path / "made").iterdir()] == [name]


def test_text_is_text(tmp_path: Path, small_graph: Callable[..., GraphDef]) -> None:
    write_graph(small_graph(), tmp_path / "graph.pbtxt")
    assert 'op: "Conv2D"' in (tmp_path / "graph.pbtxt").read_text()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("graph.pb", None, r"The graph .* cannot be read \(No such file or directory\): give the path"),
        ("x" * 300, None, r"cannot be read \(File name too long\)"),
        ("graph.pb", b"no graph at all", "not a frozen GraphDef"),
        ("graph.pb", b"", "holds no graph"),
        ("graph.pbtxt", b"node { name }", "not a frozen GraphDef"),
        ("graph.pbtxt", b"\xff\xfe", "not a frozen GraphDef"),
        ("graph.pbtxt", b"", "holds no graph"),
        ("graph.pb", tf.compat.v1.GraphDef(versions={"producer": 1}).SerializeToString(), "holds no graph"),
    ],
)
def test_what_is_no_graph_is_said(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=said) as raised:
        read_graph(path)
    assert str(path) in str(raised.value)


def test_a_folder_is_no_graph(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"The graph .* cannot be read \(Is a directory\)"):
        read_graph(tmp_path)


def test_where_training_placed_its_nodes_is_forgotten(tmp_path: Path) -> None:
    def build() -> None:
        with tf.device("/job:worker/task:3/device:GPU:1"):
            placed = tf.constant(1.0, name="placed")
        with tf.compat.v1.colocate_with(placed):
            tf.function(tf.identity, autograph=False)(tf.identity(placed, name="beside"))

    graph_def = graph_of(build)
    for node in graph_def.library.function[0].node_def:
        node.device = "/device:GPU:0"
    assert [node.device for node in graph_def.node if node.name == "placed"] == ["/job:worker/task:3/device:GPU:1"]
    assert next(node for node in graph_def.node if node.name == "beside").attr["_class"].list.s == [b"loc:@placed"]
    write_graph(graph_def, tmp_path / "graph.pb")
    found = read_graph(tmp_path / "graph.pb")
    nodes = [*found.node, *found.library.function[0].node_def]
    assert [node.name for node in found.node] == [node.name for node in graph_def.node]
    assert {node.device for node in nodes} == {""}
    assert not any("_class" in node.attr for node in nodes)


def test_a_truncated_graph_is_said(tmp_path: Path, small_graph: Callable[..., GraphDef]) -> None:
    content = small_graph().SerializeToString()
    (tmp_path / "graph.pb").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="not a frozen GraphDef"):
        read_graph(tmp_path / "graph.pb")


def test_a_saved_model_is_not_taken_for_a_graph(tmp_path: Path) -> None:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    model = SavedModel(saved_model_schema_version=1)
    model.meta_graphs.add().graph_def.CopyFrom(graph_of(lambda: tf.constant(1.0)))
    (tmp_path / "saved_model.pb").write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match=r"GraphDef|holds no graph"):
        read_graph(tmp_path / "saved_model.pb")


FORBIDDEN: dict[str, Callable[[], Any]] = {
    "ReadFile": lambda: tf.io.read_file("/etc/passwd"),
    "WriteFile": lambda: tf.io.write_file("/tmp/written", "x"),
    "PyFunc": lambda: tf.compat.v1.py_func(lambda: 1.0, [], tf.float32),
    "MatchingFiles": lambda: tf.io.matching_files("*"),
    "VarHandleOp": lambda: tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[]),
}


@pytest.mark.parametrize("operation", FORBIDDEN)
def test_operations_that_inference_does_not_need_are_refused(tmp_path: Path, operation: str) -> None:
    graph_def = graph_of(FORBIDDEN[operation])
    write_graph(graph_def, tmp_path / "graph.pb")
    with pytest.raises(UserError, match=f"asks for the operation {operation} .*--trust-graph"):
        read_graph(tmp_path / "graph.pb")
    assert read_graph(tmp_path / "graph.pb", trust=True) == graph_def


def test_they_are_refused_inside_functions_too(tmp_path: Path) -> None:
    hidden = tf.function(lambda: tf.io.read_file("/etc/passwd"), autograph=False)
    graph_def = graph_of(hidden)
    assert "ReadFile" not in {node.op for node in graph_def.node}
    write_graph(graph_def, tmp_path / "graph.pb")
    with pytest.raises(UserError, match="asks for the operation ReadFile"):
        read_graph(tmp_path / "graph.pb")
    assert read_graph(tmp_path / "graph.pb", trust=True) == graph_def


def test_our_own_graphs_need_no_trust(
    tmp_path: Path, seeded_graph: GraphDef, seeded_upstream_graph: GraphDef, seeded_int8: tuple[GraphDef, Any]
) -> None:
    for graph_def in (seeded_graph, seeded_upstream_graph, seeded_int8[0]):
        light = type(graph_def)()
        light.CopyFrom(graph_def)
        for node in light.node:
            node.attr.pop("value", None)  # reading looks at operations, and weights are many bytes
        write_graph(light, tmp_path / "graph.pb")
        assert read_graph(tmp_path / "graph.pb") == light


def test_a_failed_write_leaves_nothing(tmp_path: Path, small_graph: Callable[..., GraphDef]) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot be written"):
        write_graph(small_graph(), tmp_path / "file" / "graph.pb")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
