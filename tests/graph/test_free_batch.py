"""A network of one image that is made to take several: each image's rows are those that it has alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from ssd_core.graph.free_batch import free_batch, run
from ssd_core.graph.postprocess import raw_nodes
from ssd_core.graph.view import pruned
from tests.rounding import of_sums

GraphDef = Any
Floats = npt.NDArray[np.float32]
SCALE = 128.0  # what the heads below divide pixels by


@pytest.fixture(scope="module")
def images() -> Floats:
    return np.random.default_rng(4).uniform(-120, 150, (3, 300, 300, 3)).astype(np.float32)


def test_each_image_has_the_rows_that_it_has_alone(thin_upstream_graph: GraphDef, images: Floats) -> None:
    joined = list(raw_nodes(thin_upstream_graph))
    network = pruned(thin_upstream_graph, joined)
    freed = free_batch(network, joined)
    assert freed is not None
    graph_def, names = freed
    (together,) = run(graph_def, names, images)
    alone = run(network, joined, *(images[i : i + 1] for i in range(3)))
    assert [rows.shape for rows in together] == [(3, 8732, 4), (3, 8732, 81)]
    # A head multiplies three channels of at most 150 / 128 by weights below 6 and adds a bias of at most 9.
    within = 2 * of_sums(4, 3 * 150 / SCALE * 6 + 9)
    for kind, rows in enumerate(together):
        np.testing.assert_allclose(rows, [arrays[kind] for arrays in alone], atol=within, rtol=0)


def test_the_graph_is_left_as_it_was(thin_upstream_graph: GraphDef) -> None:
    joined = list(raw_nodes(thin_upstream_graph))
    network = pruned(thin_upstream_graph, joined)
    before = network.SerializeToString(deterministic=True)
    free_batch(network, joined)
    assert network.SerializeToString(deterministic=True) == before


def joining(rows: Callable[[Any], list[Any]]) -> GraphDef:
    """A network of one image whose node `joined` lays rows of four one after another."""
    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, [1, 300, 300, 3], name="input")
        tf.concat(rows(image[:, ::100, ::100]), 0, name="joined")
    return graph.as_graph_def()


def reshaped(values: Any) -> Any:
    return tf.reshape(values, [-1, 3])


def test_what_cannot_be_told_apart_by_image_is_left_alone() -> None:
    assert free_batch(joining(lambda image: [reshaped(image), reshaped(image * 2)]), ["joined"]) is not None
    mixing = joining(lambda image: [reshaped(image), reshaped(image - tf.reduce_mean(image))])
    assert free_batch(mixing, ["joined"]) is None, "the mean is over all images"
    counting = joining(lambda image: [reshaped(image), reshaped(tf.reshape(image, [1, 27]) * 2)])
    assert free_batch(counting, ["joined"]) is None, "a shape counts on one image"
    other = joining(lambda image: [reshaped(image), tf.squeeze(image[:, 0], 0)])
    assert free_batch(other, ["joined"]) is None, "its rows are of no reshape"
