"""The ONNX models: valid, of the batch that is asked for, and padded as TensorFlow pads."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ssd_core.backends.models import CENTERS
from ssd_core.errors import UserError
from tests.examples import examples

GraphDef = Any
Model = Any


@pytest.fixture
def model(thin_models: Path) -> Model:
    import onnx

    return onnx.load(thin_models / "onnxruntime_fp32.onnx")


def test_models_are_valid(model: Model, thin_models: Path) -> None:
    import onnx

    from ssd_core.backends.onnx_model import OUTPUTS, with_detections

    onnx.checker.check_model(model, full_check=True)
    whole = with_detections(model, np.load(thin_models / CENTERS))
    onnx.checker.check_model(whole, full_check=True)
    assert tuple(output.name for output in whole.graph.output) == OUTPUTS


def test_a_batch_is_fixed_for_the_input_and_all_that_depends_on_it(model: Model, thin_models: Path) -> None:
    from ssd_core.backends.onnx_model import fix_batch, with_detections

    whole = with_detections(model, np.load(thin_models / CENTERS))
    for fixed in (model, whole):
        fix_batch(fixed, 5)
        assert fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 5
    first = [output.type.tensor_type.shape.dim[0] for output in (*model.graph.output, *whole.graph.output)]
    assert [dim.dim_value for dim in first[:2]] == [5, 5]
    assert not any(dim.dim_value for dim in first[2:]), "how many are detected is not the batch"


def test_what_has_no_place_in_the_network_is_named(peers: None, thin_graph: GraphDef) -> None:
    from ssd_core.backends.onnx_model import network_model
    from ssd_core.backends.raw_network import network_of

    network = network_of(thin_graph)
    next(node for node in network.graph_def.node if node.name == "first/Relu").op = "Softplus"
    with pytest.raises(UserError, match=r"^first/Relu is a Softplus, which"):
        network_model(network)


@examples(60)
@given(
    size=st.integers(1, 12),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
    padding=st.sampled_from(["SAME", "VALID", (1, 1, 1, 1), (0, 2, 2, 0)]),
)
def test_windows_lie_where_tensorflow_puts_them(
    peers: None, size: int, kernel: int, stride: int, dilation: int, padding: str | tuple[int, int, int, int]
) -> None:
    """Pads of zeros and no other padding give what TensorFlow's own padding gives."""
    import tensorflow as tf

    from ssd_core.backends.onnx_model import _pads

    assume(stride == 1 or dilation == 1)  # TensorFlow has no other convolutions
    named = isinstance(padding, str)
    top, left, bottom, right = (0, 0, 0, 0) if isinstance(padding, str) else padding
    theirs: Any = padding if named else [[0, 0], [top, bottom], [left, right], [0, 0]]
    assume(padding == "SAME" or size + top + bottom > (kernel - 1) * dilation)  # else there is no output
    node = SimpleNamespace(
        attr={
            "padding": SimpleNamespace(s=str(padding).encode() if named else b"EXPLICIT"),
            "explicit_paddings": SimpleNamespace(list=SimpleNamespace(i=[0, 0, top, bottom, left, right, 0, 0])),
        }
    )
    pads, output = _pads(node, size, kernel, stride, dilation)
    numbers = np.arange(1, size * size + 1, dtype=np.float32).reshape(1, size, size, 1)
    weights = np.arange(1, kernel * kernel + 1, dtype=np.float32).reshape(kernel, kernel, 1, 1)
    expected = tf.nn.conv2d(numbers, weights, stride, theirs, dilations=dilation).numpy()
    padded = np.pad(numbers, ((0, 0), (pads[0], pads[2]), (pads[1], pads[3]), (0, 0)))
    ours = tf.nn.conv2d(padded, weights, stride, "VALID", dilations=dilation).numpy()
    assert expected.shape == (1, output, output, 1)
    np.testing.assert_array_equal(ours, expected)  # whole numbers below 2 ** 24
