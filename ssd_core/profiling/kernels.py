"""What the CPU really ran: oneDNN's own lines (ONEDNN_VERBOSE), parsed into primitives.

A line of oneDNN 3 reads, fields separated by commas:

    onednn_verbose,v1,primitive,exec,cpu,convolution,brg_conv_fwd:avx512_core_vnni,forward_inference,
    src:u8::blocked:acdb::f0 wei:s8:a:blocked:AcdB16a4b::f0 …,attributes,alg:convolution_direct,mb1_ic16oc16…,0.0910645

Older versions leave out `v1` and `primitive` and write `src_u8::blocked…`; the fields after `exec` are the same.
Source: oneDNN developer guide, "Verbose Mode".
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

_TENSOR = re.compile(r"\b(src|wei|bia|dst)[:_]([a-z]+\d*(?:_e\dm\d)?)")
_SIZE = re.compile(r"([a-z]+)(\d+)")
_CONVOLUTIONS = ("convolution",)
_INT8 = ("s8", "u8")
EMULATED = "emulated"
_WITHOUT_BF16 = re.compile(
    r":(avx512_core|avx2|avx|sse41|any)$"
)  # instructions that know no bfloat16, by oneDNN's names

# The first pattern that is found in an implementation's name tells its instructions; names hold the widest last.
_ISAS = (
    ("AMX", re.compile(r"amx")),
    ("VNNI", re.compile(r"vnni")),
    ("AVX-512 BF16", re.compile(r"avx512_core_bf16")),
    ("AVX-512", re.compile(r"avx512|avx10")),
    ("AVX2", re.compile(r"avx2")),
    ("AVX", re.compile(r"avx")),
    ("SSE4.1", re.compile(r"sse41")),
    ("SVE", re.compile(r"sve")),
    ("Arm Compute Library", re.compile(r"acl")),
    ("reference", re.compile(r"\bref\b|^ref|:any$|^simple")),
)


class Problem(NamedTuple):
    """What a convolution or pooling computes, in the words of oneDNN's problem strings; 0 where a pooling has none."""

    kind: str
    mb: int
    ic: int
    oc: int
    ih: int
    iw: int
    oh: int
    ow: int
    kh: int
    kw: int


@dataclass(frozen=True)
class Primitive:
    """One execution of one oneDNN primitive; data types are oneDNN's words (f32, bf16, s8, u8), "" where not given."""

    kind: str
    implementation: str
    source_type: str
    weights_type: str
    problem: str
    time_ms: float

    @property
    def isa(self) -> str:
        """The instructions that the implementation's name tells."""
        return next((isa for isa, pattern in _ISAS if pattern.search(self.implementation)), "other")

    @property
    def data_type(self) -> str:
        """`int8` where both the input and the weights are 8-bit integers; otherwise the input's type.

        `emulated bf16` where the input is bf16 and the instructions have none: oneDNN then widens it, which takes
        several times as long.
        """
        if self.source_type in _INT8 and self.weights_type in _INT8:
            return "int8"
        if self.source_type == "bf16" and _WITHOUT_BF16.search(self.implementation):
            return f"{EMULATED} {self.source_type}"
        return self.source_type or "unknown"

    @property
    def sizes(self) -> Problem:
        """The problem string such as `mb1_ic16oc32_ih30oh30kh3…iw30ow30kw3…` in numbers; 0 for what is not in it."""
        sizes = {name: int(size) for name, size in _SIZE.findall(self.problem)}
        if self.kind == "pooling":  # its window is left out, as a Problem leaves it out
            sizes |= {"kh": 0, "kw": 0}
        return Problem(self.kind, *(sizes.get(name, 0) for name in Problem._fields[1:]))


@dataclass(frozen=True)
class KernelShares:
    """How the time in convolutions divides: each mapping's values add up to 1, the largest first."""

    convolutions: int
    convolution_ms: float
    by_isa: Mapping[str, float]
    by_data_type: Mapping[str, float]
    by_implementation: Mapping[str, float]

    def as_json(self) -> dict[str, object]:
        """The same as plain objects."""
        return asdict(self)


def primitives(lines: Iterable[str]) -> list[Primitive]:
    """Every executed primitive among `lines`; all other lines are ignored."""
    return [primitive for line in lines if (primitive := _parse(line)) is not None]


def kernel_shares(lines: Iterable[str]) -> KernelShares:
    """The convolutions among oneDNN's `lines`; with none of them `convolutions` is 0 and the mappings are empty."""
    ran = [p for p in primitives(lines) if p.kind in _CONVOLUTIONS]
    return KernelShares(
        convolutions=len(ran),
        convolution_ms=sum(p.time_ms for p in ran),
        by_isa=_shares((p.isa, p.time_ms) for p in ran),
        by_data_type=_shares((p.data_type, p.time_ms) for p in ran),
        by_implementation=_shares((p.implementation, p.time_ms) for p in ran),
    )


def matched(
    asked: Sequence[Problem], ran: Sequence[Primitive], one_after_another: bool = True
) -> list[Primitive | None]:
    """Which of the primitives that `ran` computed each problem `asked`, both in the order of execution.

    Those of equal sizes are matched in their order. All problems of a size get None in two cases. There are more or
    fewer primitives of that size; or several implementations computed it, and their order is unknown because
    operations did not run `one_after_another`.
    """
    by_size: dict[Problem, list[Primitive]] = {}
    for primitive in ran:
        by_size.setdefault(primitive.sizes, []).append(primitive)
    counts = Counter(asked)
    taken: Counter[Problem] = Counter()
    matches: list[Primitive | None] = []
    for problem in asked:
        candidates = by_size.get(problem, [])
        alike = one_after_another or len({candidate.implementation for candidate in candidates}) == 1
        matches.append(candidates[taken[problem]] if len(candidates) == counts[problem] and alike else None)
        taken[problem] += 1
    return matches


def _parse(line: str) -> Primitive | None:
    fields = line.strip().split(",")
    # "onednn_verbose" may follow what another thread printed on the same line.
    if not fields[0].endswith(("onednn_verbose", "dnnl_verbose")) or "exec" not in fields:
        return None
    rest = fields[fields.index("exec") + 1 :]
    if len(rest) < 8:
        return None
    _, kind, implementation, _, tensors, *_, problem, time = rest
    types = dict(_TENSOR.findall(tensors))
    try:
        return Primitive(kind, implementation, types.get("src", ""), types.get("wei", ""), problem, float(time))
    except ValueError:
        return None


def _shares(times_ms: Iterable[tuple[str, float]]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for name, time_ms in times_ms:
        sums[name] = sums.get(name, 0.0) + time_ms
    total = sum(sums.values())
    ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    return {name: time_ms / total for name, time_ms in ordered} if total else {}
