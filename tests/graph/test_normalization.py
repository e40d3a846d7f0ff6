"""The normalization of conv4_3 in fewer operations computes the same."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from ssd_core.graph.contract import operation_counts
from ssd_core.graph.normalization import fold_factors, use_euclidean_norm
from ssd_core.graph.view import pruned
from tests.rounding import UNIT, of_sums

GraphDef = Any
Tensor = Any
Floats = npt.NDArray[np.float32]

CHANNELS = 5
RANDOM = np.random.default_rng(3)
IMAGES = RANDOM.normal(0, 2, (2, 6, 4, CHANNELS)).astype(np.float32)
IMAGES[0, 0, 0] = 0  # where the norm is 0 the floor decides
FACTORS = RANDOM.uniform(5, 30, CHANNELS).astype(np.float32)


def graph_of(build: Callable[[Tensor], Tensor]) -> GraphDef:
    graph = tf.Graph()
    with graph.as_default():
        tf.identity(build(tf.compat.v1.placeholder(tf.float32, [None, 6, 4, CHANNELS], name="input")), name="out")
    return graph.as_graph_def()


def normalized(images: Tensor) -> Tensor:
    total = tf.reduce_sum(tf.square(images), axis=-1, keepdims=True)
    return images * tf.math.rsqrt(tf.maximum(total, 1e-10))


def convolved(images: Tensor, width: int = 3, sign: Callable[[Any], Any] = lambda values: values) -> Tensor:
    kernel = np.random.default_rng(width).normal(0, 1, (3, 3, CHANNELS, width)).astype(np.float32)
    return tf.nn.conv2d(images, sign(kernel), 1, "SAME")


def output_of(graph_def: GraphDef) -> Floats:
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(graph_def, name="")
    with tf.compat.v1.Session(graph=graph) as session:
        values: Floats = session.run("out:0", {"input:0": IMAGES})
    return values


def rewritten(graph_def: GraphDef, rewrite: Callable[[GraphDef], None]) -> GraphDef:
    changed = type(graph_def)()
    changed.CopyFrom(graph_def)
    rewrite(changed)
    return pruned(changed, ["out"])


@pytest.mark.parametrize("build", [normalized, lambda images: tf.nn.l2_normalize(images, -1, epsilon=1e-10)])
def test_squares_and_their_sum_become_one_norm(build: Callable[[Tensor], Tensor]) -> None:
    graph_def = graph_of(build)
    shorter = rewritten(graph_def, use_euclidean_norm)
    counts = operation_counts(shorter)
    assert counts["EuclideanNorm"] == 1
    assert not counts.keys() & {"Square", "Sum", "Rsqrt"}
    # Squares, their sum, its root, a reciprocal and a product: ten roundings or fewer in each graph.
    np.testing.assert_allclose(output_of(shorter), output_of(graph_def), rtol=2 * 10 * UNIT)


def _not_of_squares(images: Tensor) -> Tensor:
    return images * tf.math.rsqrt(tf.maximum(tf.reduce_sum(tf.abs(images), axis=-1, keepdims=True), 1e-10))


def _sum_used_twice(images: Tensor) -> Tensor:
    total = tf.reduce_sum(tf.square(images), axis=-1, keepdims=True)
    return images * tf.math.rsqrt(tf.maximum(total, 1e-10)) + total


def _floor_by_channel(images: Tensor) -> Tensor:
    total = tf.reduce_sum(tf.square(images), axis=-1, keepdims=True)
    return images * tf.math.rsqrt(tf.maximum(total, tf.constant(FACTORS)))


@pytest.mark.parametrize("build", [_not_of_squares, _sum_used_twice, _floor_by_channel])
def test_what_is_no_norm_is_left(build: Callable[[Tensor], Tensor]) -> None:
    graph_def = graph_of(build)
    assert rewritten(graph_def, use_euclidean_norm) == pruned(graph_def, ["out"])


def test_the_factors_go_into_every_kernel_behind_them() -> None:
    def build(images: Tensor, sign: Callable[[Any], Any] = lambda values: values) -> Tensor:
        scaled = sign(images) * tf.constant(FACTORS)
        return tf.concat([convolved(scaled, width, sign) for width in (3, 4)], axis=-1)

    graph_def = graph_of(build)
    folded = rewritten(graph_def, fold_factors)
    assert "Mul" not in operation_counts(folded)
    magnitudes = output_of(graph_of(lambda images: build(images, abs)))
    # Twice a sum of 3 * 3 products a channel, each with one factor more.
    off = np.abs(output_of(folded) - output_of(graph_def))
    assert (off <= 2 * of_sums(9 * CHANNELS + 1, magnitudes)).all()


def _used_elsewhere_too(images: Tensor) -> Tensor:
    scaled = images * tf.constant(FACTORS)
    return convolved(scaled, CHANNELS) + scaled


def _one_factor(images: Tensor) -> Tensor:
    return convolved(images * tf.constant(3.0))


def _by_a_computed_kernel(images: Tensor) -> Tensor:
    kernel = tf.reshape(images[:1, :3, :3], (3, 3, CHANNELS, 1))
    return tf.nn.conv2d(images * tf.constant(FACTORS), kernel, 1, "SAME")


def _nobody(images: Tensor) -> Tensor:
    return images * tf.constant(FACTORS)


@pytest.mark.parametrize("build", [_used_elsewhere_too, _one_factor, _by_a_computed_kernel, _nobody])
def test_factors_that_cannot_be_folded_stay(build: Callable[[Tensor], Tensor]) -> None:
    graph_def = graph_of(build)
    assert rewritten(graph_def, fold_factors) == pruned(graph_def, ["out"])
