"""A frozen graph read, identified and optimized: once for all the sessions on it. Imports TensorFlow."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf  # it takes 6 s to import
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow.python.grappler import tf_optimizer

from ssd_core.errors import UserError
from ssd_core.graph.contract import Contract, identify, operation_counts
from ssd_core.graph.frozen import read_graph
from ssd_core.graph.postprocess import fast_postprocess
from ssd_core.graph.raw import raw_predictions
from ssd_core.graph.session import failures, imported
from ssd_core.graph.view import needed_by, node_of, pruned

GraphDef = Any

_FETCHES = "train_op"  # the collection in which the optimizer looks for what is to be kept
_CPU = "/job:localhost/replica:0/task:0/device:CPU:0"  # as a session places nodes; only placed ones are fused


@dataclass(frozen=True, eq=False)
class LoadedGraph:
    """A graph that sessions can be opened on.

    If it is `optimized`, TensorFlow's graph optimizer, which takes seconds, has already run.
    """

    graph: Any
    optimized: bool
    contract: Contract
    operation_counts: dict[str, int]
    """Of the file, not of the optimized graph."""
    postprocess_ms: tuple[float, float] | None


@functools.lru_cache(maxsize=1)
def load(path: Path, sha256: str, trust: bool, fast: bool, network_only: bool = False) -> LoadedGraph:
    """Read a frozen graph. The last one is cached, by its `sha256` too, because files change.

    What its outputs do not need is left out. UserError: a graph that cannot be read, identified or loaded.
    """
    graph_def = read_graph(path, trust)
    postprocess_ms: tuple[float, float] | None = None
    if fast:
        with failures(str(path)):
            fast_graph = fast_postprocess(graph_def)
        graph_def, postprocess_ms = fast_graph.graph_def, (fast_graph.before_ms, fast_graph.after_ms)
    if network_only:
        graph_def, contract = raw_predictions(graph_def)
    else:
        contract = identify(graph_def)
    counts = operation_counts(graph_def)
    outputs = [node_of(name) for name in contract.outputs]
    if len(needed_by(graph_def, outputs)) < len(graph_def.node):  # a copy would stay in the process's memory
        graph_def = pruned(graph_def, outputs)
    optimized = None if _is_bfloat16(graph_def) else _optimized(graph_def, contract)
    graph = optimized or imported(graph_def, str(path))
    return LoadedGraph(graph, optimized is not None, contract, counts, postprocess_ms)


def _optimized(graph_def: GraphDef, contract: Contract) -> Any:
    """The optimized graph; None where the optimizer or the import fails. Sessions then optimize it themselves."""
    try:
        return imported(_optimize(graph_def, contract))
    except (UserError, ValueError, tf.errors.OpError):
        return None


def _optimize(graph_def: GraphDef, contract: Contract) -> GraphDef:
    """What a session would make of the graph before it runs it: constants folded, operations fused."""
    meta_graph = meta_graph_pb2.MetaGraphDef()
    meta_graph.graph_def.CopyFrom(graph_def)
    for node in meta_graph.graph_def.node:
        node.device = _CPU
    meta_graph.collection_def[_FETCHES].node_list.value.extend(contract.outputs)
    return tf_optimizer.OptimizeGraph(tf.compat.v1.ConfigProto(device_count={"GPU": 0}), meta_graph, verbose=False)


def _is_bfloat16(graph_def: GraphDef) -> bool:
    """Whether there are bf16 convolutions: TensorFlow fuses them, and then cannot import the result."""
    kinds = (node.attr["T"].type for node in graph_def.node if node.op == "Conv2D")
    return tf.bfloat16.as_datatype_enum in kinds
