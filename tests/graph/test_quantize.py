"""fp32 -> int8: the weights' scales, what becomes int8 and what does not, and that it computes nearly the same."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ssd_core.errors import UserError
from ssd_core.graph.calibrate import METHODS, Method
from ssd_core.graph.contract import identify, operation_counts
from ssd_core.graph.quantize import per_channel, quantize
from ssd_core.graph.rewrite import LayerReport
from tests.rounding import UNIT

GraphDef = Any
Floats = npt.NDArray[np.float32]
Small = Callable[..., GraphDef]
Run = Callable[..., list[npt.NDArray[Any]]]


SEVEN_STEPS = 7 / 255
"""A share of a layer's largest output: what it is given is off by up to 3.6 steps of 1/255 (see `_within_steps`), and
so may its output be; twice that where its kernel is made of the same."""


KERNELS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 5)),
    elements=st.floats(-100, 100, width=32),
)


@pytest.fixture(scope="module")
def images() -> Floats:
    return np.random.default_rng(3).uniform(-120, 150, (2, 300, 300, 3)).astype(np.float32)


@given(KERNELS)
def test_weights_are_within_half_a_step_of_their_channel(kernel: Floats) -> None:
    values, limits = per_channel(kernel)
    assert values.dtype == np.int8
    assert values.min() >= -127  # symmetric: -128 has no counterpart
    assert limits.shape == kernel.shape[3:]
    steps = limits.astype(np.float64) / 127
    # A level, up to 127, comes of a quotient and a product, each rounded, before it is rounded to a whole one.
    assert (np.abs(values * steps - kernel) <= steps * (0.5 + 128 * 2 * UNIT)).all()


@given(KERNELS)
def test_the_largest_weight_of_a_channel_takes_the_last_level(kernel: Floats) -> None:
    values, limits = per_channel(kernel)
    largest = np.abs(kernel).max(axis=(0, 1, 2))
    used = largest > 1e-6
    np.testing.assert_array_equal(np.abs(values.astype(int)).max(axis=(0, 1, 2))[used], 127)
    np.testing.assert_array_equal(limits[used], largest[used])


@given(KERNELS)
def test_weights_quantize_symmetrically_and_channel_by_channel(kernel: Floats) -> None:
    values, limits = per_channel(kernel)
    np.testing.assert_array_equal(per_channel(-kernel)[0], -values)
    for channel in range(kernel.shape[3]):
        alone, limit = per_channel(kernel[..., channel : channel + 1])
        np.testing.assert_array_equal(alone[..., 0], values[..., channel])
        assert limit[0] == limits[channel]


@pytest.mark.parametrize("method", METHODS)
def test_a_small_graph_computes_the_same_within_the_steps_of_its_layers(
    small_graph: Small, images: Floats, run: Run, method: Method
) -> None:
    fp32 = small_graph()
    int8, reports = quantize(fp32, [images], method)
    assert [(r.name, r.operation) for r in reports] == [
        ("a/Conv2D", "QuantizedConv2DWithBiasAndReluAndRequantize"),
        ("a/MaxPool", "QuantizedMaxPool"),
        ("b/Conv2D", "QuantizedConv2DWithBiasAndRequantize"),
    ]
    assert identify(int8).name == "batched"
    limit = reports[-1].output_limit
    assert limit is not None
    _within_steps(fp32, int8, "b/BiasAdd", limit, limit / 127, images, run)


@pytest.mark.parametrize("method", METHODS)
def test_a_convolution_and_a_pooling_compute_the_same_within_their_steps(
    small_graph: Small, images: Floats, run: Run, method: Method
) -> None:
    fp32 = small_graph(tf.identity)
    int8, reports = quantize(fp32, [images], method)
    limit = reports[0].output_limit
    assert limit is not None
    _within_steps(fp32, int8, "a/MaxPool", limit, limit / 255, images, run)


def _within_steps(
    fp32: GraphDef, int8: GraphDef, name: str, limit: float, step: float, images: Floats, run: Run
) -> None:
    """An output is off by some quantization steps at most where the range holds it, and takes many values.

    Images, kernels and outputs are rounded to 1/127 or 1/255 of their ranges: each is off by up to half of that,
    evenly. Over 27 products this comes to 0.6 of an output's step, and the largest of thousands to 6 times that.
    """
    expected, got = (run(graph, [name], images)[0] for graph in (fp32, int8))
    error = np.abs(got - np.clip(expected, -limit, limit))
    assert error.max() < 6 * 0.6 * step
    assert error.mean() < step
    assert len(np.unique(got)) > 50


def test_activations_stay_8_bits_wide_between_layers(small_graph: Small, images: Floats) -> None:
    int8, _ = quantize(small_graph(), [images])
    counts = operation_counts(int8)
    # One conversion in, at the image, and one out, at the head: what ReLU and pooling give is nobody's float.
    assert (counts["QuantizeV2"], counts["Dequantize"]) == (1, 1)
    assert not counts.keys() & {"Conv2D", "BiasAdd", "Relu", "MaxPool"}


def _two_heads(features: Any) -> Any:
    """Two heads of unlike size, joined; of each row the largest, the first, and the rows that are wanted."""
    joined = []
    for seed, size in ((1, 0.05), (2, 1.0)):
        kernel = np.random.default_rng(seed).normal(0, size, (1, 1, 8, 12)).astype(np.float32)
        head = tf.nn.bias_add(
            tf.nn.conv2d(features, kernel, 1, "SAME", name=f"h{seed}/Conv2D"), np.ones(12, np.float32)
        )
        joined.append(tf.reshape(head, [-1, 15 * 15 * 3, 4]))
    rows = tf.concat(joined, axis=1, name="rows")
    best = tf.reduce_max(rows, axis=-1, name="best")
    first = tf.gather(rows, 0, axis=-1, name="first")
    wanted = tf.gather(rows, tf.constant([[3, 0, 700]] * 2), batch_dims=1, name="wanted")
    return tf.reduce_sum(best) + tf.reduce_sum(first) + tf.reduce_sum(tf.nn.softmax(wanted))


def test_what_only_moves_values_moves_integers(small_graph: Small, images: Floats, run: Run) -> None:
    fp32 = small_graph(_two_heads)
    int8, reports = quantize(fp32, [images])
    nodes = {node.name: node for node in int8.node}
    for name, operation, attribute, dtype in (
        ("rows/int8", "ConcatV2", "T", tf.qint8),
        ("wanted/int8", "GatherV2", "Tparams", tf.qint8),
        ("best/int8/plain", "Max", "T", tf.int8),
    ):
        assert (nodes[name].op, nodes[name].attr[attribute].type) == (operation, dtype.as_datatype_enum)
    limits = {r.output_limit for r in reports if r.name.startswith("h")}
    assert len(limits) == 1, "what is joined has one scale"

    names = ["rows", "best", "wanted", "first"]
    rows, best, wanted, first = run(int8, names, images[:2])
    np.testing.assert_array_equal(best, rows.max(axis=-1))
    np.testing.assert_array_equal(first, rows[..., 0])
    np.testing.assert_array_equal(wanted, rows[:, [3, 0, 700]])
    (expected,) = run(fp32, ["rows"], images[:2])
    (limit,) = limits
    assert limit is not None
    # A step; on the average an error is a quarter of one, and as much again comes from what the heads are given.
    assert np.abs(rows - np.clip(expected, -limit, limit)).mean() < limit / 127


def test_a_head_that_ends_in_a_softmax_is_cut_at_its_positive_side(small_graph: Small, images: Floats) -> None:
    def head(features: Any) -> Any:
        kernel = np.full((1, 1, 8, 3), -1.0, np.float32)
        kernel[..., 2] = 0.01
        found = tf.nn.conv2d(features, kernel, 1, "SAME", name="c/Conv2D")
        return tf.nn.bias_add(found, np.zeros(3, np.float32), name="c/BiasAdd")

    limits = []
    for tail in (head, lambda features: tf.nn.softmax(head(features))):
        _, reports = quantize(small_graph(tail), [images], "minmax")
        limits.append(reports[-1].output_limit or 0)
    # Weights of -1 against one of 0.01, a hundred times as much; half of that, as the features are not all alike.
    assert limits[0] > 50 * limits[1] > 0


def test_the_sign_of_an_input_decides_its_type(small_graph: Small, images: Floats) -> None:
    for batch, dtype in ((images, tf.qint8), (np.abs(images), tf.quint8)):
        int8, _ = quantize(small_graph(), [batch])
        (node,) = (n for n in int8.node if n.op == "QuantizeV2")
        assert tf.as_dtype(node.attr["T"].type) == dtype


def _no_bias(features: Any) -> Any:
    return tf.nn.conv2d(features, np.ones((3, 3, 8, 4), np.float32), 1, "SAME", name="c/Conv2D")


def _computed_kernel(features: Any) -> Any:
    kernel = tf.reshape(features[0, :3, :3, :8], (3, 3, 8, 1))
    return tf.nn.bias_add(tf.nn.conv2d(features, kernel, 1, "SAME", name="c/Conv2D"), np.zeros(1, np.float32))


@pytest.mark.parametrize(
    ("tail", "reason"),
    [(_no_bias, "no constant bias follows it"), (_computed_kernel, "its kernel is not a constant")],
)
def test_what_cannot_become_int8_is_in_the_report_with_the_reason(
    small_graph: Small, images: Floats, run: Run, tail: Any, reason: str
) -> None:
    fp32 = small_graph(tail)
    int8, reports = quantize(fp32, [images[:1]])
    assert [r.name for r in reports if not r.reason] == ["a/Conv2D", "a/MaxPool"]
    assert LayerReport("c/Conv2D", "Conv2D", False, reason=reason) in reports
    expected, got = (run(graph, ["c/Conv2D"], images[:1])[0] for graph in (fp32, int8))
    np.testing.assert_allclose(got, expected, atol=SEVEN_STEPS * np.abs(expected).max(), rtol=0)


def test_a_pooling_of_floats_is_left_with_the_reason(small_graph: Small, images: Floats) -> None:
    fp32 = small_graph(lambda x: tf.nn.max_pool2d(tf.sqrt(x), 2, 2, "SAME", name="c/MaxPool"))
    _, reports = quantize(fp32, [images])
    assert reports[-1] == LayerReport("c/MaxPool", "MaxPool", False, reason="what it pools is not int8 in NHWC")


def test_a_layout_other_than_nhwc_is_left_with_the_reason(small_graph: Small, images: Floats) -> None:
    def tail(features: Any) -> Any:
        return tf.nn.bias_add(
            tf.raw_ops.Conv2D(
                input=tf.transpose(features, [0, 3, 1, 2]),
                filter=np.ones((1, 1, 8, 4), np.float32),
                strides=[1, 1, 1, 1],
                padding="SAME",
                data_format="NCHW",
                name="c/Conv2D",
            ),
            np.zeros(4, np.float32),
            data_format="NCHW",
        )

    _, reports = quantize(small_graph(tail), [images])
    assert LayerReport("c/Conv2D", "Conv2D", False, reason="its layout is not NHWC") in reports


def test_explicit_padding_is_kept(small_graph: Small, images: Floats, run: Run) -> None:
    def tail(features: Any) -> Any:
        kernel = np.random.default_rng(1).normal(0, 0.2, (3, 3, 8, 4)).astype(np.float32)
        found = tf.nn.conv2d(features, kernel, 2, [[0, 0], [1, 1], [2, 0], [0, 0]], name="c/Conv2D")
        return tf.nn.bias_add(found, np.zeros(4, np.float32), name="c/BiasAdd")

    fp32 = small_graph(tail)
    int8, reports = quantize(fp32, [images])
    assert not any(r.reason for r in reports)
    expected, got = (run(graph, ["c/BiasAdd"], images)[0] for graph in (fp32, int8))
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, atol=SEVEN_STEPS * np.abs(expected).max(), rtol=0)


def test_layers_can_be_kept_in_fp32(small_graph: Small, images: Floats, run: Run) -> None:
    fp32 = small_graph()
    int8, reports = quantize(fp32, [images], keep_float={"a/Conv2D"})
    assert [r.name for r in reports if r.reason] == ["a/MaxPool", "a/Conv2D"]
    assert [r.reason for r in reports if r.name == "a/Conv2D"] == ["it was asked to stay fp32"]
    expected, got = (run(graph, ["a/Relu"], images)[0] for graph in (fp32, int8))
    np.testing.assert_array_equal(got, expected)
    with pytest.raises(UserError, match="no convolution z/Conv2D to keep in fp32"):
        quantize(fp32, [images], keep_float={"z/Conv2D"})


def test_an_int8_graph_is_refused(small_graph: Small, images: Floats) -> None:
    int8, _ = quantize(small_graph(), [images])
    with pytest.raises(UserError, match="quantized already"):
        quantize(int8, [images])


def test_without_images_or_convolutions_nothing_is_quantized(small_graph: Small, images: Floats) -> None:
    with pytest.raises(UserError, match="no calibration images"):
        quantize(small_graph(), [])
    with pytest.raises(UserError, match="nothing can become int8"):
        quantize(small_graph(), [images], keep_float={"a/Conv2D", "b/Conv2D"})


def test_the_graph_that_was_given_is_not_changed(small_graph: Small, images: Floats) -> None:
    fp32 = small_graph()
    quantize(fp32, [images])
    assert fp32 == small_graph()
