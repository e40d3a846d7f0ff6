"""The profile on a worker of fixed durations, and which kernel is named for which layer."""

from ssd_core.profiling.layers import Node, Tensor
from ssd_core.results.case import Case
from ssd_core.scenarios.profile import Profile, kernels_of
from tests.scenarios.contexts import ContextMaker


def test_the_rows_add_up_to_the_step(context: ContextMaker) -> None:
    result = Profile(Case("profile", "fp32", 1, 1, 1), context({"ms": {"fp32": 40.0}}, steps=3)).measure()
    assert (result.steps, result.untraced_step_ms) == (3, 40.0)
    assert [row.kind for row in result.layers] == ["convolution", "overhead", "total"]
    layer, between, step = result.layers
    assert (layer.time_ms, step.time_ms) == (20.0, 40.0)
    assert layer.time_ms + between.time_ms == step.time_ms
    assert layer.kernel == "brg_conv_fwd:avx512_core"
    assert result.unmatched_layers == []


def layer(name: str, channels: int, operation: str = "_MklNativeConv2D") -> Node:
    images, kernel = (Tensor(shape, "float32", 4) for shape in ((1, 9, 9, channels), (1, 1, channels, channels)))
    return Node(name, operation, [1], 1, images, kernel, images)


def line(channels: int, implementation: str) -> str:
    problem = f"mb1_ic{channels}oc{channels}_ih9oh9kh1sh1dh0ph0_iw9ow9kw1sw1dw0pw0"
    return f"onednn_verbose,v1,primitive,exec,cpu,convolution,{implementation},fwd,src:f32::x wei:f32::x,,,{problem},1"


def test_kernels_are_named_by_layer_and_what_does_not_match_is_told() -> None:
    layers = [layer("a", 4), layer("b", 8), layer("eigen", 4, "Conv2D"), layer("c", 16)]
    lines = ["hello", line(4, "jit:avx2"), line(8, "gemm:jit"), line(17, "jit:avx2")]
    kernels, unmatched = kernels_of(layers, lines, one_after_another=True)
    assert {name: ran.implementation for name, ran in kernels.items()} == {"a": "jit:avx2", "b": "gemm:jit"}
    assert unmatched == ["c"], "TensorFlow's own kernel prints no line, and is not missed"
    assert kernels_of([], lines, one_after_another=True) == ({}, [])
