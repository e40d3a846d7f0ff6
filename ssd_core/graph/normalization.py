"""The L2 normalization of conv4_3 in fewer passes over the map, by equivalent arithmetic.

The original is `tf.nn.l2_normalize`, then a factor for each channel. It squares, sums, multiplies by the inverse root
and multiplies by the factors. A reduced precision adds a cast before and after. Here one operation, EuclideanNorm, does
the squares, the sum and the root; the factors are folded into the kernels that follow.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from ssd_core.graph.view import GraphView, node_of

GraphDef = Any
NodeDef = Any


def use_euclidean_norm(graph_def: GraphDef) -> None:
    """Turn rsqrt(max(sum(x * x), e)) into 1 / max(norm(x), sqrt(e)), in place. The squares are pruned later."""
    view = GraphView(graph_def)
    for total in [node for node in graph_def.node if node.op == "Sum"]:
        square = view.nodes[node_of(total.input[0])]
        floor = view.only_consumer(total.name, "Maximum")
        root = None if floor is None else view.only_consumer(floor.name, "Rsqrt")
        least = None if floor is None else view.constant(floor.input[1])
        if square.op != "Square" or floor is None or root is None or least is None or least.ndim:
            continue
        total.op = "EuclideanNorm"
        total.input[0] = square.input[0]
        floor.input[1] = _constant(graph_def, f"{floor.name}/least", np.sqrt(least))
        root.op = "Reciprocal"


def fold_factors(graph_def: GraphDef) -> None:
    """Fold a product with a constant for each channel into the convolutions that follow it, in place."""
    view = GraphView(graph_def)
    for product in [node for node in graph_def.node if node.op == "Mul"]:
        factors = view.constant(product.input[1])
        behind = view.consumers[product.name]
        kernels = [_kernel(view, product, node) for node in behind]
        if factors is None or any(k is None or factors.shape != k.shape[2:3] for k in kernels):
            continue
        for node, kernel in zip(behind, kernels, strict=True):
            node.input[0] = product.input[0]
            node.input[1] = _constant(graph_def, f"{node.name}/scaled_kernel", kernel * factors[:, np.newaxis])


def _kernel(view: GraphView, source: NodeDef, node: NodeDef) -> Any:
    """The constant kernel with which a node convolves `source`; None where it does something else."""
    plain = node.op == "Conv2D" and node.attr["data_format"].s in (b"", b"NHWC")
    return view.constant(node.input[1]) if plain and node_of(node.input[0]) == source.name else None


def _constant(graph_def: GraphDef, name: str, value: Any) -> str:
    node = graph_def.node.add(op="Const", name=name)
    node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return name
