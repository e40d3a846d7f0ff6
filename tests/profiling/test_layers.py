"""Accounting: every node is in one row, and all rows add up to the step; rates and rooflines of layers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.profiling.kernels import Primitive
from ssd_core.profiling.layers import OVERHEAD, TOTAL, Node, Roofline, Row, Tensor, account, kind_of, plain_name

ROOFLINE = Roofline({"fp32": 1e9, "int8": 4e9}, 1e9, (0.9e9, 1.1e9))
OPERATIONS = ("Const", "_MklDequantize", "Dequantize", "_MklNativeFusedConv2D", "_MklQuantizedMaxPool", "TopKV2")


def convolution(name: str = "conv", time_ms: float = 1.0, data_type: str = "float32", **changes: Any) -> Node:
    """5x5 positions of 8 channels from 10x10 of 4: 2 * 25 * 8 * 36 = 14,400 multiply-adds."""
    item_bytes = 1 if data_type == "qint8" else 4
    about: dict[str, Any] = {
        "operation": "_MklNativeFusedConv2D",
        "times_ns": [int(time_ms * 1e6)],
        "executions": 1,
        "source": Tensor((2, 10, 10, 4), data_type, item_bytes),
        "kernel": Tensor((3, 3, 4, 8), data_type, item_bytes),
        "output": Tensor((2, 5, 5, 8), data_type, item_bytes),
    }
    return Node(name=name, **(about | changes))


def pooling(time_ms: float = 1.0) -> Node:
    source, output = Tensor((1, 10, 10, 4), "quint8", 1), Tensor((1, 5, 5, 4), "quint8", 1)
    return Node("pool", "_MklQuantizedMaxPool", [int(time_ms * 1e6)], 1, source, None, output)


nodes = st.lists(
    st.builds(
        lambda operation, times_ns: convolution("conv", operation=operation, times_ns=times_ns),
        st.sampled_from(OPERATIONS),
        st.lists(st.integers(0, 10**9), min_size=3, max_size=3),
    ),
    max_size=20,
)


@given(nodes, st.lists(st.integers(1, 10**10), min_size=3, max_size=3))
def test_rows_hold_every_node_once_and_add_up_to_the_step(found: list[Node], step_ns: list[int]) -> None:
    *rows, total = account(found, step_ns, {}, ROOFLINE)
    assert total.name == TOTAL
    assert rows[-1].name == OVERHEAD
    assert sum(row.nodes for row in rows) == total.nodes == len(found)
    assert total.time_ms == pytest.approx(sorted(step_ns)[1] * 1e-6)
    assert sum(row.time_ms for row in rows) == pytest.approx(total.time_ms, abs=1e-6)
    assert sum(row.multiply_adds for row in rows) == total.multiply_adds
    assert sum(row.kind in ("convolution", "pooling") for row in rows) == sum(
        kind_of(node.operation) is not None for node in found
    )


def test_a_layer_has_its_rate_kernel_and_share() -> None:
    ran = Primitive("convolution", "brg_conv_fwd:avx512_core", "f32", "f32", "", 0.9)
    row, *_ = account([convolution(time_ms=0.02)], [30_000], {"conv": ran}, ROOFLINE)
    assert row.multiply_adds == 14_400
    assert row.moved_bytes == 4 * (800 + 288 + 400)
    assert row.gop_per_s == pytest.approx(2 * 14_400 / 0.02e-3 * 1e-9)
    assert row.roofline_share == pytest.approx(0.72), "14,400 of the 20,000 that the peak allows"
    assert (row.kernel, row.isa, row.data_type) == ("brg_conv_fwd:avx512_core", "AVX-512", "fp32")
    assert row.step_share == pytest.approx(2 / 3)


def test_memory_bounds_what_computes_little() -> None:
    row, *_ = account([pooling(time_ms=0.001)], [2000], {}, ROOFLINE)
    assert row.gop_per_s is None
    assert row.roofline_share == pytest.approx(0.5), "500 bytes of the 1,000 that the bandwidth allows"
    assert row.data_type == "int8"


def test_the_whole_step_is_held_against_its_layers_rooflines() -> None:
    *_, total = account([convolution(), pooling()], [14_900], {}, ROOFLINE)
    assert total.roofline_share == pytest.approx(1.0)
    assert account([], [1000], {}, ROOFLINE)[-1].roofline_share is None


def test_a_precision_without_a_peak_has_no_share() -> None:
    row, *_, total = account([convolution(data_type="half")], [10**7], {}, ROOFLINE)
    assert (row.roofline_share, total.roofline_share, row.data_type) == (None, None, "half")


def test_a_kernel_of_8_bit_integers_is_held_against_their_peak() -> None:
    row, *_ = account([convolution(time_ms=0.0036, data_type="qint8")], [10**7], {}, ROOFLINE)
    assert row.roofline_share == pytest.approx(1.0)


@pytest.mark.parametrize(
    "changes",
    [{"source": None}, {"output": None}, {"kernel": None}, {"executions": 2}, {"kernel": Tensor((3,), "float32", 4)}],
)
def test_a_convolution_of_unknown_size_counts_among_the_operations(changes: dict[str, Any]) -> None:
    row, *_, total = account([convolution(**changes)], [10**7], {}, ROOFLINE)
    assert (row.name, row.kind, row.multiply_adds, total.multiply_adds) == ("FusedConv2D", "operation", 0, 0)


def test_channels_may_come_first() -> None:
    first = convolution(
        channels_first=True, source=Tensor((2, 4, 10, 12), "float32", 4), output=Tensor((2, 8, 5, 6), "float32", 4)
    )
    assert first.problem is not None
    assert first.problem[1:] == (2, 4, 8, 10, 12, 5, 6, 3, 3)
    assert first.multiply_adds == 2 * 8 * 5 * 6 * 36


def test_a_depthwise_convolution_sums_over_no_channels() -> None:
    assert convolution(operation="_MklNativeDepthwiseConv2dNative").multiply_adds == 2 * 25 * 8 * 9


def test_operations_of_one_name_are_summed_before_their_median() -> None:
    found = [Node("a", "_MklDequantize", [1000, 5000, 2000], 1), Node("b", "Dequantize", [9000, 1000, 3000], 1)]
    row, *_ = account(found, [10_000] * 3, {}, ROOFLINE)
    assert (row.name, row.nodes) == ("Dequantize", 2)
    assert row.time_ms == pytest.approx(0.006)


@pytest.mark.parametrize(
    ("operation", "kind", "plain"),
    [
        ("_MklQuantizedConv2DWithBiasAndRequantize", "convolution", "QuantizedConv2DWithBiasAndRequantize"),
        ("_MklNativeFusedConv2D", "convolution", "FusedConv2D"),
        ("_FusedConv2D", "convolution", "FusedConv2D"),
        ("DepthwiseConv2dNative", "convolution", "DepthwiseConv2dNative"),
        ("Conv2DBackpropInput", None, "Conv2DBackpropInput"),
        ("_MklQuantizedMaxPool", "pooling", "QuantizedMaxPool"),
        ("AvgPool", "pooling", "AvgPool"),
        ("_MklNativeMaxPool", "pooling", "MaxPool"),
        ("_Arg", None, "Arg"),
        ("TopKV2", None, "TopKV2"),
    ],
)
def test_operations_are_known_by_name(operation: str, kind: str | None, plain: str) -> None:
    assert kind_of(operation) == kind
    assert plain_name(operation) == plain


def test_nodes_survive_the_way_from_the_worker() -> None:
    content = {"name": "a", "operation": "Relu", "times_ns": [1], "executions": 1}
    assert Node.of_json(content) == Node("a", "Relu", [1], 1)
    tensor = {"shape": [1, 2], "data_type": "float32", "item_bytes": 4}
    made = Node.of_json(content | {"source": tensor, "kernel": None, "output": tensor, "channels_first": True})
    assert made.source == made.output == Tensor((1, 2), "float32", 4)
    assert made.source is not None
    assert made.source.total_bytes == 8
    assert (made.kernel, made.channels_first) == (None, True)


def test_no_time_is_no_rate() -> None:
    assert Row("a", "convolution", "Conv2D", 1, 0.0, 0.0, multiply_adds=5).gop_per_s is None
