"""Graphs in TensorFlow, for tools that run one only a few times. TensorFlow's errors become one sentence."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf  # it takes 6 s to import

from ssd_core.errors import UserError
from ssd_core.graph.view import node_of, pruned

GraphDef = Any
Session = Any

_PREAMBLE = ("Graph execution error", "Detected at node", "Node:", "[[{{node")


def session_on(graph_def: GraphDef, optimize: bool = False) -> Session:
    """A session on a graph whose tensors keep their names; the caller closes it.

    TensorFlow's graph optimizer takes seconds for a whole network, longer than a few runs. It is used only with
    `optimize`, as in a benchmark. UserError for a graph that TensorFlow does not accept.
    """
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = not optimize
    return tf.compat.v1.Session(graph=imported(graph_def), config=config)


def needed(graph_def: GraphDef, outputs: Sequence[str]) -> GraphDef:
    """A copy with only the nodes that `outputs` depend on; UserError where these are not a graph that can be loaded.

    Nodes left over from training, or of operations that TensorFlow does not know, are removed if they are not needed.
    """
    part = pruned(graph_def, map(node_of, outputs))
    imported(part)
    return part


def imported(graph_def: GraphDef, name: str = "The graph") -> Any:
    """A graph of a GraphDef that keeps tensors' names; UserError about the graph `name` where TensorFlow refuses it."""
    graph = tf.Graph()
    with graph.as_default():
        try:
            tf.import_graph_def(graph_def, name="")
        except (ValueError, tf.errors.OpError) as error:
            raise UserError(
                f"{name} cannot be loaded by TensorFlow {tf.__version__} ({_reason(error)}):"
                " freeze the inference graph again, with what this TensorFlow knows."
            ) from error
    return graph


@contextlib.contextmanager
def failures(name: str = "The graph") -> Iterator[None]:
    """Turn what TensorFlow raises in a run into a UserError about the graph `name`."""
    try:
        yield
    except tf.errors.OpError as error:
        raise UserError(f"{name} failed in TensorFlow {tf.__version__}: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    """The sentence of TensorFlow's message that says what was wrong, without the Python stack."""
    lines = [line.strip() for line in str(getattr(error, "message", error)).splitlines()]
    telling = [line for line in lines if line and not line.startswith(_PREAMBLE)]
    return telling[0].split(". ")[0].rstrip(".") if telling else type(error).__name__
