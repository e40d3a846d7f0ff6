"""The network that the peers get: cut from a frozen fp32 graph, with its logits as trained."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.graph.contract import identify
from ssd_core.graph.export import CANDIDATE_LOGITS, LOCATIONS, fp32_graph
from ssd_core.graph.raw import raw_predictions
from ssd_core.graph.simplify import simplified
from ssd_core.graph.view import GraphView, node_of
from ssd_core.network.anchors import Floats
from ssd_core.network.detections import BACKGROUND_OFFSET
from ssd_core.network.layers import Weights, variable_shapes

GraphDef = Any


@dataclass(frozen=True)
class Network:
    """A GraphDef from `input` to `locations` [N, B, 4] and `candidate_logits` [N, B, C], and default boxes [B, 4].

    The logits are as trained: the offset that our graphs take from the background is added again.
    """

    graph_def: GraphDef
    centers: Floats


def network_of(graph_def: GraphDef) -> Network:
    """Cut the network out of a frozen fp32 graph; UserError where it is not one that `export-graph` makes.

    A graph of the `upstream` contract is made again from its weights, which SSD.TensorFlow's frozen graphs name.
    """
    if identify(graph_def).name == "upstream":
        graph_def = fp32_graph(_named_weights(graph_def))
    cut, _ = raw_predictions(simplified(graph_def))
    view = GraphView(cut)
    for name in (LOCATIONS, CANDIDATE_LOGITS):
        if view.nodes.get(name) is None or view.nodes[name].op != "ConcatV2":
            raise UserError(f"The graph's {name} is not the fp32 network's: give the graph that `export-graph` wrote.")
    for boxes in view.nodes[CANDIDATE_LOGITS].input[:-1]:
        _raise_background(view, view.nodes[node_of(boxes)])
    # Functions of the library belong to the post-processing; nothing of the network calls one.
    cut.ClearField("library")
    return Network(cut, _centers(graph_def))


def _named_weights(graph_def: GraphDef) -> Weights:
    """The 71 variables, by the names that they keep as constants; UserError where one is not there."""
    view = GraphView(graph_def)
    weights = {}
    for name in variable_shapes():
        value = view.constant(name) if name in view.nodes else None
        if value is None:
            raise UserError(
                f"The graph has no constant {name}, which the peers' models need: give the fp32"
                " graph that `export-graph` wrote."
            )
        weights[name] = np.asarray(value, np.float32)
    return weights


def _raise_background(view: GraphView, reshape: Any) -> None:
    """Add the background's offset, which the exporter took off, back to a class head's bias."""
    shape, add = view.constant(reshape.input[1]), view.nodes[node_of(reshape.input[0])]
    bias = view.constant(add.input[1]) if add.op == "BiasAdd" else None
    if reshape.op != "Reshape" or shape is None or bias is None:
        raise UserError(f"{reshape.name} is no class head of ours: give the graph that `export-graph` wrote.")
    raised = bias.reshape(-1, int(shape[-1])).copy()
    raised[:, 0] -= BACKGROUND_OFFSET
    constant = view.nodes[node_of(add.input[1])]
    constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(raised.ravel().astype(np.float32)))


def _centers(graph_def: GraphDef) -> Floats:
    """The default boxes that the graph decodes with: its one constant [B, 4]."""
    view = GraphView(graph_def)
    constants = [view.constant(node.name) for node in graph_def.node if node.op == "Const"]
    candidates = [c for c in constants if c is not None and c.dtype == np.float32 and c.ndim == 2 and c.shape[1] == 4]
    if len(candidates) != 1:
        raise UserError(
            f"The graph holds {len(candidates)} sets of default boxes: give the graph that `export-graph` wrote."
        )
    return np.asarray(candidates[0], np.float32)
