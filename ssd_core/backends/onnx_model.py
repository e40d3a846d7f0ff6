"""The network as an ONNX model, and its detections in ONNX's operators. Feature maps are NCHW, as ONNX has them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from ssd_core.backends.raw_network import Network
from ssd_core.errors import UserError
from ssd_core.graph.contract import INPUT
from ssd_core.graph.export import CANDIDATE_LOGITS, LOCATIONS
from ssd_core.graph.view import ConvolutionPattern, GraphView, node_of
from ssd_core.network.anchors import PRIOR_SCALING, Floats
from ssd_core.network.detections import MAX_DETECTIONS_PER_CLASS, MIN_SIZE, OVERLAP_THRESHOLD, SCORE_THRESHOLD
from ssd_core.network.layers import IMAGE_SIZE

Array = npt.NDArray[Any]
NodeDef = Any

OUTPUTS = ("detection_indices", "detection_scores", "detection_boxes")
"""[M, 3] image, class less one, default box; [M]; [M, 4] ymin, xmin, ymax, xmax."""
_OPSET = 17
_BATCH = "batch"
_TO_NCHW, _TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]


def network_model(network: Network) -> onnx.ModelProto:
    """The ONNX model of a network; UserError for an operation that no SSD network of ours has."""
    view = GraphView(network.graph_def)
    patterns = {pattern.convolution.name: pattern for pattern in view.convolutions()[0]}
    writer = _Writer(view, patterns)
    for node in view.in_order():
        writer.write(node)
    boxes = len(network.centers)
    classes = int(writer.last_size(CANDIDATE_LOGITS))
    image = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [_BATCH, IMAGE_SIZE, IMAGE_SIZE, 3])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [_BATCH, boxes, width])
        for name, width in ((LOCATIONS, 4), (CANDIDATE_LOGITS, classes))
    ]
    return _model(writer.nodes, "network", [image], outputs, writer.constants)


def with_detections(model: onnx.ModelProto, centers: Floats) -> onnx.ModelProto:
    """The model with softmax, decoding and NonMaxSuppression behind it; its outputs are `OUTPUTS`.

    Of our post-processing it lacks only the limit of 400 candidates per class before NMS.
    """
    builder = _Builder()
    scores = builder.add("Softmax", CANDIDATE_LOGITS, axis=2)
    scores = builder.add("Slice", scores, np.array([1]), np.array([np.iinfo(np.int64).max]), np.array([2]))
    scores = builder.add("Transpose", scores, perm=[0, 2, 1])
    scaled = builder.add("Mul", LOCATIONS, np.array(PRIOR_SCALING, np.float32))
    pairs = np.array([2, 2])
    offset, size = builder.add_many("Split", 2, scaled, pairs, axis=2)
    middle = builder.add("Add", builder.add("Mul", offset, centers[:, 2:]), centers[:, :2])
    half = builder.add("Mul", builder.add("Exp", size), centers[:, 2:] / 2)
    corners = [builder.add(operation, middle, half) for operation in ("Sub", "Add")]
    boxes = builder.add("Concat", *corners, axis=2)
    boxes = builder.add("Clip", boxes, np.float32(0), np.float32(1))
    low, high = builder.add_many("Split", 2, boxes, pairs, axis=2)
    least = builder.add("ReduceMin", builder.add("Sub", high, low), axes=[2], keepdims=1)
    enough = builder.add("Cast", builder.add("Greater", least, np.float32(MIN_SIZE)), to=TensorProto.FLOAT)
    scores = builder.add("Mul", scores, builder.add("Transpose", enough, perm=[0, 2, 1]))
    limits = MAX_DETECTIONS_PER_CLASS, np.float32(OVERLAP_THRESHOLD), np.float32(SCORE_THRESHOLD)
    builder.add("NonMaxSuppression", boxes, scores, *limits, output=OUTPUTS[0])
    builder.add("GatherND", scores, OUTPUTS[0], output=OUTPUTS[1])
    builder.add("GatherND", boxes, builder.add("Gather", OUTPUTS[0], np.array([0, 2]), axis=1), output=OUTPUTS[2])
    kinds = (TensorProto.INT64, TensorProto.FLOAT, TensorProto.FLOAT)
    shapes: tuple[list[str | int], ...] = (["found", 3], ["found"], ["found", 4])
    outputs = [helper.make_tensor_value_info(*what) for what in zip(OUTPUTS, kinds, shapes, strict=True)]
    graph = model.graph
    nodes, constants = [*graph.node, *builder.nodes], [*graph.initializer, *builder.constants]
    return _model(nodes, "detections", list(graph.input), outputs, constants, model.opset_import)


def fix_batch(model: onnx.ModelProto, batch_size: int) -> None:
    """Let the model take just this many images, so that the runtime can plan for them."""
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch_size
    for output in model.graph.output:
        if output.type.tensor_type.shape.dim[0].dim_param == _BATCH:
            output.type.tensor_type.shape.dim[0].dim_value = batch_size


def _model(
    nodes: Sequence[Any],
    name: str,
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    constants: Sequence[Any],
    opsets: Sequence[Any] = (helper.make_opsetid("", _OPSET),),
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=list(opsets), ir_version=8)


class _Builder:
    """Nodes and constants of a model, named in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operation: str, *inputs: Any, output: str | None = None, **attributes: Any) -> str:
        """Add a node; arrays among the inputs become constants. Returns the name of its output."""
        name = output or f"post/{operation}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, self._named(inputs, name), [name], name=name, **attributes))
        return name

    def add_many(self, operation: str, count: int, *inputs: Any, **attributes: Any) -> list[str]:
        """Add a node of several outputs; returns their names."""
        name = f"post/{operation}_{len(self.nodes)}"
        names = [f"{name}:{i}" for i in range(count)]
        self.nodes.append(helper.make_node(operation, self._named(inputs, name), names, name=name, **attributes))
        return names

    def _named(self, inputs: Sequence[Any], node: str) -> list[str]:
        names = []
        for i, value in enumerate(inputs):
            name = value if isinstance(value, str) else f"{node}/{i}"
            if name is not value:
                self.constants.append(numpy_helper.from_array(np.asarray(value), name))
            names.append(name)
        return names


class _Writer(_Builder):
    """Writes the nodes of a network's GraphDef, one at a time and in order."""

    def __init__(self, view: GraphView, patterns: dict[str, ConvolutionPattern]) -> None:
        super().__init__()
        self._view = view
        self._patterns = patterns
        self._names: dict[str, str] = {}  # of a GraphDef's node -> the output that stands for it
        self._sizes: dict[str, int] = {}  # of feature maps: height and width
        self._widths: dict[str, int] = {}  # of reshaped predictions: the last dimension
        self._kinds: dict[str, Callable[[NodeDef], None]] = {
            "Placeholder": self._placeholder,
            "Const": lambda node: None,
            "Identity": self._identity,
            "Conv2D": self._convolution,
            "BiasAdd": self._identity,  # the convolution has it
            "Relu": lambda node: self._plain(node, "Relu"),
            "MaxPool": self._pool,
            "EuclideanNorm": lambda node: self._plain(node, "ReduceL2", 1, axes=[1], keepdims=1),
            "Maximum": lambda node: self._plain(node, "Max"),
            "Reciprocal": lambda node: self._plain(node, "Reciprocal"),
            "Mul": lambda node: self._plain(node, "Mul"),
            "Add": lambda node: self._plain(node, "Add"),
            "AddV2": lambda node: self._plain(node, "Add"),
            "Reshape": self._reshape,
            "ConcatV2": self._concat,
        }

    def write(self, node: NodeDef) -> None:
        """Write one node; its inputs are there already."""
        if node.op not in self._kinds:
            raise UserError(f"{node.name} is a {node.op}, which the ONNX model of the network cannot contain.")
        self._kinds[node.op](node)

    def last_size(self, name: str) -> int:
        """The last dimension of a prediction."""
        return self._widths[name]

    def _placeholder(self, node: NodeDef) -> None:
        self._names[node.name] = self.add("Transpose", INPUT, output=f"{INPUT}/nchw", perm=_TO_NCHW)
        self._sizes[node.name] = IMAGE_SIZE

    def _identity(self, node: NodeDef) -> None:
        source = node_of(node.input[0])
        if source in self._names:
            self._names[node.name] = self._names[source]
            self._sizes[node.name] = self._sizes[source]

    def _convolution(self, node: NodeDef) -> None:
        pattern = self._patterns.get(node.name)
        if pattern is None:
            raise UserError(
                f"{node.name} is no fp32 convolution with a bias: give the graph that `export-graph` wrote."
            )
        kernel = pattern.kernel.transpose(3, 2, 0, 1)
        source, size = self._source(node)
        stride, dilation = (list(node.attr[name].list.i or [1] * 4)[1] for name in ("strides", "dilations"))
        pads, self._sizes[node.name] = _pads(node, size, pattern.kernel.shape[0], stride, dilation)
        shape = {"kernel_shape": kernel.shape[2:], "strides": [stride] * 2, "dilations": [dilation] * 2, "pads": pads}
        arrays = np.ascontiguousarray(kernel), pattern.bias
        self._names[node.name] = self.add("Conv", source, *arrays, output=node.name, **shape)

    def _pool(self, node: NodeDef) -> None:
        source, size = self._source(node)
        kernel, stride = (list(node.attr[name].list.i)[1] for name in ("ksize", "strides"))
        pads, self._sizes[node.name] = _pads(node, size, kernel, stride, 1)
        shape = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": pads}
        self._names[node.name] = self.add("MaxPool", source, output=node.name, **shape)

    def _plain(self, node: NodeDef, operation: str, inputs: int | None = None, **attributes: Any) -> None:
        """An operation that ONNX has too; per-channel constants get the layout of ONNX's feature maps."""
        values: list[Any] = []
        for name in list(node.input)[:inputs]:
            constant = self._view.constant(name)
            if constant is None:
                values.append(self._names[node_of(name)])
                self._sizes[node.name] = self._sizes[node_of(name)]
            else:
                values.append(constant.reshape(1, -1, 1, 1) if constant.ndim else constant)
        self._names[node.name] = self.add(operation, *values, output=node.name, **attributes)

    def _reshape(self, node: NodeDef) -> None:
        shape = self._view.constant(node.input[1])
        if shape is None:
            raise UserError(f"{node.name} has no fixed shape: give the graph that `export-graph` wrote.")
        rows = self.add("Transpose", self._source(node)[0], output=f"{node.name}/nhwc", perm=_TO_NHWC)
        self._names[node.name] = self.add("Reshape", rows, shape.astype(np.int64), output=node.name)
        self._widths[node.name] = int(shape[-1])

    def _concat(self, node: NodeDef) -> None:
        parts = [node_of(name) for name in node.input[:-1]]
        self._names[node.name] = self.add("Concat", *(self._names[p] for p in parts), output=node.name, axis=1)
        self._widths[node.name] = self._widths[parts[0]]

    def _source(self, node: NodeDef) -> tuple[str, int]:
        source = node_of(node.input[0])
        return self._names[source], self._sizes[source]


def _pads(node: NodeDef, size: int, kernel: int, stride: int, dilation: int) -> tuple[list[int], int]:
    """ONNX's pads [top, left, bottom, right] of a window over a square map of `size`, and the output's size."""
    reach = (kernel - 1) * dilation + 1
    padding = node.attr["padding"].s
    if padding == b"EXPLICIT":
        _, _, top, bottom, left, right, _, _ = node.attr["explicit_paddings"].list.i
        return [top, left, bottom, right], (size + top + bottom - reach) // stride + 1
    if padding == b"VALID":
        return [0] * 4, (size - reach) // stride + 1
    output = -(-size // stride)
    total = max(0, (output - 1) * stride + reach - size)
    before = total // 2
    return [before, before, total - before, total - before], output
