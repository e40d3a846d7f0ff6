"""fp32 -> bf16: what becomes bfloat16 and what does not, and that it computes nearly the same."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.graph.bfloat16 import to_bfloat16
from ssd_core.graph.contract import BATCHED_OUTPUTS, identify, operation_counts
from ssd_core.graph.export import CANDIDATE_LOGITS, LOCATIONS
from ssd_core.graph.quantize import quantize
from ssd_core.graph.rewrite import LayerReport

GraphDef = Any
Floats = npt.NDArray[np.float32]
Small = Callable[..., GraphDef]
Run = Callable[..., list[npt.NDArray[Any]]]

STEP = 2.0**-8  # a bfloat16 has 8 bits of mantissa, so it is off by half of this at the most, relatively


@pytest.fixture(scope="module")
def images() -> Floats:
    return np.random.default_rng(3).uniform(-120, 150, (2, 300, 300, 3)).astype(np.float32)


def types(graph_def: GraphDef, operation: str, attribute: str = "T") -> list[Any]:
    return [tf.as_dtype(node.attr[attribute].type) for node in graph_def.node if node.op == operation]


def rounded(values: npt.NDArray[Any]) -> Floats:
    narrow: Floats = values.astype(tf.bfloat16.as_numpy_dtype).astype(np.float32)
    return narrow


def test_convolutions_and_poolings_of_a_small_graph_are_bfloat16(small_graph: Small) -> None:
    bf16, reports = to_bfloat16(small_graph())
    assert reports == [
        LayerReport("a/Conv2D", "Conv2D in bfloat16", True),
        LayerReport("a/MaxPool", "MaxPool in bfloat16", True),
        LayerReport("b/Conv2D", "Conv2D in bfloat16", True),
    ]
    for operation in ("Conv2D", "BiasAdd", "Relu", "MaxPool"):
        assert set(types(bf16, operation)) == {tf.bfloat16}
    # One conversion in, at the image, and one out, at the head: what ReLU and pooling give is nobody's float.
    counts = operation_counts(bf16)
    assert (counts["Conv2D"], counts["BiasAdd"], counts["Relu"], counts["MaxPool"], counts["Cast"]) == (2, 2, 1, 1, 2)


def test_the_constants_of_layers_are_bfloat16_and_there_are_no_others(small_graph: Small) -> None:
    fp32 = small_graph()
    bf16, _ = to_bfloat16(fp32)
    before, after = (
        {n.name: tf.make_ndarray(n.attr["value"].tensor) for n in graph.node if n.op == "Const"}
        for graph in (fp32, bf16)
    )
    assert set(types(bf16, "Const", "dtype")) == {tf.bfloat16}
    for layer in ("a", "b"):
        for constant in ("kernel", "bias"):
            narrow = after[f"{layer}/Conv2D/bf16/{constant}"].astype(np.float32)
            np.testing.assert_array_equal(narrow, rounded(before[f"{layer}/{constant}"]))
    assert len(after) == 4


def test_a_convolution_computes_what_bfloat16_computes(small_graph: Small, images: Floats, run: Run) -> None:
    fp32 = small_graph(tf.identity)
    bf16, _ = to_bfloat16(fp32)
    constants = {n.name: tf.make_ndarray(n.attr["value"].tensor) for n in fp32.node if n.op == "Const"}
    kernel, bias = (rounded(constants[name]) for name in ("a/kernel", "a/bias"))
    # By hand: what goes in is rounded, sums are float32, and each operation's result is rounded.
    convolved = rounded(tf.nn.conv2d(rounded(images), kernel, 10, "SAME").numpy())
    expected = tf.nn.max_pool2d(np.maximum(rounded(convolved + bias), 0), 2, 2, "SAME").numpy()
    (got,) = run(bf16, ["a/MaxPool"], images)
    assert got.dtype == np.float32
    assert len(np.unique(got)) > 500
    # Whether a sum is rounded before or after its bias is the CPU's affair: a step of the larger of the two.
    np.testing.assert_allclose(got, expected, rtol=STEP, atol=STEP * np.abs(convolved).max())


@pytest.mark.parametrize("optimize", [False, True])
def test_outputs_are_close_to_fp32_and_of_the_same_shape(
    small_graph: Small, images: Floats, run: Run, optimize: bool
) -> None:
    fp32 = small_graph()
    bf16, _ = to_bfloat16(fp32)
    expected, got = (run(graph, list(BATCHED_OUTPUTS), images, optimize) for graph in (fp32, bf16))
    for wide, narrow in zip(expected, got, strict=True):
        assert narrow.dtype == np.float32
        assert narrow.shape == wide.shape
        assert 0 < np.abs(narrow - wide).max() < 4 * STEP * np.abs(wide).max()


@pytest.mark.parametrize("batch", [None, 2])
def test_the_contract_is_kept(small_graph: Small, batch: int | None) -> None:
    fp32 = small_graph(batch=batch)
    bf16, _ = to_bfloat16(fp32)
    assert identify(bf16) == identify(fp32)
    assert identify(bf16).fixed_batch == batch


def test_upstreams_contract_is_kept(thin_upstream_graph: GraphDef, images: Floats, run: Run) -> None:
    bf16, reports = to_bfloat16(thin_upstream_graph)
    assert identify(bf16) == identify(thin_upstream_graph)
    assert [report.rewritten for report in reports] == [True] * 12
    names = [name.removesuffix(":0") for name in identify(bf16).outputs]
    expected, got = (run(graph, names, images[:1]) for graph in (thin_upstream_graph, bf16))
    assert [array.shape[2:] for array in got] == [array.shape[2:] for array in expected]
    best_before, best_after = ([max(scores.max(), 0.01) for scores in arrays[::2]] for arrays in (expected, got))
    assert max(best_before) > 0.1
    # A logit of up to 9 + 3 is off by 4 STEP of that, 0.19, and a small probability by that share of itself.
    np.testing.assert_allclose(best_after, best_before, rtol=0.2)


def no_bias(features: Any) -> Any:
    return tf.nn.conv2d(features, np.ones((3, 3, 8, 4), np.float32), 1, "SAME", name="c/Conv2D")


def computed_kernel(features: Any) -> Any:
    kernel = tf.reshape(features[0, :3, :3, :8], (3, 3, 8, 1))
    return tf.nn.bias_add(tf.nn.conv2d(features, kernel, 1, "SAME", name="c/Conv2D"), np.zeros(1, np.float32))


def half(features: Any) -> Any:
    narrow = tf.nn.conv2d(tf.cast(features, tf.half), np.ones((3, 3, 8, 4), np.half), 1, "SAME", name="c/Conv2D")
    return tf.cast(tf.nn.bias_add(narrow, np.zeros(4, np.half)), tf.float32)


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (no_bias, "no constant bias follows it"),
        (computed_kernel, "its kernel is not a constant"),
        (half, "it is not in float32"),
    ],
)
def test_what_cannot_be_turned_is_in_the_report_with_the_reason(
    small_graph: Small, images: Floats, run: Run, tail: Any, reason: str
) -> None:
    fp32 = small_graph(tail)
    bf16, reports = to_bfloat16(fp32)
    assert [r.name for r in reports if r.rewritten] == ["a/Conv2D", "a/MaxPool"]
    assert LayerReport("c/Conv2D", "Conv2D", False, reason=reason) in reports
    expected, got = (run(graph, [BATCHED_OUTPUTS[0]], images[:1])[0] for graph in (fp32, bf16))
    # Two layers, each rounding what it is given and what it gives; as much again where a kernel is computed from that.
    np.testing.assert_allclose(got, expected, atol=8 * STEP * np.abs(expected).max(), rtol=0)


def test_a_pooling_of_floats_is_left_with_the_reason(small_graph: Small, images: Floats, run: Run) -> None:
    fp32 = small_graph(lambda x: tf.nn.max_pool2d(tf.sqrt(x), 2, 2, "SAME", name="c/MaxPool"))
    bf16, reports = to_bfloat16(fp32)
    assert reports[-1] == LayerReport("c/MaxPool", "MaxPool", False, reason="what it pools is not bfloat16")
    expected, got = (run(graph, ["c/MaxPool"], images)[0] for graph in (fp32, bf16))
    np.testing.assert_allclose(got, expected, atol=STEP * np.abs(expected).max())


@pytest.mark.parametrize("padding", ["VALID", [[0, 0], [1, 1], [2, 0], [0, 0]]])
def test_strides_and_paddings_are_kept(small_graph: Small, images: Floats, run: Run, padding: Any) -> None:
    def tail(features: Any) -> Any:
        kernel = np.random.default_rng(1).normal(0, 0.2, (3, 3, 8, 4)).astype(np.float32)
        found = tf.nn.conv2d(features, kernel, 2, padding, name="c/Conv2D")
        return tf.nn.bias_add(found, np.zeros(4, np.float32), name="c/BiasAdd")

    fp32 = small_graph(tail)
    bf16, reports = to_bfloat16(fp32)
    assert not any(r.reason for r in reports)
    expected, got = (run(graph, ["c/BiasAdd"], images)[0] for graph in (fp32, bf16))
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, atol=4 * STEP * np.abs(expected).max())


def test_graphs_in_another_precision_are_refused(small_graph: Small, images: Floats) -> None:
    int8, _ = quantize(small_graph(), [images])
    bf16, _ = to_bfloat16(small_graph())
    for narrow in (int8, bf16):
        with pytest.raises(UserError, match=r"no float32 convolution .*: give the fp32 graph"):
            to_bfloat16(narrow)


def test_a_graph_of_an_unknown_contract_is_refused(small_graph: Small) -> None:
    graph_def = small_graph()
    for node in graph_def.node:
        if node.name == BATCHED_OUTPUTS[0]:
            node.name = "elsewhere"
    with pytest.raises(UserError, match="outputs are unknown"):
        to_bfloat16(graph_def)


def test_the_graph_that_was_given_is_not_changed(small_graph: Small) -> None:
    fp32 = small_graph()
    to_bfloat16(fp32)
    assert fp32 == small_graph()


def test_the_whole_network_is_bfloat16_but_for_the_normalisation(
    seeded_graph: GraphDef, seeded_outputs: dict[str, npt.NDArray[Any]], network_input: Floats, run: Run
) -> None:
    bf16, reports = to_bfloat16(seeded_graph)
    assert [report.operation for report in reports].count("Conv2D in bfloat16") == 35
    assert [report.operation for report in reports].count("MaxPool in bfloat16") == 5
    assert len(reports) == 40
    counts = operation_counts(bf16)
    assert (counts["Conv2D"], counts["MaxPool"]) == (35, 5)
    # In: the image and the normalised conv4_3. Out: conv4_3 for its normalisation, and the twelve heads.
    assert types(bf16, "Cast", "DstT").count(tf.bfloat16) == 2
    assert counts["Cast"] - operation_counts(seeded_graph).get("Cast", 0) == 15
    assert 0.49 < bf16.ByteSize() / seeded_graph.ByteSize() < 0.51

    names = [CANDIDATE_LOGITS, LOCATIONS]
    for name, got in zip(names, run(bf16, names, network_input, optimize=True), strict=True):
        expected = seeded_outputs[name]
        assert got.shape == expected.shape
        # 23 layers deep, each of which rounds what it is given and what it gives.
        assert np.linalg.norm(got - expected) < 4 * STEP * np.linalg.norm(expected)
