from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.profiling.kernels import Problem, kernel_shares, matched, primitives

# Printed by TensorFlow 2.21 (oneDNN 3.7.3) on a processor with VNNI and AVX-512 BF16, but without AMX.
CAPTURED = (Path(__file__).parent / "onednn_verbose.txt").read_text().splitlines()


def convolution(implementation: str, types: str, time_ms: float = 1.0) -> str:
    """A line in the form above, with other words in it."""
    source, weights = types.split("/")
    return (
        f"onednn_verbose,v1,primitive,exec,cpu,convolution,{implementation},forward_inference,"
        f"src:{source}::blocked:acdb::f0 wei:{weights}:a:blocked:AcdB16a4b::f0 bia:f32:a:blocked:a::f0"
        f" dst:{source}::blocked:acdb::f0,attr-scratchpad:user,alg:convolution_direct,mb1_ic64oc64,{time_ms}"
    )


def test_captured_lines_are_read() -> None:
    found = primitives(CAPTURED)
    assert [p.kind for p in found] == ["reorder", "convolution", "convolution", "convolution"]
    assert [p.data_type for p in found[1:]] == ["f32", "int8", "bf16"]
    assert [p.isa for p in found[1:]] == ["AVX-512", "VNNI", "AVX-512 BF16"]
    assert found[2].problem == "mb1_ic16oc16_ih30oh30kh3sh1dh0ph1_iw30ow30kw3sw1dw0pw1"
    assert found[2].time_ms == 0.0910645


def test_captured_lines_are_shared_out() -> None:
    shares = kernel_shares(CAPTURED)
    assert shares.convolutions == 3
    assert shares.convolution_ms == pytest.approx(0.3)
    assert shares.by_data_type == pytest.approx(
        {"f32": 0.136963 / 0.3, "int8": 0.0910645 / 0.3, "bf16": 0.0719725 / 0.3}
    )
    assert list(shares.by_isa) == ["AVX-512", "VNNI", "AVX-512 BF16"]
    assert sum(shares.by_implementation.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("implementation", "isa"),
    [
        ("brg_conv_fwd:avx10_1_512_amx", "AMX"),
        ("brg_conv_fwd:avx512_core_amx", "AMX"),
        ("brgconv_1x1:avx10_1_512_amx_fp16", "AMX"),
        ("jit_int8:avx512_core_amx", "AMX"),
        ("jit_int8:avx512_core_vnni", "VNNI"),
        ("brg_conv_fwd:avx2_vnni", "VNNI"),
        ("brg_conv_fwd:avx2_vnni_2", "VNNI"),
        ("jit_bf16:avx512_core_bf16", "AVX-512 BF16"),
        ("jit:avx512_core", "AVX-512"),
        ("brg_conv_fwd:avx10_1_512", "AVX-512"),
        ("jit:avx2", "AVX2"),
        ("jit:avx", "AVX"),
        ("jit:sse41", "SSE4.1"),
        ("jit_sve_512:sve_512", "SVE"),
        ("indirect_gemm:acl", "Arm Compute Library"),
        ("ref:any", "reference"),
        ("ref_int8:any", "reference"),
        ("gemm:jit", "other"),
    ],
)
def test_instructions_are_told_by_the_implementations_name(implementation: str, isa: str) -> None:
    (primitive,) = primitives([convolution(implementation, "u8/s8")])
    assert primitive.isa == isa


@pytest.mark.parametrize(
    ("types", "data_type"),
    [
        ("u8/s8", "int8"),
        ("s8/s8", "int8"),
        ("f32/f32", "f32"),
        ("bf16/bf16", "bf16"),
        ("f16/f16", "f16"),
        ("u8/f32", "u8"),
    ],
)
def test_int8_is_told_by_the_data_not_by_the_instructions(types: str, data_type: str) -> None:
    lines = [convolution("brg_conv_fwd:avx10_1_512_amx", types), convolution("indirect_gemm:acl", types)]
    assert {p.data_type for p in primitives(lines)} == {data_type}


@pytest.mark.parametrize(
    ("implementation", "emulated"),
    [
        (
            "jit_bf16:avx512_core",
            True,
        ),  # as a CPU with the instructions prints under ONEDNN_MAX_CPU_ISA=AVX512_CORE_VNNI
        ("jit_bf16_1x1:avx512_core", True),
        ("ref:any", True),
        ("brg_conv_fwd:avx512_core_bf16", False),
        ("brg_conv_fwd:avx512_core_amx", False),
        ("brg_conv_fwd:avx10_1_512", False),
        ("brg_conv_fwd:avx2_vnni_2", False),
        ("indirect_gemm:acl", False),
    ],
)
def test_bf16_without_its_instructions_is_emulated(implementation: str, emulated: bool) -> None:
    (bf16, f32) = primitives([convolution(implementation, types) for types in ("bf16/bf16", "f32/f32")])
    assert bf16.data_type == ("emulated bf16" if emulated else "bf16")
    assert f32.data_type == "f32"


def test_8_bit_integers_outside_convolutions_are_not_int8_inference() -> None:
    reorder = "onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,src:s8::blocked:a::f0 wei:s8::a::f0,,,8x8,0.1"
    assert len(primitives([reorder])) == 1
    assert kernel_shares([reorder]).convolutions == 0
    assert kernel_shares([reorder]).convolutions == 0
    assert kernel_shares([reorder]).by_isa == {}


@pytest.mark.parametrize(
    "line",
    [
        "dnnl_verbose,exec,cpu,convolution,jit_int8:avx512_core_vnni,forward_training,src_u8::blocked:acdb:f0 "
        "wei_s8::blocked:AcdB16a4b:f0 dst_u8::blocked:acdb:f0,attr,alg:convolution_direct,mb1,2.5",
        "onednn_verbose,exec,cpu,convolution,jit_int8:avx512_core_vnni,forward_training,src_u8::blocked:acdb::f0 "
        "wei_s8:a:blocked:AcdB16a4b::f0 dst_u8::blocked:acdb::f0,,alg:convolution_direct,mb1,2.5",
        "onednn_verbose,v1,1700000000.25,primitive,exec,cpu,convolution,jit_int8:avx512_core_vnni,forward_training,"
        "src:u8::blocked:acdb::f0 wei:s8::blocked:AcdB16a4b::f0,,alg:convolution_direct,mb1,2.5",
        "I tensorflow said something onednn_verbose,exec,cpu,convolution,jit_int8:avx512_core_vnni,forward_training,"
        "src_u8::blocked:acdb::f0 wei_s8::blocked:AcdB16a4b::f0,,alg:convolution_direct,mb1,2.5",
    ],
)
def test_older_and_stranger_forms_are_read(line: str) -> None:
    (primitive,) = primitives([line])
    assert (primitive.kind, primitive.isa, primitive.data_type, primitive.time_ms) == (
        "convolution",
        "VNNI",
        "int8",
        2.5,
    )


@given(st.lists(st.text() | st.sampled_from(CAPTURED).flatmap(lambda s: st.integers(0, len(s)).map(lambda n: s[:n]))))
def test_any_other_line_is_passed_over(lines: list[str]) -> None:
    shares = kernel_shares(lines)
    assert shares.convolutions <= len(lines)
    assert all(0 <= share <= 1 for share in shares.by_isa.values())


# What is matched to what


def sized(channels: int, implementation: str = "jit:avx512_core", kind: str = "convolution") -> str:
    """A line of a convolution or pooling of [1, 30, 20, channels]."""
    channel_sizes = f"mb1_ic{channels}oc{channels}" if kind == "convolution" else f"mb1ic{channels}"
    problem = f"{channel_sizes}_ih30oh30kh3sh1dh0ph1_iw20ow20kw3sw1dw0pw1"
    return f"onednn_verbose,v1,primitive,exec,cpu,{kind},{implementation},forward,src:f32::x wei:f32::x,,,{problem},1.0"


def problem(channels: int) -> Problem:
    return Problem("convolution", 1, channels, channels, 30, 20, 30, 20, 3, 3)


def test_problems_are_read_in_numbers() -> None:
    convolution, pooling = primitives([sized(64), sized(64, kind="pooling")])
    assert convolution.sizes == Problem("convolution", mb=1, ic=64, oc=64, ih=30, iw=20, oh=30, ow=20, kh=3, kw=3)
    assert pooling.sizes == Problem("pooling", mb=1, ic=64, oc=0, ih=30, iw=20, oh=30, ow=20, kh=0, kw=0)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12))
def test_each_layer_gets_the_line_that_it_printed(channels: list[int]) -> None:
    ran = primitives([sized(c, f"kernel{i}") for i, c in enumerate(channels)])
    found = matched([problem(c) for c in channels], ran)
    assert [p and p.implementation for p in found] == [f"kernel{i}" for i in range(len(channels))]


@pytest.mark.parametrize(
    ("lines", "kernels"),
    [
        ([sized(16, "a"), sized(8, "b")], [None, "b"]),  # two layers, one line
        ([sized(16, "a"), sized(16, "a"), sized(16, "a"), sized(8, "b")], [None, "b"]),  # two layers, three lines
        ([sized(16, "a"), sized(16, "a"), sized(9, "b")], ["a", None]),  # another size
        ([sized(16, "a"), sized(16, "a"), sized(8, "b", kind="pooling")], ["a", None]),  # another kind
        ([], [None, None]),
    ],
)
def test_what_does_not_match_is_nobodys_kernel(lines: list[str], kernels: list[str | None]) -> None:
    found = [p and p.implementation for p in matched([problem(16), problem(8), problem(16)], primitives(lines))]
    assert found == [*kernels, kernels[0]]


def test_an_order_that_was_not_kept_decides_nothing() -> None:
    asked = [problem(16), problem(16)]
    unlike, alike = [primitives([sized(16, "a"), sized(16, other)]) for other in ("b", "a")]
    assert matched(asked, unlike, one_after_another=False) == [None, None]
    assert matched(asked, alike, one_after_another=False) == alike


def test_nothing_printed_is_nothing_found() -> None:
    assert kernel_shares([]).convolutions == 0
