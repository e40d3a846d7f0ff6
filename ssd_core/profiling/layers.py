"""The profile of a step: the time of each layer, its rate, and its share of the roofline.

A layer is a convolution or a pooling; all other nodes are summed up by operation. The roofline (Williams, Waterman and
Patterson, "Roofline: an insightful visual performance model", 2009) says that a layer takes at least as long as its
multiply-adds at the machine's peak, and as its bytes at the bandwidth of memory.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from ssd_core.precisions import of_tensor_type
from ssd_core.profiling.kernels import Primitive, Problem

Kind = Literal["convolution", "pooling", "operation", "overhead", "total"]

OVERHEAD = "between operations"
TOTAL = "whole step"
"""TensorFlow's data type of a kernel -> the precision whose peak is its limit."""

_CONVOLUTION = re.compile(r"Conv2D", re.IGNORECASE)
_POOLING = re.compile(r"(Max|Avg)Pool(?!Grad)")
_REWRITTEN = re.compile(r"^_+(Mkl)?(Native)?(?=[A-Z])")
_MS = 1e-6


@dataclass(frozen=True)
class Tensor:
    """A tensor's shape and its data type in TensorFlow's words."""

    shape: tuple[int, ...]
    data_type: str
    item_bytes: int

    @property
    def total_bytes(self) -> int:
        """The size of all elements."""
        return math.prod(self.shape) * self.item_bytes


@dataclass(frozen=True)
class Node:
    """A node of an executed graph, the nanoseconds it took in each step, and a layer's tensors where they are known."""

    name: str
    operation: str
    times_ns: Sequence[int]
    executions: int
    source: Tensor | None = None
    kernel: Tensor | None = None
    output: Tensor | None = None
    channels_first: bool = False

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> "Node":
        """A node as the worker sends it."""
        tensors = {name: content.get(name) for name in ("source", "kernel", "output")}
        made = {name: Tensor(tuple(t["shape"]), t["data_type"], t["item_bytes"]) for name, t in tensors.items() if t}
        return cls(**{**content, **dict.fromkeys(tensors), **made})

    @property
    def by_onednn(self) -> bool:
        """Whether oneDNN's kernel of it was registered, rather than TensorFlow's own."""
        return "Mkl" in self.operation

    @property
    def problem(self) -> Problem | None:
        """What a layer computes, in oneDNN's terms; None for anything else, and where shapes are not known."""
        kind = kind_of(self.operation)
        if kind is None or self.executions != 1 or self.source is None or self.output is None:
            return None
        if len(self.source.shape) != 4 or len(self.output.shape) != 4:
            return None
        height, width, channels = (2, 3, 1) if self.channels_first else (1, 2, 3)
        kernel = (0, 0)
        if kind == "convolution":
            if self.kernel is None or len(self.kernel.shape) != 4:
                return None
            kernel = self.kernel.shape[:2]
        source, output = self.source.shape, self.output.shape
        return Problem(
            kind=kind,
            mb=source[0],
            ic=source[channels],
            oc=output[channels] if kind == "convolution" else 0,
            ih=source[height],
            iw=source[width],
            oh=output[height],
            ow=output[width],
            kh=kernel[0],
            kw=kernel[1],
        )

    @property
    def multiply_adds(self) -> int:
        """Of the whole batch, borders included; 0 for a pooling."""
        if self.problem is None or self.kernel is None or self.output is None or self.problem.kind != "convolution":
            return 0
        of_an_element = math.prod(self.kernel.shape[:2] if "Depthwise" in self.operation else self.kernel.shape[:3])
        return math.prod(self.output.shape) * of_an_element

    @property
    def moved_bytes(self) -> int:
        """The least that a layer reads and writes: its input, its kernel and its output, each once."""
        kernel = self.kernel if self.multiply_adds else None
        return sum(tensor.total_bytes for tensor in (self.source, kernel, self.output) if tensor)

    @property
    def precision(self) -> str:
        """A layer's: that of its kernel or of its pooled input; TensorFlow's word where it is none of ours."""
        tensor = (self.kernel if self.multiply_adds else None) or self.source
        return "" if tensor is None else of_tensor_type(tensor.data_type)


@dataclass(frozen=True)
class Roofline:
    """What the machine can do: multiply-adds a second by precision, and bytes a second to and from memory."""

    multiply_adds_per_s: Mapping[str, float]
    bytes_per_s: float
    bytes_per_s_interval: Sequence[float]
    """Low and high end of the 95 % interval."""

    def least_ms(self, node: Node) -> float | None:
        """The least time of a layer; None where the peak of its precision was not measured."""
        peak = self.multiply_adds_per_s.get(node.precision)
        if node.multiply_adds and not peak:
            return None
        computing = node.multiply_adds / peak if peak else 0.0
        return max(computing, node.moved_bytes / self.bytes_per_s) * 1e3


@dataclass(frozen=True)
class Row:
    """A layer, all nodes of an operation, what passed between operations, or the whole step."""

    name: str
    kind: Kind
    operation: str
    nodes: int
    time_ms: float
    step_share: float
    multiply_adds: int = 0
    moved_bytes: int | None = None
    roofline_share: float | None = None
    kernel: str | None = None
    """oneDNN's name of the implementation; None where none is known."""
    isa: str | None = None
    data_type: str = ""

    @property
    def gop_per_s(self) -> float | None:
        """Billions of operations a second, two per multiply-add; None where there are none."""
        return 2 * self.multiply_adds / self.time_ms * _MS if self.multiply_adds and self.time_ms else None


def kind_of(operation: str) -> Literal["convolution", "pooling"] | None:
    """The kind of layer that an operation is; None for one that is no layer."""
    if _CONVOLUTION.search(operation) and "Backprop" not in operation:
        return "convolution"
    return "pooling" if _POOLING.search(operation) else None


def plain_name(operation: str) -> str:
    """An operation without what oneDNN's rewriting put before it: `_MklDequantize` -> `Dequantize`."""
    return _REWRITTEN.sub("", operation)


def account(
    nodes: Sequence[Node], step_ns: Sequence[int], kernels: Mapping[str, Primitive], roofline: Roofline
) -> list[Row]:
    """The rows of the median step: layers, then operations, each in order of execution; overhead; the whole step.

    The times of all rows before the last add up to that of the last. `kernels` maps node names to what oneDNN ran.
    """
    step_ms = median(step_ns) * _MS
    layers = [node for node in nodes if node.problem is not None]
    rows = [_layer(node, step_ms, kernels.get(node.name), roofline) for node in layers]
    groups: dict[str, list[Node]] = {}
    for node in nodes:
        if node.problem is None:
            groups.setdefault(plain_name(node.operation), []).append(node)
    rows += [_operation(name, group, step_ms) for name, group in groups.items()]
    rest_ms = step_ms - sum(row.time_ms for row in rows)
    rows.append(Row(OVERHEAD, "overhead", "", 0, rest_ms, rest_ms / step_ms))
    least_ms = [roofline.least_ms(node) for node in layers]
    known = sum(ms for ms in least_ms if ms is not None) if layers and None not in least_ms else None
    total = Row(
        TOTAL,
        "total",
        "",
        len(nodes),
        step_ms,
        1.0,
        sum(row.multiply_adds for row in rows),
        roofline_share=None if known is None else known / step_ms,
    )
    return [*rows, total]


def _layer(node: Node, step_ms: float, ran: Primitive | None, roofline: Roofline) -> Row:
    time_ms = median(node.times_ns) * _MS
    least_ms = roofline.least_ms(node)
    kind = kind_of(node.operation)
    assert kind is not None
    return Row(
        name=node.name,
        kind=kind,
        operation=plain_name(node.operation),
        nodes=1,
        time_ms=time_ms,
        step_share=time_ms / step_ms,
        multiply_adds=node.multiply_adds,
        moved_bytes=node.moved_bytes,
        roofline_share=least_ms / time_ms if least_ms is not None and time_ms else None,
        kernel=ran.implementation if ran else None,
        isa=ran.isa if ran else None,
        data_type=node.precision,
    )


def _operation(name: str, group: Sequence[Node], step_ms: float) -> Row:
    time_ms = median(map(sum, zip(*(node.times_ns for node in group), strict=True))) * _MS
    return Row(name, "operation", name, len(group), time_ms, time_ms / step_ms)
