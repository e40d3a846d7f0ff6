"""OpenVINO: its models, its streams and requests. That it finds what TensorFlow finds: `test_peer.py`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssd_core.backends.protocol import Opening
from ssd_core.backends.registry import open_session
from ssd_core.errors import UserError


def test_the_int8_model_is_quantized(opened: Any) -> None:
    assert "FakeQuantize" in opened("openvino", "int8").operation_counts
    assert "FakeQuantize" not in opened("openvino").operation_counts


def test_it_chooses_streams_itself_and_has_more_requests_where_they_are_asked_for(opened: Any) -> None:
    advised = len(opened("openvino", batch_size=1, streams=0).calls)
    assert advised >= 1
    assert len(opened("openvino", batch_size=1, streams=0, requests_a_stream=2).calls) == 2 * advised
    assert len(opened("openvino", batch_size=1, streams=1, requests_a_stream=3).calls) == 3


def test_rows_behind_the_end_are_nothing_and_corners_are_y_before_x(opened: Any) -> None:
    session = opened("openvino", end="detections", batch_size=2)
    rows = [
        [1, 7, 0.5, 0.1, 0.2, 0.3, 0.6],  # image, class, score, x, y, x, y
        [0, 3, 0.9, 0.2, 0.4, 0.7, 0.8],
        [1, 4, 0.8, 0.0, 0.0, 1.0, 1.0],
        [-1, 0, 0, 0, 0, 0, 0],
        [0, 9, 0.99, 0.1, 0.1, 0.9, 0.9],  # of a run before
    ]
    first, second = session._detections([np.array(rows, np.float32)[None, None]])
    assert (first.classes.tolist(), second.classes.tolist()) == ([3], [4, 7])
    np.testing.assert_array_equal(first.boxes, np.array([[0.4, 0.2, 0.8, 0.7]], np.float32))
    np.testing.assert_array_equal(second.boxes[1], np.array([0.2, 0.1, 0.6, 0.3], np.float32))
    without_end = session._detections([np.array(rows[:3], np.float32)[None, None]])
    assert [image.classes.tolist() for image in without_end] == [[3], [4, 7]]


def test_bfloat16_is_the_fp32_model_compiled_with_a_hint(opened: Any) -> None:
    assert opened("openvino", "bf16").sha256 == opened("openvino").sha256 != opened("openvino", "int8").sha256


def test_a_model_keeps_its_weights_beside_it_in_float32(thin_models: Path) -> None:
    import openvino

    model = openvino.Core().read_model(thin_models / "openvino_fp32.xml")
    kinds = {node.get_element_type().get_type_name() for node in model.get_ops() if node.get_type_name() == "Constant"}
    assert "f32" in kinds
    assert "f16" not in kinds


def test_what_it_refuses_is_a_sentence(thin_models: Path) -> None:
    with pytest.raises(UserError, match=r"^OpenVINO \S+ refuses .*openvino_fp32\.xml: ") as caught:
        open_session(Opening("openvino", thin_models, scope="network", batch_size=1, num_intra_threads=-7))
    assert "\n" not in str(caught.value)
