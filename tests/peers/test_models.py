"""The models in the cache."""

from pathlib import Path

import pytest

from ssd_core.errors import UserError
from ssd_core.peers import models, runtimes


def test_every_model_is_made_once(thin_models: Path, thin_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSD_VGG16_CACHE", str(thin_models.parent))
    names = {path.name for path in thin_models.iterdir()}
    assert {"openvino_fp32.xml", "openvino_fp32.bin", "openvino_int8.xml", "onnxruntime_int8.onnx"} <= names
    assert not [name for name in names if name.startswith(".") or name.endswith(".pb")], "nothing half-written"
    made = (thin_models / "made").stat().st_mtime_ns
    assert models.make(thin_path, None) == thin_models
    assert (thin_models / "made").stat().st_mtime_ns == made


def test_other_graphs_and_images_have_a_folder_of_their_own(peers: None, thin_path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pb"
    other.write_bytes(thin_path.read_bytes() + b"\0")
    folders = {models.folder_of(thin_path, None), models.folder_of(other, None), models.folder_of(thin_path, tmp_path)}
    assert len(folders) == 3


def test_onnx_models_are_valid(thin_models: Path) -> None:
    import numpy as np
    import onnx

    from ssd_core.peers.onnx_model import with_detections

    model = onnx.load(thin_models / "onnxruntime_fp32.onnx")
    onnx.checker.check_model(model, full_check=True)
    onnx.checker.check_model(with_detections(model, np.load(thin_models / models.CENTERS)), full_check=True)


def test_int8_models_are_quantized(thin_models: Path) -> None:
    import onnx
    import openvino

    kinds = {node.op_type for node in onnx.load(thin_models / "onnxruntime_int8.onnx").graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    model = openvino.Core().read_model(thin_models / "openvino_int8.xml")
    assert "FakeQuantize" in {node.get_type_name() for node in model.get_ops()}


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "find_spec", lambda name: None if name == "nncf" else name)
    with pytest.raises(UserError, match=r"--peers wants nncf, not installed here: run tox -e peers\."):
        runtimes.require()
