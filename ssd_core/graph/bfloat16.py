"""fp32 graph -> bf16 graph: convolutions and poolings in bfloat16, with bfloat16 constants in the file.

When the graph runs, TensorFlow fuses each convolution with its bias and ReLU. All other operations stay float32, so the
heads' outputs are cast back before decoding.
"""

from typing import Any

import tensorflow as tf  # it takes 6 s to import

from ssd_core.errors import UserError
from ssd_core.graph.contract import identify
from ssd_core.graph.rewrite import LayerReport, Rewriter
from ssd_core.graph.session import needed
from ssd_core.graph.simplify import simplified
from ssd_core.graph.view import ConvolutionPattern, GraphView, node_of, pruned

GraphDef = Any
NodeDef = Any

_SUFFIX = "/bf16"


def to_bfloat16(graph_def: GraphDef) -> tuple[GraphDef, list[LayerReport]]:
    """Return the bf16 graph of a frozen fp32 graph, and a report of each layer.

    UserError when the graph's contract is unknown, when TensorFlow cannot load it, or when it has no float32
    convolution.
    """
    contract = identify(graph_def)
    view = GraphView(simplified(needed(graph_def, contract.outputs)))
    patterns, refused = view.convolutions()
    if not patterns:
        raise UserError("The graph has no float32 convolution with a constant kernel and bias: give the fp32 graph.")
    writer = _Writer(view, patterns)
    reports = writer.write()
    reports += [LayerReport(name, "Conv2D", False, reason=reason) for name, reason in refused.items()]
    return pruned(writer.graph_def, [node_of(name) for name in contract.outputs]), reports


class _Writer(Rewriter):
    def __init__(self, view: GraphView, patterns: list[ConvolutionPattern]) -> None:
        super().__init__(view, patterns)
        self._narrow: dict[str, str] = {}
        """float32 tensor -> its bfloat16 form"""

    def convolution(self, pattern: ConvolutionPattern) -> LayerReport:
        name = pattern.convolution.name + _SUFFIX
        kernel = self.constant(f"{name}/kernel", pattern.kernel, tf.bfloat16)
        bias = self.constant(f"{name}/bias", pattern.bias, tf.bfloat16)
        node = self.copy(pattern.convolution)
        node.name = name
        del node.input[:]
        node.input.extend([self._as_narrow(pattern.input), kernel])
        node.attr["T"].type = tf.bfloat16.as_datatype_enum
        self.node("BiasAdd", f"{name}/BiasAdd", [name, bias], T=tf.bfloat16)
        last = f"{name}/BiasAdd"
        if pattern.relu:
            self.node("Relu", f"{name}/Relu", [last], T=tf.bfloat16)
            last = f"{name}/Relu"
        self._publish(pattern.output, last)
        return LayerReport(pattern.convolution.name, "Conv2D in bfloat16", True)

    def max_pool(self, node: NodeDef) -> LayerReport:
        if node.input[0] not in self._narrow:
            self.copy(node)
            return LayerReport(node.name, "MaxPool", False, reason="what it pools is not bfloat16")
        pool = self.copy(node)
        pool.name = node.name + _SUFFIX
        pool.input[0] = self._narrow[node.input[0]]
        pool.attr["T"].type = tf.bfloat16.as_datatype_enum
        self._publish(node.name, pool.name)
        return LayerReport(node.name, "MaxPool in bfloat16", True)

    def _as_narrow(self, tensor: str) -> str:
        if tensor not in self._narrow:
            name = f"{tensor.replace(':', '_')}{_SUFFIX}"
            self.node("Cast", name, [tensor], SrcT=tf.float32, DstT=tf.bfloat16)
            self._narrow[tensor] = name
        return self._narrow[tensor]

    def _publish(self, name: str, narrow: str) -> None:
        self._narrow[name] = narrow
        self.node("Cast", name, [narrow], SrcT=tf.bfloat16, DstT=tf.float32)
