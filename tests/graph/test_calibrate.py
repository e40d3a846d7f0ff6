"""The ranges of activations, and what is taken from them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ssd_core.errors import UserError
from ssd_core.graph.calibrate import METHODS, ActivationRange, Method, calibrate
from ssd_core.graph.contract import identify

GraphDef = Any
Floats = npt.NDArray[np.float32]

BATCHES = st.lists(
    hnp.arrays(np.float32, st.integers(1, 200), elements=st.floats(-1e6, 1e6, width=32)), min_size=1, max_size=5
)


def seen(batches: list[Floats]) -> ActivationRange:
    found = ActivationRange()
    for batch in batches:
        found.update(batch)
    return found


@given(BATCHES)
def test_extremes_are_exact_and_no_value_is_lost_when_the_width_doubles(batches: list[Floats]) -> None:
    found = seen(batches)
    values = np.concatenate(batches)
    assert (found.low, found.high) == (values.min(), values.max())
    assert found.counts.sum() == values.size
    assert found.width >= np.abs(values).max()


@given(BATCHES, st.sampled_from(METHODS))
def test_the_limit_is_positive_and_at_most_the_largest_magnitude(batches: list[Floats], method: Method) -> None:
    largest = max(float(np.abs(np.concatenate(batches)).max()), 1e-6)
    assert 0 < seen(batches).limit(method) <= largest
    assert seen(batches).limit("minmax") == largest


def test_doubling_keeps_every_count_in_its_place() -> None:
    small, large = ActivationRange(), ActivationRange()
    values = np.random.default_rng(0).uniform(0, 1, 10_000).astype(np.float32)
    values[0] = 1.0
    small.update(values)
    small.update(np.array([4.0], np.float32))  # doubles twice
    large.update(np.array([4.0], np.float32))
    large.update(values)
    assert small.width == large.width == 4.0
    # Bins of the narrow histogram lie whole in those of the wide one; but its last one held its upper edge, 1.0, too.
    assert np.abs(np.cumsum(small.counts) - np.cumsum(large.counts)).max() == 1


def test_percentile_and_entropy_cut_a_lonely_outlier() -> None:
    values = np.maximum(np.random.default_rng(0).standard_normal(200_000), 0).astype(np.float32)
    values[7] = 100.0
    found = seen([values])
    assert found.limit("minmax") == 100
    # The upper edge of the bin that holds it, and a bin for the quantile's interpolation.
    assert found.limit("percentile") == pytest.approx(np.quantile(values, 0.99999), abs=2 * found.width / 2048)
    assert found.limit("entropy") < 20


def test_entropy_does_not_count_the_zeros_that_relu_makes() -> None:
    values = np.abs(np.random.default_rng(0).standard_normal(100_000)).astype(np.float32)
    assert seen([values, np.zeros(150_000, np.float32)]).limit("entropy") == seen([values]).limit("entropy")


def test_entropy_keeps_an_even_distribution_whole() -> None:
    values = np.random.default_rng(0).uniform(0, 1, 100_000).astype(np.float32)
    assert seen([values]).limit("entropy") > 0.95


def images(count: int) -> Floats:
    return np.random.default_rng(1).uniform(-120, 150, (count, 300, 300, 3)).astype(np.float32)


def test_ranges_are_those_of_the_run(small_graph: Callable[..., GraphDef], run: Any) -> None:
    graph_def = small_graph()
    batch = images(3)
    parts = [batch[:2], batch[2:]]
    ranges = calibrate(graph_def, identify(graph_def), ["a/Relu", "input"], parts)
    assert ranges["a/Relu"].high == max(run(graph_def, ["a/Relu"], part)[0].max() for part in parts)
    assert ranges["a/Relu"].low == 0
    assert (ranges["input"].low, ranges["input"].high) == (batch.min(), batch.max())


@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_graph_of_a_fixed_batch_is_fed_whole_batches(small_graph: Callable[..., GraphDef], count: int) -> None:
    fixed, free = small_graph(batch=2), small_graph()
    whole = [np.resize(images(count)[i : i + 2], (2, 300, 300, 3)) for i in range(0, count, 2)]
    found, expected = (
        calibrate(graph_def, identify(graph_def), ["b/BiasAdd"], batches)["b/BiasAdd"]
        for graph_def, batches in ((fixed, [images(count)]), (free, whole))
    )
    assert (found.low, found.high) == (expected.low, expected.high)


def test_without_images_there_is_no_range(small_graph: Callable[..., GraphDef]) -> None:
    with pytest.raises(UserError, match="no calibration images"):
        calibrate(small_graph(), identify(small_graph()), ["a/Relu"], [])


def test_an_activation_that_is_not_finite_is_said(small_graph: Callable[..., GraphDef]) -> None:
    graph_def = small_graph(lambda features: tf.math.log(-features, name="bad"))
    with pytest.raises(UserError, match="bad is not finite"):
        calibrate(graph_def, identify(graph_def), ["bad"], [images(1)])
