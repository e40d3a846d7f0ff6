"""Sessions for tools that run a graph a few times and then leave it."""

from typing import Any

import tensorflow as tf

GraphDef = Any
Session = Any


def session_on(graph_def: GraphDef, optimize: bool = False) -> Session:
    """A session on a graph whose tensors keep their names; the caller closes it.

    TensorFlow's graph optimizer takes seconds over a whole network, more than a few runs do: it is left out unless
    `optimize`, which is what a benchmark runs.
    """
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(graph_def, name="")
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = not optimize
    return tf.compat.v1.Session(graph=graph, config=config)
