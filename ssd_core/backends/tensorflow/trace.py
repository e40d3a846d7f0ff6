"""TensorFlow's own account of a step: each node that ran and how long it took. Runs in the worker; imports TensorFlow.

The nodes are those of the graph as it is executed, which TensorFlow's optimizer and oneDNN's rewriting have changed.
"""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf  # it takes 6 s to import

from ssd_core.backends.protocol import Images
from ssd_core.graph.contract import Contract
from ssd_core.graph.view import node_of
from ssd_core.profiling.layers import kind_of

Session = Any
NodeDef = Any
NodeStats = Any
Json = dict[str, Any]

_OPERATION = re.compile(r" = (\w+)\(")  # in a label such as "[mklcpu 0.3MB] a/Relu = Relu(a/BiasAdd)"


def trace(session: Session, contract: Contract, next_images: Callable[[], Images], steps: int) -> Json:
    """Run `steps` batches with a trace: `step_ns` [steps] of session.run, and `nodes` in the order they started.

    A node has the fields of `profile.Node`; its times are of the computation alone, without what the executor does
    around it. One more step, which gives the graph, runs before those.
    """
    call = session.make_callable(list(contract.outputs), feed_list=[contract.input], accept_options=True)
    options = tf.compat.v1.RunOptions
    graph, _, _ = _run(call, next_images(), options(output_partition_graphs=True))
    nodes = {node.name: node for partition in graph.partition_graphs for node in partition.node}
    step_ns: list[int] = []
    stats: list[list[NodeStats]] = []
    for _ in range(steps):
        metadata, start, end = _run(call, next_images(), options(trace_level=options.FULL_TRACE))
        step_ns.append(end - start)
        ran = [node for device in metadata.step_stats.dev_stats for node in device.node_stats]
        stats.append(sorted(ran, key=lambda node: int(node.all_start_nanos)))
    return {"step_ns": step_ns, "nodes": _nodes(stats, nodes)}


def _run(call: Callable[..., Any], images: Images, options: Any) -> tuple[Any, int, int]:
    metadata = tf.compat.v1.RunMetadata()
    start = time.perf_counter_ns()
    call(images, options=options, run_metadata=metadata)
    return metadata, start, time.perf_counter_ns()


def _nodes(stats: Sequence[Sequence[NodeStats]], graph: dict[str, NodeDef]) -> list[Json]:
    """All that ran, in the last step's order."""
    nodes: dict[str, Json] = {}
    outputs = {ran.node_name: ran.output for ran in stats[-1]}
    for ran in (ran for step in stats[::-1] for ran in step):
        if ran.node_name not in nodes:
            nodes[ran.node_name] = _node(ran, graph.get(ran.node_name), outputs, len(stats))
    for number, step in enumerate(stats):
        for ran in step:
            nodes[ran.node_name]["times_ns"][number] += ran.op_end_rel_nanos - ran.op_start_rel_nanos
    for ran in stats[-1]:
        nodes[ran.node_name]["executions"] += 1
    return list(nodes.values())


def _node(ran: NodeStats, node: NodeDef | None, outputs: dict[str, Any], steps: int) -> Json:
    label = _OPERATION.search(ran.timeline_label)
    described = {
        "name": ran.node_name,
        "operation": label[1] if label else "NoOp",
        "times_ns": [0] * steps,
        "executions": 0,
    }
    if node is not None and kind_of(node.op):
        described["source"] = _tensor(node.input[0], outputs)
        described["kernel"] = _tensor(node.input[1], outputs) if len(node.input) > 1 else None
        described["output"] = _tensor(node.name, outputs)
        described["channels_first"] = node.attr["data_format"].s == b"NCHW"
    return described


def _tensor(name: str, outputs: dict[str, Any]) -> Json | None:
    """What the trace says of a tensor; None where it says nothing."""
    slot = int(name.partition(":")[2] or 0)
    for output in outputs.get(node_of(name), ()):
        if output.slot == slot:
            described = output.tensor_description
            dtype = tf.dtypes.as_dtype(described.dtype)
            shape = [dim.size for dim in described.shape.dim]
            return {"shape": shape, "data_type": dtype.name, "item_bytes": dtype.size}
    return None
