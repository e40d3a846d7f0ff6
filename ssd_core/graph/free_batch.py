"""Changes a network that was frozen for one image so that it takes any batch.

SSD.TensorFlow puts the default boxes of all maps into one list, which would mix up several images. Here each image
keeps its own list. A run of two images shows whether anything else in the graph needs a batch of one.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ssd_core.graph.contract import INPUT
from ssd_core.graph.session import session_on
from ssd_core.graph.view import GraphView, node_of, pruned
from ssd_core.network.layers import IMAGE_SIZE

GraphDef = Any
Arrays = list[npt.NDArray[Any]]
Floats = npt.NDArray[np.float32]

# Of the largest value: another batch size adds up convolutions in another order. In 8 bits, a sum that falls on the
# other side of a rounding then differs by a step; two are allowed.
_TOLERANCE, _TOLERANCE_8_BITS = 1e-3, 2 / 127


def free_batch(network: GraphDef, joined: Sequence[str]) -> tuple[GraphDef, list[str]] | None:
    """Free the batch of a network. Its nodes `joined` concatenate the rows [boxes, width] of several maps.

    Returns the graph and the names of the nodes that give the same as [N, boxes, width]; None where it cannot.
    """
    view = GraphView(network)
    dequantized = [view.nodes[name] if view.nodes[name].op == "Dequantize" else None for name in joined]
    together = [node_of(node.input[0]) if node else name for name, node in zip(joined, dequantized, strict=True)]
    lists = [[n for n in map(node_of, view.nodes[name].input) if view.constant(n) is None] for name in together]
    parts = [name for names in lists for name in names]
    if any(view.nodes[name].op != "Reshape" for name in parts):
        return None
    images = np.random.default_rng(0).uniform(-128, 128, (2, IMAGE_SIZE, IMAGE_SIZE, 3)).astype(np.float32)
    images[1] = images[1] / 4 + 64  # another brightness and contrast, so that mixed-up images are noticed
    alone = run(network, [*joined, *parts], images[:1], images[1:])
    shapes = {name: rows.shape for name, rows in zip(parts, alone[0][len(joined) :], strict=True)}
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(_with_free_input(network), name="")
        names = []
        for maps, node in zip(lists, dequantized, strict=True):
            sources = [(_tensor(graph, view.nodes[name].input[0]), shapes[name]) for name in maps]
            rows = tf.concat([tf.reshape(source, [-1, *shape]) for source, shape in sources], axis=1)
            if node is not None:
                low, high = (_tensor(graph, name) for name in node.input[1:])
                rows = tf.raw_ops.Dequantize(input=rows, min_range=low, max_range=high, mode=node.attr["mode"].s)
            names.append(rows.op.name)
    freed = pruned(graph.as_graph_def(), names)
    try:
        (batched,) = run(freed, names, images)
    except tf.errors.OpError:
        return None
    tolerance = _TOLERANCE_8_BITS if any("Quantize" in node.op for node in network.node) else _TOLERANCE
    for kind, values in enumerate(batched):
        expected = np.stack([arrays[kind].reshape(values.shape[1:]) for arrays in alone])
        if np.abs(values - expected).max() > tolerance * np.abs(expected).max():
            return None
    return freed, names


def _tensor(graph: Any, name: str) -> Any:
    return graph.get_tensor_by_name(name if ":" in name else f"{name}:0")


def _with_free_input(network: GraphDef) -> GraphDef:
    free = type(network)()
    free.CopyFrom(network)
    for node in free.node:
        node.attr.pop("_output_shapes", None)  # a hint that would no longer be true
        if node.name == INPUT:
            node.attr["shape"].shape.dim[0].size = -1
    return free


def run(graph_def: GraphDef, names: Sequence[str], *batches: Floats) -> list[Arrays]:
    """The first outputs of the nodes `names` for each batch of images [N, 300, 300, 3]."""
    with session_on(pruned(graph_def, names)) as session:
        return [session.run([f"{name}:0" for name in names], {f"{INPUT}:0": images}) for images in batches]
