"""Rewriting a graph in another precision: what all such rewritings share.

A rewritten layer also gives its output under its old name, cast back to float32, so that unchanged nodes keep their
inputs. Casts that no node uses are pruned.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from ssd_core.graph.view import ConvolutionPattern, GraphView, node_of

GraphDef = Any
NodeDef = Any


@dataclass(frozen=True)
class LayerReport:
    """One row of a rewriting's table; `reason` is empty for a layer that was rewritten."""

    name: str
    operation: str
    rewritten: bool
    input_limit: float | None = None
    output_limit: float | None = None
    reason: str = ""


class Rewriter(ABC):
    """Emits the new graph node by node, in order; a subclass rewrites the convolutions and poolings."""

    def __init__(self, view: GraphView, patterns: Sequence[ConvolutionPattern]) -> None:
        self.graph_def = tf.compat.v1.GraphDef(versions=view.graph_def.versions, library=view.graph_def.library)
        self._view = view
        self._patterns = {p.output: p for p in patterns}
        self._inside = {p.convolution.name for p in patterns}
        self._inside |= {node_of(view.nodes[p.output].input[0]) for p in patterns if p.relu}

    def write(self) -> list[LayerReport]:
        """Emit all nodes; report on each convolution and pooling."""
        reports = []
        for node in self._view.in_order():
            if pattern := self._patterns.get(node.name):
                reports.append(self.convolution(pattern))
            elif node.op == "MaxPool":
                reports.append(self.max_pool(node))
            elif node.name not in self._inside:
                self.other(node)
        return reports

    @abstractmethod
    def convolution(self, pattern: ConvolutionPattern) -> LayerReport:
        """Emit a convolution in the new precision."""

    @abstractmethod
    def max_pool(self, node: NodeDef) -> LayerReport:
        """Emit a pooling in the new precision."""

    def other(self, node: NodeDef) -> None:
        """Emit any other node: unchanged, unless a subclass overrides this."""
        self.copy(node)

    def copy(self, node: NodeDef) -> NodeDef:
        """Emit a node unchanged."""
        copied = self.graph_def.node.add()
        copied.CopyFrom(node)
        return copied

    def node(self, operation: str, name: str, inputs: Sequence[str], **types: Any) -> NodeDef:
        """Emit a node with these inputs, and with attributes that are data types."""
        node = self.graph_def.node.add(op=operation, name=name)
        node.input.extend(inputs)
        for attribute, dtype in types.items():
            node.attr[attribute].type = dtype.as_datatype_enum
        return node

    def constant(self, name: str, value: Any, dtype: Any) -> str:
        """Emit a constant and return its name."""
        array = np.asarray(value).astype(dtype.as_numpy_dtype)
        node = self.node("Const", name, [], dtype=dtype)
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(array, dtype, array.shape))
        return name


def layer_table(reports: Sequence[LayerReport]) -> list[str]:
    """The layers as text: name, what it became, the limits of its input and output, or why it was left."""
    lines = [f"{'layer':52} {'became':44} {'input':>10} {'output':>10}"]
    for report in reports:
        limits = " ".join(f"{'' if v is None else f'{v:.4g}':>10}" for v in (report.input_limit, report.output_limit))
        became = report.operation if report.rewritten else f"{report.operation}, because {report.reason}"
        lines.append(f"{report.name:52} {became:44} {limits}".rstrip())
    return lines
