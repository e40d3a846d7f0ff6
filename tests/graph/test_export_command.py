"""`python -m ssd_core export-graph`: a checkpoint becomes a graph that computes what the original computed."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.graph import export_command
from ssd_core.graph.contract import identify
from ssd_core.graph.frozen import read_graph
from ssd_core.graph.view import GraphView
from ssd_core.network.detections import BACKGROUND_OFFSET, lower_background
from tests.rounding import of_the_network

GraphDef = Any
Floats = npt.NDArray[np.float32]


def export(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    export_command.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["export-graph", *map(str, arguments)])
    status: int = parsed.run(parsed)
    return status


@pytest.fixture(scope="module")
def checkpoint(seeded_weights: dict[str, Floats], tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("checkpoint") / "model.ckpt-120000"
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(seeded_weights),
        shape_and_slices=[""] * len(seeded_weights),
        tensors=list(seeded_weights.values()),
    )
    return prefix


@pytest.fixture(scope="module", params=["batched", "upstream"])
def exported(request: pytest.FixtureRequest, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> GraphDef:
    output = tmp_path_factory.mktemp(request.param) / "fp32.pb"
    assert export("--checkpoint", checkpoint, "--output", output, "--contract", request.param) == 0
    graph_def = read_graph(output)
    assert identify(graph_def).name == request.param
    return graph_def


def test_the_former_name_of_the_contract_is_read_and_the_new_one_said(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "fp32.pb"
    assert export("--checkpoint", checkpoint, "--output", output, "--contract", "seed") == 0
    assert "--contract seed is now called --contract upstream." in capsys.readouterr().out
    assert identify(read_graph(output)).name == "upstream"


def test_the_graph_holds_the_checkpoints_variables(exported: GraphDef, seeded_weights: dict[str, Floats]) -> None:
    view = GraphView(exported)
    expected = dict(seeded_weights)
    if identify(exported).name == "batched":
        expected = dict(lower_background(seeded_weights))
        factors = expected.pop("ssd300/conv4_3_scale/weights")
        for head in ("ssd300/multibox_head/loc_0", "ssd300/multibox_head/cls_0"):
            expected[f"{head}/Conv2D/scaled_kernel"] = expected.pop(f"{head}/kernel") * factors[:, np.newaxis]
    assert len(expected) >= 70
    for name, value in expected.items():
        np.testing.assert_array_equal(view.constant(name), value, err_msg=name)


def test_the_graph_computes_what_the_original_did(
    exported: GraphDef, network_input: Floats, run: Any, golden: Mapping[str, Floats]
) -> None:
    lowered = identify(exported).name == "batched"
    got = run(exported, ["candidate_logits" if lowered else "logits", "locations"], network_input)
    got[0][..., 0] -= BACKGROUND_OFFSET if lowered else 0
    for ours, theirs in zip(got, (golden["network_cls"], golden["network_loc"]), strict=True):
        rows = ours.reshape(8732, -1)[golden["network_rows"]]
        np.testing.assert_allclose(rows, theirs, atol=of_the_network(theirs), rtol=0)


def test_what_was_written_is_said(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export("--checkpoint", checkpoint, "--output", tmp_path / "fp32.pb") == 0
    printed = capsys.readouterr().out
    assert f"wrote {tmp_path / 'fp32.pb'}: 71 variables, batched contract, sha256 " in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--checkpoint", "absent"), r"The checkpoint absent cannot be read \(No such file"),
        (("--checkpoint", "x" * 300), r"cannot be read \(File name too long"),
        (("--checkpoint", "/"), "is not a TensorFlow checkpoint"),
        (("--checkpoint", "absent.safetensors"), r"state dict absent\.safetensors cannot be read \(No such file"),
        (("--checkpoint", "absent.pth"), r"state dict absent\.pth cannot be read \(No such file"),
        (("--checkpoint", "absent", "--num-classes", 1), "leaves nothing to find"),
    ],
)
def test_bad_input_is_said_and_writes_nothing(tmp_path: Path, arguments: tuple[object, ...], said: str) -> None:
    with pytest.raises(UserError, match=said):
        export(*arguments, "--output", tmp_path / "fp32.pb")
    assert not list(tmp_path.iterdir())


def test_another_scope_is_suggested(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="pass --model-scope ssd300"):
        export("--checkpoint", checkpoint, "--output", tmp_path / "fp32.pb", "--model-scope", "mine")


def test_an_output_that_is_a_folder_is_said_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder: give the name of a file"):
        export("--checkpoint", "absent", "--output", tmp_path)


def test_a_checkpoint_in_a_folder_of_any_bytes(checkpoint: Path, tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9"))
    try:
        folder.symlink_to(checkpoint.parent)
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    assert export("--checkpoint", folder / checkpoint.name, "--output", tmp_path / "fp32.pb") == 0
