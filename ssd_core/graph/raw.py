"""A frozen graph cut off at its raw predictions, before anything is selected, decoded or suppressed."""

from typing import Any

from ssd_core.errors import UserError
from ssd_core.graph.contract import INPUT, Contract, identify
from ssd_core.graph.export import CANDIDATE_LOGITS, LOCATIONS
from ssd_core.graph.postprocess import raw_nodes
from ssd_core.graph.view import pruned

GraphDef = Any

_QUANTIZED = "/int8"  # what the quantizer adds to the name of a node that gives integers
_PLAIN = "/plain"
_PLAIN_TYPES = {11: 6, 12: 4}  # types.proto: DT_QINT8 -> DT_INT8, DT_QUINT8 -> DT_UINT8, which can be fetched


def raw_predictions(graph_def: GraphDef) -> tuple[GraphDef, Contract]:
    """The network alone, whose outputs are locations [N, 8732, 4] and candidate logits [N, 8732, C].

    For the `upstream` contract they are the inputs of the graph's own post-processing, with all 81 logits.

    Their type is that of the graph: float32, bfloat16, or the integers of an int8 graph.
    UserError for a graph that has no such nodes.
    """
    contract = identify(graph_def)
    batch = contract.fixed_batch
    if contract.name == "upstream":
        names = list(raw_nodes(graph_def))
        cut = pruned(graph_def, names)
        return cut, Contract("network", f"{INPUT}:0", tuple(f"{name}:0" for name in names), batch)
    nodes = {node.name: node for node in graph_def.node}
    cut = type(graph_def)()
    cut.CopyFrom(graph_def)
    outputs = []
    for name in (LOCATIONS, CANDIDATE_LOGITS):
        node = nodes.get(name + _QUANTIZED, nodes.get(name))
        if node is None:
            raise UserError(
                f"The graph has no node {name}, where its raw predictions would be: give one that"
                " `python -m ssd_core export-graph` wrote, or a graph made from one."
            )
        outputs.append(_plain(cut, node) if node.attr["T"].type in _PLAIN_TYPES else node.name)
    return pruned(cut, outputs), Contract("network", f"{INPUT}:0", tuple(f"{name}:0" for name in outputs), batch)


def _plain(graph_def: GraphDef, node: Any) -> str:
    """Add the same bits under a type that a session can return; returns the new node's name."""
    added = graph_def.node.add(name=node.name + _PLAIN, op="Bitcast", input=[node.name])
    added.attr["T"].type = node.attr["T"].type
    added.attr["type"].type = _PLAIN_TYPES[node.attr["T"].type]
    return str(added.name)
