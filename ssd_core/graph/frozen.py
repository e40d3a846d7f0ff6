"""Frozen graphs as files: GraphDef in binary (.pb) or text (.pbtxt). Operations are checked when one is read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tensorflow.core.framework.graph_pb2 import GraphDef as _GraphDef

from ssd_core.errors import UserError
from ssd_core.files import reading, replacing
from ssd_core.graph.operations import INFERENCE_OPERATIONS

GraphDef = Any


def read_graph(path: Path, trust: bool = False) -> GraphDef:
    """Read a GraphDef. UserError: unreadable, not a GraphDef, or operations that inference does not need.

    A frozen graph is a program. Unless `trust` is set, only the operations in `operations.py` are allowed: none of
    them can read or write files or call Python. The devices on which training placed the nodes are removed.
    """
    with reading(f"The graph {path}", "give the path of a frozen GraphDef (.pb or .pbtxt)"):
        content = path.read_bytes()
    graph_def = _GraphDef()
    try:
        if path.suffix == ".pbtxt":
            text_format.Parse(content, graph_def)
        else:
            graph_def.ParseFromString(content)
    except (DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a frozen GraphDef: give a .pb or .pbtxt file of one.") from error
    if not graph_def.node or not all(node.name and node.op for node in graph_def.node):
        raise UserError(f"{path} holds no graph: give a frozen GraphDef (a SavedModel has to be frozen first).")
    if not trust:
        _check_operations(graph_def, path)
    for node in _all_nodes(graph_def):
        node.ClearField("device")
        node.attr.pop("_class", None)
    return graph_def


def write_graph(graph_def: GraphDef, path: Path) -> None:
    """Write a GraphDef, as text where the name ends in .pbtxt; the file appears whole or not at all."""
    with replacing(path) as temporary:
        if path.suffix == ".pbtxt":
            temporary.write_text(text_format.MessageToString(graph_def))
        else:
            temporary.write_bytes(graph_def.SerializeToString(deterministic=True))


def _check_operations(graph_def: GraphDef, path: Path) -> None:
    functions = {f.signature.name for f in graph_def.library.function}
    for node in _all_nodes(graph_def):
        if node.op not in INFERENCE_OPERATIONS and node.op not in functions:
            raise UserError(
                f"{path} asks for the operation {node.op} (node {node.name}), which SSD inference does not need:"
                " pass --trust-graph if you know where the graph comes from."
            )


def _all_nodes(graph_def: GraphDef) -> Iterator[Any]:
    """The graph's nodes and those of its functions."""
    yield from graph_def.node
    for function in graph_def.library.function:
        yield from function.node_def
