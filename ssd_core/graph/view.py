"""Look-ups on a GraphDef: inputs and consumers of nodes, constants, convolutions.

TensorFlow is imported only when a constant is read, so that `contract.py` does not need it.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ssd_core.errors import UserError

GraphDef = Any
NodeDef = Any


def needed_by(graph_def: GraphDef, outputs: Iterable[str]) -> set[str]:
    """The nodes that the nodes `outputs` depend on, these included; UserError for an input that is not there."""
    inputs = {node.name: [node_of(i) for i in node.input] for node in graph_def.node}
    wanted: set[str] = set()
    waiting = list(outputs)
    while waiting:
        name = waiting.pop()
        if name not in inputs:
            raise UserError(f"The graph needs a node {name} that it does not have: freeze the inference graph again.")
        if name not in wanted:
            wanted.add(name)
            waiting += inputs[name]
    return wanted


def pruned(graph_def: GraphDef, outputs: Iterable[str]) -> GraphDef:
    """A copy with only the nodes that `outputs` depend on; the function library and versions stay."""
    wanted = needed_by(graph_def, outputs)
    kept = type(graph_def)()
    kept.node.extend(node for node in graph_def.node if node.name in wanted)
    kept.library.CopyFrom(graph_def.library)
    kept.versions.CopyFrom(graph_def.versions)
    return kept


def node_of(tensor: str) -> str:
    """The node of a tensor's name: `a:1` -> `a`, `^a` -> `a`."""
    return tensor.lstrip("^").split(":")[0]


@dataclass(frozen=True)
class ConvolutionPattern:
    """A convolution, its bias and its ReLU, if it has one. No other node uses the values between them."""

    convolution: NodeDef
    kernel: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    relu: bool
    output: str
    """The name of the last node, whose output is the pattern's."""

    @property
    def input(self) -> str:
        """The tensor that is convolved."""
        return str(self.convolution.input[0])


class GraphView:
    """Look-ups on a GraphDef, which must not change meanwhile."""

    def __init__(self, graph_def: GraphDef) -> None:
        self.graph_def = graph_def
        self.nodes: dict[str, NodeDef] = {node.name: node for node in graph_def.node}
        self.consumers: dict[str, list[NodeDef]] = defaultdict(list)
        for node in graph_def.node:
            for name in node.input:
                self.consumers[node_of(name)].append(node)

    def constant(self, tensor: str) -> npt.NDArray[Any] | None:
        """The value of a constant, looking through Identity; None where it is computed."""
        from tensorflow.python.framework import tensor_util  # TensorFlow takes 6 s to import

        node = self.nodes.get(node_of(tensor))
        while node is not None and node.op == "Identity":
            node = self.nodes.get(node_of(node.input[0]))
        if node is None or node.op != "Const":
            return None
        array: npt.NDArray[Any] = tensor_util.MakeNdarray(node.attr["value"].tensor)
        return array

    def only_consumer(self, name: str, operation: str) -> NodeDef | None:
        """The node that uses `name`, if there is exactly one and it has that operation."""
        consumers = self.consumers[name]
        return consumers[0] if len(consumers) == 1 and consumers[0].op == operation else None

    def behind(self, names: Iterable[str]) -> set[str]:
        """The nodes that depend on `names`, these included."""
        nodes: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in nodes:
                nodes.add(name)
                waiting += [node.name for node in self.consumers[name]]
        return nodes

    def in_order(self) -> list[NodeDef]:
        """All nodes, each after its inputs. UserError for a loop, which no frozen SSD has."""
        place = {node.name: i for i, node in enumerate(self.graph_def.node)}
        waiting = {node.name: len({node_of(i) for i in node.input}) for node in self.graph_def.node}
        ready = [place[name] for name, count in waiting.items() if count == 0]
        ordered = []
        while ready:
            node = self.graph_def.node[heapq.heappop(ready)]
            ordered.append(node)
            for consumer in {c.name for c in self.consumers[node.name]}:
                waiting[consumer] -= 1
                if waiting[consumer] == 0:
                    heapq.heappush(ready, place[consumer])
        if len(ordered) != len(self.nodes):
            raise UserError("The graph has a loop or an input that is not there: freeze the inference graph again.")
        return ordered

    def convolutions(self) -> tuple[list[ConvolutionPattern], dict[str, str]]:
        """The float32 convolutions with constant kernel and bias, in order; and the reason against each other one."""
        patterns: list[ConvolutionPattern] = []
        refused: dict[str, str] = {}
        for node in self.in_order():
            if node.op == "Conv2D":
                pattern = self._pattern_at(node)
                if isinstance(pattern, str):
                    refused[node.name] = pattern
                else:
                    patterns.append(pattern)
        return patterns, refused

    def _pattern_at(self, node: NodeDef) -> ConvolutionPattern | str:
        kernel = self.constant(node.input[1])
        if kernel is None:
            return "its kernel is not a constant"
        if kernel.dtype != np.float32:
            return "it is not in float32"
        if node.attr["data_format"].s not in (b"", b"NHWC"):
            return "its layout is not NHWC"
        add = self.only_consumer(node.name, "BiasAdd") or self.only_consumer(node.name, "Add")
        add = add or self.only_consumer(node.name, "AddV2")
        bias = None if add is None else self.constant(add.input[1])
        if add is None or bias is None or bias.shape != kernel.shape[3:]:
            return "no constant bias follows it"
        relu = self.only_consumer(add.name, "Relu")
        return ConvolutionPattern(node, kernel, bias, relu is not None, (relu or add).name)
