"""ONNX Runtime: what its models and its sessions are. That it finds what TensorFlow finds: `test_peer.py`."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssd_core.backends.protocol import Opening
from ssd_core.backends.registry import open_session
from ssd_core.errors import UserError

QUANTIZED = {"QuantizeLinear", "DequantizeLinear"}


def test_the_int8_model_is_quantized(opened: Any) -> None:
    counts = opened("onnxruntime", "int8").operation_counts
    assert counts.keys() >= QUANTIZED
    assert not QUANTIZED & opened("onnxruntime").operation_counts.keys()


def test_the_normalization_stays_in_fp32(thin_models: Path) -> None:
    import onnx

    graph = onnx.load(thin_models / "onnxruntime_int8.onnx").graph
    (norm,) = (node for node in graph.node if node.op_type == "ReduceL2")
    assert [node.op_type for node in graph.node if norm.output[0] in node.input] == ["Max"]


def test_each_stream_is_a_session_of_the_batch_that_was_opened(opened: Any, thin_images: Any) -> None:
    session = opened("onnxruntime", batch_size=1, streams=2)
    first, second = (call(thin_images[:1]) for call in session.calls)
    for output, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(output, other)
    with pytest.raises(Exception, match=r"(?i)dimension"):
        session.calls[0](thin_images)


def test_calibration_images_are_handed_out_once(peers: None) -> None:
    from ssd_core.backends.onnxruntime import _Images

    images = [np.full((1, 300, 300, 3), value, np.float32) for value in (1, 2)]
    reader = _Images(images)
    handed = [reader.get_next() for _ in range(4)]
    assert [None if of is None else (list(of), of["input"].max()) for of in handed] == [
        (["input"], 1),
        (["input"], 2),
        None,
        None,
    ]


def test_a_model_that_it_does_not_take_is_named(thin_models: Path, tmp_path: Path) -> None:
    import onnx

    folder = tmp_path / "models"
    shutil.copytree(thin_models, folder)
    model = onnx.load(folder / "onnxruntime_fp32.onnx")
    next(node for node in model.graph.node if node.op_type == "Relu").op_type = "NoSuchThing"
    onnx.save(model, folder / "onnxruntime_fp32.onnx")
    said = r"^ONNX Runtime \S+ refuses .*onnxruntime_fp32\.onnx: .*NoSuchThing"
    with pytest.raises(UserError, match=said) as caught:
        open_session(Opening("onnxruntime", folder, scope="network", batch_size=1))
    assert "\n" not in str(caught.value)
