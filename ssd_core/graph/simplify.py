"""Graph -> an equivalent simpler graph, in which layers are easier to recognise and which runs faster.

TensorFlow 1 wrote a dilated convolution as SpaceToBatchND -> Conv2D -> BatchToSpaceND (the "à trous" trick); here it is
one dilated Conv2D again, which can be quantized. For conv4_3's normalization see `normalization.py`.
"""

from typing import Any

import numpy as np

from ssd_core.graph.normalization import fold_factors, use_euclidean_norm
from ssd_core.graph.view import GraphView, node_of

GraphDef = Any
NodeDef = Any


def simplified(graph_def: GraphDef) -> GraphDef:
    """A copy in which dilated convolutions are one operation, the normalization takes fewer, and `:0` is left out."""
    simple = type(graph_def)()
    simple.CopyFrom(graph_def)
    for node in simple.node:
        node.input[:] = [name.removesuffix(":0") for name in node.input]
    view = GraphView(simple)
    replaced = {}
    for node in simple.node:
        if node.op == "Conv2D" and (batched := _between_batches(view, node)):
            before, after = batched
            if _dilate(view, node, before, after):
                replaced[after.name] = node.name
    kept = [node for node in simple.node if node.name not in replaced]
    for node in kept:
        node.input[:] = [replaced.get(name, name) for name in node.input]
    result = type(graph_def)(node=kept, library=simple.library, versions=simple.versions)
    use_euclidean_norm(result)
    fold_factors(result)
    return result


def _between_batches(view: GraphView, convolution: NodeDef) -> tuple[NodeDef, NodeDef] | None:
    before = view.nodes.get(node_of(convolution.input[0]))
    after = view.only_consumer(convolution.name, "BatchToSpaceND")
    if before is None or before.op != "SpaceToBatchND" or after is None:
        return None
    return before, after


def _dilate(view: GraphView, convolution: NodeDef, before: NodeDef, after: NodeDef) -> bool:
    """Turn the three nodes into one dilated convolution; False where they are something else."""
    kernel = view.constant(convolution.input[1])
    values = [view.constant(name) for name in (before.input[1], before.input[2], after.input[1], after.input[2])]
    plain = convolution.attr["padding"].s == b"VALID" and set(convolution.attr["strides"].list.i) == {1}
    if kernel is None or any(v is None for v in values) or not plain:
        return False
    block, pads, out_block, crops = (np.asarray(v) for v in values)
    sides = pads - crops  # a row that is cropped need not be padded first
    if block.shape != (2,) or not np.array_equal(block, out_block) or sides.min() < 0:
        return False
    reach = (np.array(kernel.shape[:2]) - 1) * block  # what a convolution with SAME padding pads in all
    same = np.stack([reach // 2, reach - reach // 2], axis=1)
    convolution.input[0] = before.input[0]
    convolution.attr["dilations"].list.i[:] = [1, *block.tolist(), 1]
    if np.array_equal(sides, same):
        convolution.attr["padding"].s = b"SAME"
    else:
        convolution.attr["padding"].s = b"EXPLICIT"
        convolution.attr["explicit_paddings"].list.i[:] = [0, 0, *sides.ravel().tolist(), 0, 0]
    return True
