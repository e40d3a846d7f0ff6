"""The network as a TensorFlow graph: single layers against numpy, the whole against the original's numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.errors import UserError
from ssd_core.network import build, layers
from ssd_core.network.detections import detect
from ssd_core.network.layers import BACKBONE, Convolution, MaxPool, Padding
from ssd_core.network.variant import Variant
from tests.examples import examples
from tests.rounding import UNIT, of_detections, of_sums, of_the_network
from tests.rows import assert_same, without_ties

Floats = npt.NDArray[np.float32]
Weights = dict[str, Floats]


@dataclass(frozen=True)
class Run:
    """What the network said of a batch: heads' inputs, raw predictions, and rows of class, score, box of image 0."""

    maps: list[Floats]
    locations: Floats
    logits: Floats
    detections: Floats


@pytest.fixture(scope="module")
def run(seeded_weights: Weights, network_input: Floats) -> Run:
    """The seeded network on a batch of two: the golden image of noise, and the same upside down."""
    graph = tf.Graph()
    with graph.as_default():
        images = tf.compat.v1.placeholder(tf.float32, [None, 300, 300, 3])
        maps = build.feature_maps(images, seeded_weights)
        locations, logits = build.predictions(images, seeded_weights)
        found = detect(locations, logits)
    with unoptimized(graph) as session:
        batch = np.concatenate([network_input, network_input[:, ::-1]])
        values, locs, classes = session.run([maps, locations, logits], {images: batch})
        boxes, scores, labels, counts = session.run(found, {images: network_input})
    rows = np.concatenate([labels[..., None], scores[..., None], boxes], axis=-1)[0, : counts[0]]
    return Run(values, locs, classes, rows)


def unoptimized(graph: Any) -> Any:
    """A session without TensorFlow's graph optimizer, which takes longer than one run of the network."""
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return tf.compat.v1.Session(graph=graph, config=config)


def convolve(images: Floats, kernel: Floats, bias: Floats, layer: Convolution) -> Floats:
    """A convolution by its definition, one output position after another."""
    reach = (layer.kernel - 1) * layer.dilation + 1
    if isinstance(layer.padding, int):
        pads = [(layer.padding, layer.padding)] * 2
    elif layer.padding == "VALID":
        pads = [(0, 0)] * 2
    else:
        totals = [max((-(-n // layer.stride) - 1) * layer.stride + reach - n, 0) for n in images.shape[1:3]]
        pads = [(t // 2, t - t // 2) for t in totals]
    padded = np.pad(images.astype(np.float64), [(0, 0), *pads, (0, 0)])
    height, width = ((n - reach) // layer.stride + 1 for n in padded.shape[1:3])
    output = np.empty((len(images), height, width, kernel.shape[-1]))
    for row in range(height):
        for column in range(width):
            y, x = row * layer.stride, column * layer.stride
            window = padded[:, y : y + reach : layer.dilation, x : x + reach : layer.dilation]
            output[:, row, column] = np.tensordot(window, kernel.astype(np.float64), 3) + bias
    return (np.maximum(output, 0) if layer.relu else output).astype(np.float32)


@examples(40)
@given(
    size=st.integers(3, 12),
    kernel=st.sampled_from([1, 3]),
    stride=st.integers(1, 2),
    dilation=st.integers(1, 3),
    padding=st.sampled_from(["SAME", "VALID", 1, 2]),
    relu=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_layer_is_the_convolution_of_its_definition(
    size: int, kernel: int, stride: int, dilation: int, padding: Padding, relu: bool, seed: int
) -> None:
    stride = 1 if dilation > 1 else stride
    if padding == "VALID":
        size = max(size, (kernel - 1) * dilation + 1)
    if isinstance(padding, int):
        size = max(size, (kernel - 1) * dilation + 1 - padding)
    layer = Convolution("a", kernel, 3, 5, stride, dilation, padding, relu)
    random = np.random.default_rng(seed)
    images, weights, bias = (
        random.standard_normal(shape).astype(np.float32)
        for shape in ((2, size, size + 1, 3), (kernel, kernel, 3, 5), (5,))
    )
    output = build.convolution(images, layer, weights, bias).numpy()
    expected = convolve(images, weights, bias, layer)
    magnitudes = convolve(np.abs(images), np.abs(weights), np.abs(bias), layer)
    # As many products as the kernel has for a channel, the bias, and one rounding of what is expected.
    assert (np.abs(output - expected) <= of_sums(kernel**2 * 3 + 2, magnitudes)).all()


@pytest.mark.parametrize(("kernel", "stride", "size"), [(2, 2, 8), (2, 2, 7), (3, 1, 6)])
def test_max_pool_takes_the_largest_of_each_window(kernel: int, stride: int, size: int) -> None:
    images = np.random.default_rng(1).standard_normal((1, size, size, 2)).astype(np.float32)
    pooled = build.max_pool(images, MaxPool("p", kernel, stride)).numpy()
    total = (-(-size // stride) - 1) * stride + kernel - size
    padded = np.pad(images, [(0, 0), *[(total // 2, total - total // 2)] * 2, (0, 0)], constant_values=-np.inf)
    for row in range(pooled.shape[1]):
        for column in range(pooled.shape[2]):
            window = padded[:, row * stride : row * stride + kernel, column * stride : column * stride + kernel]
            np.testing.assert_array_equal(pooled[:, row, column], window.max(axis=(1, 2)))


def test_conv4_3_is_divided_by_its_norm_and_scaled(run: Run, seeded_weights: Weights) -> None:
    norms = np.linalg.norm(run.maps[0] / seeded_weights["ssd300/conv4_3_scale/weights"], axis=-1)
    # Two sums of 512 squares, ours and numpy's: their roots are off by half of that; ten more operations one by one.
    np.testing.assert_allclose(norms, 1, atol=(2 * 512 / 2 + 10) * UNIT, rtol=0)


def test_raw_predictions_are_the_heads_cell_by_cell(run: Run, seeded_weights: Weights) -> None:
    start = 0
    for i, feature_map in enumerate(layers.FEATURE_MAPS):
        count = feature_map.size**2 * feature_map.boxes_per_cell
        for kind, width, raw in (("loc", 4, run.locations), ("cls", 81, run.logits)):
            kernel, bias = (seeded_weights[f"ssd300/multibox_head/{kind}_{i}/{v}"] for v in ("kernel", "bias"))
            corner = np.pad(run.maps[i][:, :2, :2], [(0, 0), (1, 1), (1, 1), (0, 0)])[:, :3, :3].astype(np.float64)
            expected = np.tensordot(corner, kernel, 3) + bias  # the first cell's boxes
            got = raw[:, start : start + feature_map.boxes_per_cell].reshape(2, -1)
            magnitudes = np.tensordot(np.abs(corner), np.abs(kernel), 3) + np.abs(bias)
            off = np.abs(got - expected)
            assert (off <= of_sums(9 * feature_map.channels + 1, magnitudes)).all(), f"{kind}_{i}"
            assert raw.shape == (2, 8732, width)
        start += count
    assert start == 8732


def test_raw_predictions_agree_with_the_original(run: Run, golden: Mapping[str, Floats]) -> None:
    rows = golden["network_rows"]
    for ours, theirs in ((run.logits, golden["network_cls"]), (run.locations, golden["network_loc"])):
        np.testing.assert_allclose(ours[0, rows], theirs, atol=of_the_network(theirs), rtol=0)


def test_detections_agree_with_the_original(run: Run, golden: Mapping[str, Floats]) -> None:
    ours, theirs = without_ties(run.detections, golden["network_detections"])
    assert len(theirs) > 60
    assert_same(ours, theirs, of_detections(golden["network_cls"], golden["network_loc"]))


def test_padding_and_offset_of_the_input_can_vary(seeded_weights: Weights, network_input: Floats) -> None:
    shifted = Variant(input_offset=(1.0, -2.0, 3.0))
    padded = Variant(
        backbone=tuple(
            replace(layer, padding=1) if layer.name.endswith("conv9_2") else layer  # type: ignore[arg-type]
            for layer in BACKBONE
        )
    )
    graph = tf.Graph()
    with graph.as_default():
        images = tf.compat.v1.placeholder(tf.float32, [None, 300, 300, 3])
        maps = {
            name: build.feature_maps(images, seeded_weights, variant=variant)[3]
            for name, variant in {"plain": Variant(), "shifted": shifted, "padded": padded}.items()
        }
        fetches: dict[str, Any] = {**maps, "input": graph.get_tensor_by_name("ssd300/centred:0")}
    with unoptimized(graph) as session:
        values = session.run(fetches, {images: network_input})
    added = np.full((1, 300, 300, 3), [1, -2, 3])  # to values below 256: a sum and a difference, rounded
    np.testing.assert_allclose(values["input"] - network_input, added, atol=2 * 256 * UNIT, rtol=0)
    assert values["padded"].shape == values["plain"].shape == (1, 5, 5, 256)
    assert np.abs(values["padded"] - values["plain"]).max() > 0.01
    assert np.abs(values["shifted"] - values["plain"]).max() > 0.01


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda w: w.pop("ssd300/fc7/bias"), "no variable ssd300/fc7/bias"),
        (lambda w: w.update({"ssd300/fc7/bias": np.zeros(7, np.float32)}), r"ssd300/fc7/bias has shape \(7,\)"),
        (lambda w: w.update({"ssd300/fc7/bias": np.full(1024, np.nan, np.float32)}), "ssd300/fc7/bias.*finite"),
    ],
)
def test_weights_that_do_not_fit_are_named(seeded_weights: Weights, change: Any, named: str) -> None:
    weights = dict(seeded_weights)
    build.check_weights(weights)
    change(weights)
    with pytest.raises(UserError, match=named):
        build.check_weights(weights)
