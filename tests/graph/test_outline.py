"""The outline of a graph, read without TensorFlow, tells the same contract as the graph itself."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.graph.contract import BATCHED_OUTPUTS, UPSTREAM_OUTPUTS, identify
from ssd_core.graph.frozen import write_graph
from ssd_core.graph.outline import precision_of, read_outline


def graph_of(outputs: tuple[str, ...], batch: int | None) -> Any:
    graph = tf.Graph()
    with graph.as_default():
        images = tf.compat.v1.placeholder(tf.float32, [batch, 300, 300, 3], name="input")
        kernel = tf.constant(1.0, shape=[3, 3, 3, 4])
        features = tf.reduce_mean(tf.nn.conv2d(images, kernel, 8, "SAME"), axis=[1, 2, 3])
        for name in outputs:
            tf.identity(features, name=name)
    return graph.as_graph_def()


@pytest.mark.parametrize("suffix", [".pb", ".pbtxt"])
@pytest.mark.parametrize(
    ("outputs", "batch", "fixed"),
    [(BATCHED_OUTPUTS, None, None), (BATCHED_OUTPUTS, 4, 4), (UPSTREAM_OUTPUTS, 1, 1), (UPSTREAM_OUTPUTS, None, 1)],
)
def test_an_outline_has_the_contract_of_its_graph(
    outputs: tuple[str, ...], batch: int | None, fixed: int | None, suffix: str, tmp_path: Path
) -> None:
    graph = graph_of(outputs, batch)
    write_graph(graph, tmp_path / f"graph{suffix}")
    outline = read_outline(tmp_path / f"graph{suffix}")
    assert identify(outline) == identify(graph)
    assert identify(outline).fixed_batch == fixed
    assert [(node.name, node.op, list(node.input)) for node in outline.node] == [
        (node.name, node.op, list(node.input)) for node in graph.node
    ]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.pb", b"nothing of the kind", "is not a frozen GraphDef"),
        ("a.pb", b"", "holds no graph"),
        ("a.pbtxt", b"node {", "is not a frozen GraphDef"),
        ("a.pbtxt", b"\xff\xfe", "is not a frozen GraphDef"),
        ("a.pbtxt", b"", "holds no graph"),
    ],
)
def test_what_is_no_graph_is_refused(name: str, content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_outline(tmp_path / name)


def test_a_graph_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read \(No such file"):
        read_outline(tmp_path / "nowhere.pb")


def test_tensorflow_is_not_imported(tmp_path: Path) -> None:
    write_graph(graph_of(BATCHED_OUTPUTS, None), tmp_path / "graph.pb")
    code = (
        "import sys; from pathlib import Path; from ssd_core.graph.outline import read_outline;"
        f"read_outline(Path({str(tmp_path / 'graph.pb')!r})); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_a_graph_says_its_precision(small_graphs: dict[str, Path], tmp_path: Path) -> None:
    from ssd_core.graph.bfloat16 import to_bfloat16
    from ssd_core.graph.frozen import read_graph

    bf16, _ = to_bfloat16(read_graph(small_graphs["fp32"]))
    write_graph(bf16, tmp_path / "bf16.pb")
    for precision, path in {**small_graphs, "bf16": tmp_path / "bf16.pb"}.items():
        assert precision_of(read_outline(path)) == precision
