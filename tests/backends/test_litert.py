"""LiteRT: its models and its interpreters. That it finds what TensorFlow finds: `test_peer.py`."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssd_core.backends.protocol import Opening
from ssd_core.backends.registry import open_session
from ssd_core.errors import UserError
from ssd_core.graph.session import session_on
from tests.rounding import of_sums


def test_the_int8_model_keeps_float_at_its_ends_and_8_bits_in_its_convolutions(thin_models: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(thin_models / "litert_int8.tflite"))
    ends = [*interpreter.get_input_details(), *interpreter.get_output_details()]
    assert {details["dtype"] for details in ends} == {np.float32}
    kernels = [details for details in interpreter.get_tensor_details() if tuple(details["shape"][1:]) == (3, 3, 8)]
    assert kernels
    assert {details["dtype"] for details in kernels} == {np.int8}


def test_a_norm_is_the_root_of_a_sum_of_squares(peers: None) -> None:
    import tensorflow as tf

    from ssd_core.backends.litert import _without_norms

    graph = tf.Graph()
    with graph.as_default():
        values = tf.compat.v1.placeholder(tf.float32, [2, 3, 8], name="values")
        for axis in (1, 2):
            tf.norm(values, axis=axis, keepdims=True, name=f"plain_{axis}")
            tf.raw_ops.EuclideanNorm(input=values, axis=[axis], keep_dims=True, name=f"norm_{axis}")
    rewritten = _without_norms(graph.as_graph_def())
    assert "EuclideanNorm" not in {node.op for node in rewritten.node}
    numbers = np.random.default_rng(1).normal(0, 9, (2, 3, 8)).astype(np.float32)
    with session_on(rewritten) as session:
        for axis in (1, 2):
            norm = session.run(f"norm_{axis}:0", {"values:0": numbers})
            exact = np.sqrt(np.sum(np.square(numbers, dtype=np.float64), axis=axis, keepdims=True))
            # Of a sum of positive terms the relative error is that of `of_sums`; a root halves it and rounds once.
            np.testing.assert_allclose(norm, exact, rtol=of_sums(numbers.shape[axis] + 2, 1.0), atol=0)


def test_batches_of_any_size_are_opened(opened: Any, thin_images: Any) -> None:
    for batch_size in (1, 3):
        locations, logits = opened("litert", batch_size=batch_size).calls[0](thin_images[:batch_size])
        assert locations.shape == (batch_size, 8732, 4)
        assert logits.shape[:2] == (batch_size, 8732)


def test_what_a_suppression_did_not_fill_is_no_detection(opened: Any) -> None:
    session = opened("litert", end="detections", batch_size=1)
    boxes = np.array([[[0, 0, 0.5, 0.5], [0, 0, 1, 1], [0.5, 0.5, 1, 1]]], np.float32)
    indices = np.array([[[2, 0], [1, 0]]])  # of two classes and two places each
    scores = np.array([[[0.7, 0.0], [0.9, 0.6]]], np.float32)
    (image,) = session._detections([boxes, indices, scores, np.array([[1, 2]])])
    assert image.classes.tolist() == [2, 1, 2]
    np.testing.assert_array_equal(image.boxes, boxes[0][[1, 2, 0]])


@pytest.mark.parametrize("spoil", [lambda model: model[: len(model) // 2], lambda model: b"no model at all"])
def test_a_model_that_it_does_not_take_is_named(thin_models: Path, tmp_path: Path, spoil: Any) -> None:
    folder = tmp_path / "models"
    shutil.copytree(thin_models, folder)
    path = folder / "litert_fp32.tflite"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(UserError, match=r"^LiteRT refuses .*litert_fp32\.tflite: ") as caught:
        open_session(Opening("litert", folder, scope="network", batch_size=1))
    assert "\n" not in str(caught.value)
