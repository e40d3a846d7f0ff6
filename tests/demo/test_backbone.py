"""The backbone without gradients: what its targets say, what its patches are, and that no layer washes out."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.demo import backbone
from ssd_core.demo.backbone import patches_at, targets_of, train_backbone
from ssd_core.demo.learnt import Layer
from ssd_core.demo.sprites import KINDS
from ssd_core.network.layers import (
    BACKBONE,
    CONVOLUTIONS,
    Convolution,
    MaxPool,
    bias_name,
    kernel_name,
    scale_name,
    variable_shapes,
)
from tests.examples import examples
from tests.rounding import UNIT, of_sums

Floats = npt.NDArray[np.float32]

LAYERS = st.sampled_from(
    [
        Convolution("same", 3, 1, 1),
        Convolution("same, strided", 3, 1, 1, stride=2),
        Convolution("same, dilated", 3, 1, 1, dilation=6),
        Convolution("valid", 3, 1, 1, padding="VALID"),
        Convolution("valid, strided", 3, 1, 1, stride=2, padding="VALID"),
        Convolution("valid, dilated", 3, 1, 1, dilation=6, padding="VALID"),
        Convolution("one pixel", 1, 1, 1, padding="VALID"),
        Convolution("even", 2, 1, 1, stride=2),
    ]
)


def as_they_come(layers: Iterable[Any]) -> Iterable[Any]:
    return layers


def test_targets_say_what_is_where_and_how_far_its_sides_are() -> None:
    width, height = 600, 300
    below, above = np.zeros((2, height, width), bool)
    below[50:150, 100:300] = True
    above[140:200, 280:400] = True
    targets = targets_of((width, height), [(2, (100, 50, 200, 100), below), (0, (280, 140, 120, 60), above)])
    assert targets.shape == (300, 300, 1 + len(KINDS) + 4)

    background = np.ones((300, 300), bool)  # 2 columns and 1 row of the image to a pixel
    background[50:150, 50:150] = background[140:200, 140:200] = False
    np.testing.assert_array_equal(targets[..., 0], background)
    expected = np.zeros((300, 300), bool)
    expected[50:150, 50:150] = True
    expected[140:150, 140:150] = False
    np.testing.assert_array_equal(targets[..., 1 + 2], expected)
    np.testing.assert_array_equal(targets[..., 1:-4].sum(-1), ~background)
    assert not targets[background][:, 1:].any()

    # Float64, rounded once.
    # Row 60, column 80 of 300: 10.5 and 89.5 rows from the first object's top and bottom, 30.5 and 69.5 columns.
    np.testing.assert_allclose(targets[60, 80, -4:], np.log1p(np.array([10.5, 89.5, 30.5, 69.5]) / 300 * 38), rtol=UNIT)
    # Where the two meet, the later one is seen.
    np.testing.assert_allclose(targets[145, 145, -4:], np.log1p(np.array([5.5, 54.5, 5.5, 54.5]) / 300 * 38), rtol=UNIT)


def test_without_objects_all_is_background() -> None:
    targets = targets_of((320, 480), [])
    assert (targets[..., 0] == 1).all()
    assert not targets[..., 1:].any()


@given(LAYERS, st.integers(13, 21), st.integers(1, 3), st.integers(1, 4), st.integers(0, 2**32 - 1))
@examples(40)
def test_patches_times_a_kernel_are_the_convolution(
    shape: Convolution, side: int, channels_in: int, channels_out: int, seed: int
) -> None:
    layer = replace(shape, channels_in=channels_in, channels_out=channels_out)
    random = np.random.default_rng(seed)
    images = random.standard_normal((2, side, side, channels_in)).astype(np.float32)
    kernel = random.standard_normal((layer.kernel, layer.kernel, channels_in, channels_out)).astype(np.float32)
    convolved = tf.nn.conv2d(images, kernel, layer.stride, layer.padding, dilations=layer.dilation).numpy()
    size = convolved.shape[1]
    places = random.permutation(2 * size * size)[: max(1, size * size)]
    patches = patches_at(images, layer, size, places)
    assert patches.shape == (len(places), layer.kernel**2 * channels_in)
    matrix = kernel.reshape(-1, channels_out)
    off = np.abs(patches @ matrix - convolved.reshape(-1, channels_out)[places])
    assert (off <= 2 * of_sums(len(matrix), np.abs(patches) @ np.abs(matrix))).all()


def test_distances_are_spread_over_bins_around_them_and_the_background_over_none() -> None:
    wanted = np.zeros((2, 1 + len(KINDS) + 4), np.float32)
    wanted[0, 0] = 1
    wanted[1, 3] = 1
    bins = np.linspace(0.3, 3.3, 6)
    wanted[1, -4:] = (bins[1], bins[4], bins[0], (bins[2] + bins[3]) / 2)
    spread = backbone._spread(wanted)
    given, near, middle = np.split(spread, [wanted.shape[1], wanted.shape[1] + 4 * 6], axis=1)
    np.testing.assert_array_equal(given, wanted)
    assert not near[0].any()
    sides = near[1].reshape(4, 6)
    assert sides.argmax(1)[:3].tolist() == [1, 4, 0]
    np.testing.assert_allclose(sides.max(1)[:3], 1)
    # Distances of up to 3.3 are rounded, and told in bins of 0.6: off by 5.5 UNIT of a bin.
    np.testing.assert_allclose(sides[0, [0, 2]], np.exp(-0.5), rtol=8 * UNIT)
    assert sides[3, 2] == pytest.approx(sides[3, 3])
    np.testing.assert_allclose(middle[1], [bins[4] - bins[1], (bins[2] + bins[3]) / 2 - bins[0]], rtol=8 * UNIT)


def test_a_probe_looks_at_what_tells_and_at_nothing_else() -> None:
    layer = Convolution("guided", 1, 5, 16)
    random = np.random.default_rng(0)
    inputs = random.standard_normal((2, 30, 30, 5)).astype(np.float32)
    told = np.zeros((2, 30, 30, 7), np.float32)  # all of it by channel 3
    told[..., 0] = inputs[..., 3] > 0
    told[..., 1:] = inputs[..., 3:4] * np.arange(1, 7)
    targets = told.repeat(10, axis=1).repeat(10, axis=2)
    probe = backbone._probe(layer, inputs, targets, np.random.Generator(np.random.PCG64(1)))
    directions = probe.values.astype(int)[0, 0] * probe.weights
    others = np.delete(directions, 3, axis=0)
    # Of 1,800 places a channel that tells nothing seems to tell 1 / sqrt(1,800), 0.024; four of these deviations.
    assert np.abs(others).max() < 0.1 * np.abs(directions[3]).max()


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], dict[str, Layer]]:
    """The backbone's first guided layer and those before it, trained on two images of noise with one object."""
    depth = 1 + [layer.name for layer in BACKBONE].index("conv3/conv3_1")
    monkeypatch.setattr(backbone, "BACKBONE", BACKBONE[:depth])
    monkeypatch.setattr(backbone, "_SAMPLES", 200)
    images = np.random.default_rng(0).uniform(-120, 150, (2, 300, 300, 3)).astype(np.float32)
    mask = np.zeros((300, 300), bool)
    mask[100:200, 50:250] = True
    targets = np.stack([targets_of((300, 300), [(kind, (50, 100, 200, 100), mask)]) for kind in (0, 1)])
    return lambda seed: train_backbone(images, targets, seed, as_they_come)


def test_layers_are_a_function_of_the_seed(shallow: Callable[[int], dict[str, Layer]]) -> None:
    first, again, other = shallow(1), shallow(1), shallow(2)
    for name, layer in first.items():
        # Here equal. In another order, as other threads may take them, sums would be off by 1e-6, and regressions by as
        # many times that as their penalty, a thousandth of the variance, lets them: within a level of 8 bits.
        np.testing.assert_allclose(layer.scale, again[name].scale, rtol=0.05)
        assert (layer.probe is None) == (name != "conv3/conv3_1")
        if layer.probe is not None and again[name].probe is not None and other[name].probe is not None:
            probes = [found.probe.values.astype(int) for found in (layer, again[name], other[name]) if found.probe]
            np.testing.assert_allclose(probes[0], probes[1], atol=1)
            assert np.abs(probes[0] - probes[2]).max() > 10


def test_progress_sees_every_layer_as_it_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbone, "BACKBONE", BACKBONE[:3])
    seen: list[str] = []

    def progress(layers: Iterable[Any]) -> Iterable[Any]:
        for layer in layers:
            seen.append(layer.name)
            yield layer

    images = np.random.default_rng(0).uniform(-120, 150, (1, 300, 300, 3)).astype(np.float32)
    layers = train_backbone(images, np.zeros((1, 300, 300, 17), np.float32), 0, progress)
    assert seen == ["conv1/conv1_1", "conv1/conv1_2", "pool1"]
    assert list(layers) == ["conv1/conv1_1", "conv1/conv1_2"]


def test_the_backbone_has_its_47_variables_and_none_is_empty(tiny_model: Any) -> None:
    found = {name: values for name, values in tiny_model.weights.items() if "multibox_head" not in name}
    shapes = {name: shape for name, shape in variable_shapes().items() if "multibox_head" not in name}
    assert len(found) == 47
    assert {name: values.shape for name, values in found.items()} == shapes
    for name, values in found.items():
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
        assert values.any(), name
    assert (found[scale_name()] == 20).all()


def test_every_channel_of_every_layer_is_one_deviation_above_zero_on_the_scenes_it_was_laid_on(tiny_model: Any) -> None:
    # Means of values and of squares over the places of two images, which float32 adds one by one, and which the model
    # has made so: each addition is off by UNIT of the sum, all of them at the most by UNIT for each place.
    known = 2 * len(tiny_model.guides) * 300 * 300 * UNIT
    current: Any = tiny_model.guides
    for layer in BACKBONE:
        if isinstance(layer, MaxPool):
            current = tf.nn.max_pool2d(current, layer.kernel, layer.stride, "SAME")
            continue
        kernel, bias = (tiny_model.weights[name(layer.name)] for name in (kernel_name, bias_name))
        output = tf.nn.conv2d(current, kernel, layer.stride, layer.padding, dilations=layer.dilation) + bias
        values = output.numpy().astype(np.float64)
        np.testing.assert_allclose(values.mean((0, 1, 2)), np.ones(layer.channels_out), atol=known, rtol=0)
        np.testing.assert_allclose(values.std((0, 1, 2)), np.ones(layer.channels_out), atol=known, rtol=0)
        current = tf.nn.relu(output)
    assert layer == CONVOLUTIONS[-1]
