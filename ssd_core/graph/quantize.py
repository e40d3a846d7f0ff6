"""fp32 graph -> int8 graph: convolutions and poolings become TensorFlow's public quantized operations.

Weights are symmetric int8 with per-channel scales. Activations after ReLU are unsigned, others symmetric. Each
convolution includes its bias, ReLU and requantization (`QuantizedConv2DWithBias[AndRelu]AndRequantize`), so that
activations stay 8 bits wide from one layer to the next. Operations that only move or select values work on integers:
heads that are joined share one scale, and only the candidates become floats. The rest of the graph is unchanged.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.graph.calibrate import Method, calibrate
from ssd_core.graph.contract import Contract, identify
from ssd_core.graph.ranges import Range
from ssd_core.graph.rewrite import LayerReport, Rewriter
from ssd_core.graph.session import needed
from ssd_core.graph.simplify import simplified
from ssd_core.graph.view import ConvolutionPattern, GraphView, node_of, pruned

GraphDef = Any
NodeDef = Any
Floats = npt.NDArray[np.float32]

DEFAULT_METHOD: Method = "percentile"  # one outlier among the images does not widen a range
LEVELS = 127  # magnitudes of a symmetric int8
_SUFFIX = "/int8"
_MOVING = {"ConcatV2": "T", "GatherV2": "Tparams", "Max": "T", "Reshape": "T"}
"""Operations that only move or select values, and the attribute that holds the type of these."""


@dataclass(frozen=True)
class _Quantized:
    """An 8-bit tensor with the names of its range; `unsigned` after ReLU; `limit` is the value of its last level."""

    tensor: str
    low: str
    high: str
    unsigned: bool
    limit: float

    @property
    def dtype(self) -> Any:
        return tf.quint8 if self.unsigned else tf.qint8


def quantize(
    graph_def: GraphDef,
    images: Iterable[Floats],
    method: Method = DEFAULT_METHOD,
    keep_float: Collection[str] = (),
) -> tuple[GraphDef, list[LayerReport]]:
    """Return the int8 graph of a frozen fp32 graph, and a report of each layer.

    `images` are batches [N, 300, 300, 3] of preprocessed images to calibrate on; `keep_float` names convolutions that
    stay fp32. UserError when the graph's contract is unknown, when TensorFlow cannot load or run it, when it is
    quantized already, when it has no such convolution or when nothing in it can be quantized.
    """
    source = _Source.of(graph_def, keep_float)
    return _written(source, _calibrated(source, images, method))


def calibrated_ranges(
    graph_def: GraphDef, images: Iterable[Floats], method: Method = DEFAULT_METHOD
) -> dict[str, Range]:
    """The ranges with which `quantize` makes the int8 graph; UserError as it raises."""
    return _calibrated(_Source.of(graph_def), images, method)


def quantize_with(graph_def: GraphDef, ranges: Mapping[str, Range]) -> GraphDef:
    """The int8 graph of a frozen fp32 graph, from known ranges of its tensors: nothing is run."""
    return _written(_Source.of(graph_def), ranges)[0]


@dataclass(frozen=True)
class _Source:
    """A simplified fp32 graph: its contract, the convolutions that become int8, and why others do not."""

    contract: Contract
    view: GraphView
    patterns: list[ConvolutionPattern]
    refused: dict[str, str]

    @classmethod
    def of(cls, graph_def: GraphDef, keep_float: Collection[str] = ()) -> "_Source":
        contract = identify(graph_def)
        if any(node.op.startswith("Quantized") for node in graph_def.node):
            raise UserError("The graph is quantized already: give the fp32 graph it was made from.")
        view = GraphView(simplified(needed(graph_def, contract.outputs)))
        patterns, refused = view.convolutions()
        patterns, kept = _without(patterns, keep_float)
        if not patterns:
            raise UserError(
                "The graph has no float32 convolution with constant kernel and bias: nothing can become int8."
            )
        return cls(contract, view, patterns, refused | kept)

    @property
    def joined(self) -> dict[str, list[str]]:
        return _joined(self.view, [p.output for p in self.patterns])


def _calibrated(source: _Source, images: Iterable[Floats], method: Method) -> dict[str, Range]:
    tensors = sorted({p.input for p in source.patterns} | {p.output for p in source.patterns})
    seen = calibrate(source.view.graph_def, source.contract, tensors, images)
    limits = {name: seen[name].limit(method) for name in tensors}
    limits |= {name: min(limits[name], seen[name].high) for name in _logits(source.view, source.patterns)}
    return {name: Range(seen[name].low >= 0, limit) for name, limit in _shared(limits, source.joined).items()}


def _written(source: _Source, ranges: Mapping[str, Range]) -> tuple[GraphDef, list[LayerReport]]:
    writer = _Writer(source.view, source.patterns, ranges)
    reports = writer.write()
    reports += [LayerReport(name, "Conv2D", False, reason=reason) for name, reason in source.refused.items()]
    outputs = [node_of(name) for name in source.contract.outputs]
    # The heads' outputs stay available as floats. A run that does not fetch them does not compute them.
    return pruned(writer.graph_def, [*outputs, *source.joined]), reports


def _without(
    patterns: list[ConvolutionPattern], names: Collection[str]
) -> tuple[list[ConvolutionPattern], dict[str, str]]:
    """The patterns without the convolutions `names`, and the reason why these stay fp32."""
    known = {p.convolution.name for p in patterns}
    if unknown := sorted(set(names) - known):
        raise UserError(f"The graph has no convolution {unknown[0]} to keep in fp32; its first is {min(known)}.")
    return [p for p in patterns if p.convolution.name not in names], dict.fromkeys(names, "it was asked to stay fp32")


def _logits(view: GraphView, patterns: Sequence[ConvolutionPattern]) -> list[str]:
    """The outputs that end in a softmax: values far below the largest do not matter, so they may be clipped."""
    softmaxes = {node.name for node in view.graph_def.node if node.op == "Softmax"}
    return [p.output for p in patterns if not p.relu and softmaxes & view.behind([p.output])]


def _shared(limits: dict[str, float], joined: Mapping[str, list[str]]) -> dict[str, float]:
    """The limits; tensors that are joined share the largest of theirs, so that they can be joined as integers."""
    shared = dict(limits)
    for parts in joined.values():
        shared |= dict.fromkeys(parts, max(limits[part] for part in parts))
    return shared


def _joined(view: GraphView, tensors: Collection[str]) -> dict[str, list[str]]:
    """The concatenations that join only `tensors`, reshaped or not, and which tensors each of them joins."""
    parts_of = {}
    for node in view.graph_def.node:
        if node.op == "ConcatV2":
            parts = [_origin(view, name) for name in node.input[:-1]]
            if all(part in tensors for part in parts):
                parts_of[node.name] = parts
    return parts_of


def _origin(view: GraphView, tensor: str) -> str:
    """The tensor that was reshaped, maybe several times, to `tensor`."""
    while view.nodes[node_of(tensor)].op == "Reshape":
        tensor = view.nodes[node_of(tensor)].input[0]
    return tensor


def per_channel(kernel: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Quantize [height, width, in, out] symmetrically: int8 values, and the [out] magnitudes that LEVELS stands for."""
    limits = np.maximum(np.abs(kernel).max(axis=(0, 1, 2)), 1e-6).astype(np.float32)
    return np.clip(np.rint(kernel / limits * LEVELS), -LEVELS, LEVELS).astype(np.int8), limits


class _Writer(Rewriter):
    def __init__(
        self,
        view: GraphView,
        patterns: list[ConvolutionPattern],
        ranges: Mapping[str, Range],
    ) -> None:
        super().__init__(view, patterns)
        self._ranges = ranges
        self._quantized: dict[str, _Quantized] = {}

    def convolution(self, pattern: ConvolutionPattern) -> LayerReport:
        source = self._as_quantized(pattern.input)
        kernel, limits = per_channel(pattern.kernel)
        name = pattern.convolution.name + _SUFFIX
        limit = self._ranges[pattern.output].limit
        inputs = [
            source.tensor,
            self.constant(f"{name}/kernel", kernel, tf.qint8),
            self.constant(f"{name}/bias", pattern.bias, tf.float32),
            source.low,
            source.high,
            self.constant(f"{name}/kernel_min", -limits, tf.float32),
            self.constant(f"{name}/kernel_max", limits, tf.float32),
            self.constant(f"{name}/output_min", 0.0 if pattern.relu else -limit, tf.float32),
            self.constant(f"{name}/output_max", limit, tf.float32),
        ]
        operation = f"QuantizedConv2DWithBias{'AndRelu' if pattern.relu else ''}AndRequantize"
        result = _Quantized(name, f"{name}:1", f"{name}:2", pattern.relu, limit)
        node = self.node(
            *(operation, name, inputs),
            Tinput=source.dtype,
            Tfilter=tf.qint8,
            Tbias=tf.float32,
            out_type=result.dtype,
        )
        for attribute in ("strides", "dilations"):
            if attribute in pattern.convolution.attr:
                node.attr[attribute].CopyFrom(pattern.convolution.attr[attribute])
        self._pad(node, pattern.convolution)
        self._publish(pattern.output, result)
        return LayerReport(pattern.convolution.name, operation, True, self._ranges[pattern.input].limit, limit)

    @staticmethod
    def _pad(node: NodeDef, convolution: NodeDef) -> None:
        """The quantized operation takes explicit padding as a list, beside a padding that adds nothing."""
        padding = convolution.attr["padding"].s
        if padding == b"EXPLICIT":
            node.attr["padding_list"].list.i.extend(convolution.attr["explicit_paddings"].list.i)
            padding = b"VALID"
        node.attr["padding"].s = padding

    def max_pool(self, node: NodeDef) -> LayerReport:
        source = self._quantized.get(node.input[0])
        if source is None or node.attr["data_format"].s not in (b"", b"NHWC"):
            self.copy(node)
            return LayerReport(node.name, "MaxPool", False, reason="what it pools is not int8 in NHWC")
        name = node.name + _SUFFIX
        pool = self.node("QuantizedMaxPool", name, [source.tensor, source.low, source.high], T=source.dtype)
        for attribute in ("ksize", "strides", "padding"):
            pool.attr[attribute].CopyFrom(node.attr[attribute])
        self._publish(node.name, _Quantized(name, f"{name}:1", f"{name}:2", source.unsigned, source.limit))
        return LayerReport(node.name, "QuantizedMaxPool", True)

    def other(self, node: NodeDef) -> None:
        """Let an operation that moves values move integers, if all its inputs are integers of one scale."""
        count = len(node.input) - 1 if node.op == "ConcatV2" else 1
        inputs = [self._quantized.get(name) for name in node.input[:count]]
        sources = [source for source in inputs if source is not None]
        scales = {(source.unsigned, source.limit) for source in sources}
        moved = self.copy(node)
        if node.op not in _MOVING or len(sources) < count or len(scales) > 1:
            return
        first, name = sources[0], node.name + _SUFFIX
        moved.name = name
        moved.input[:count] = [source.tensor for source in sources]
        moved.attr[_MOVING[node.op]].type = first.dtype.as_datatype_enum
        if node.op == "Max":
            self._as_plain(moved, first)
        self._publish(node.name, _Quantized(name, first.low, first.high, first.unsigned, first.limit))

    def _as_plain(self, node: NodeDef, source: _Quantized) -> None:
        """Make an operation without quantized types work on plain integers, between two casts of the bits."""
        name, plain = node.name, tf.uint8 if source.unsigned else tf.int8
        node.name = f"{name}/plain"
        node.attr["T"].type = plain.as_datatype_enum
        self.node("Bitcast", f"{name}/source", [node.input[0]], T=source.dtype, type=plain)
        node.input[0] = f"{name}/source"
        self.node("Bitcast", name, [node.name], T=plain, type=source.dtype)

    def _as_quantized(self, tensor: str) -> _Quantized:
        """The 8-bit form of a tensor. A float tensor is quantized when it is first needed."""
        if tensor not in self._quantized:
            unsigned, limit = self._ranges[tensor].unsigned, self._ranges[tensor].limit
            name = f"{tensor.replace(':', '_')}/quantize"
            low = self.constant(f"{name}/min", 0.0 if unsigned else -limit, tf.float32)
            high = self.constant(f"{name}/max", limit, tf.float32)
            self._quantized[tensor] = _Quantized(name, f"{name}:1", f"{name}:2", unsigned, limit)
            node = self.node("QuantizeV2", name, [tensor, low, high], T=self._quantized[tensor].dtype)
            node.attr["mode"].s = b"SCALED"
            node.attr["round_mode"].s = b"HALF_TO_EVEN"
        return self._quantized[tensor]

    def _publish(self, name: str, result: _Quantized) -> None:
        """Register a result as 8 bits, and add it as float under its old name, for nodes that still need floats."""
        self._quantized[name] = result
        inputs = [result.tensor, result.low, result.high]
        self.node("Dequantize", name, inputs, T=result.dtype, dtype=tf.float32).attr["mode"].s = b"SCALED"
