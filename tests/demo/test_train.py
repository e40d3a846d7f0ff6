"""Training of the demo model: boxes are coded, maps stored with zeros around them, and the ranges are of its graph."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from ssd_core.coco.categories import NAME_OF_ID
from ssd_core.demo import train
from ssd_core.demo.inputs import prepared
from ssd_core.demo.scenes import draw_scene
from ssd_core.demo.sprites import KINDS
from ssd_core.demo.weights import weights_of
from ssd_core.graph.contract import operation_counts
from ssd_core.graph.export import fp32_graph
from ssd_core.graph.quantize import quantize_with
from ssd_core.network.anchors import decode
from ssd_core.network.build import feature_maps
from ssd_core.network.layers import FEATURE_MAPS

Floats = npt.NDArray[np.float32]

LEARNT = 1 + len(KINDS)


def test_the_ground_truth_is_encoded_among_the_learnt_classes() -> None:
    image, objects = draw_scene(11)
    labels, locations = train._encoded(np.asarray(image), objects)
    assert labels.shape == (8732,)
    boxes = decode(locations) * np.tile([image.height, image.width], 2)
    names = list(KINDS)
    for seen in objects:
        x, y, width, height = seen.box
        fits = np.abs(boxes - (y, x, y + height, x + width)).max(1) < 0.01  # of a pixel: 640 times `test_anchors.CODED`
        matched = fits & (labels > 0)
        assert matched.any()
        assert NAME_OF_ID[seen.category_id] in {names[label - 1] for label in labels[matched]}
    assert set(labels) <= {-1, *range(LEARNT)}
    assert (labels == 0).mean() > 0.9


def test_the_maps_are_stored_in_half_precision_with_zeros_around_them(
    tiny_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "_BATCH", 1)
    maps, labels, locations = train._coded_features(2, tiny_model.learnt.layers)
    assert [m.shape for m in maps] == [(2, m.size + 2, m.size + 2, m.channels) for m in FEATURE_MAPS]
    assert labels.shape == (2, 8732)
    assert locations.shape == (2, 8732, 4)
    image, objects = train._drawn(train._FIRST_TRAINING_SEED + 1)
    np.testing.assert_array_equal(labels[1], train._encoded(image, objects)[0])
    expected = feature_maps(tf.constant(prepared([image])), weights_of(tiny_model.learnt))
    # Half precision rounds by 2^-11, 5e-4; what is left is for the sums of 23 layers in another order (see `rounding`).
    for stored, computed in zip(maps, expected, strict=True):
        assert stored.dtype == np.float16
        assert not stored[:, [0, -1]].any()
        assert not stored[:, :, [0, -1]].any()
        np.testing.assert_allclose(stored[1, 1:-1, 1:-1], computed[0], rtol=2e-3, atol=2e-3)
        assert np.abs(stored[1].astype(float) - stored[0]).mean() > 0.01


def test_the_ranges_make_an_int8_graph_without_running_it(tiny_model: Any) -> None:
    graph = quantize_with(fp32_graph(weights_of(tiny_model.learnt)), tiny_model.learnt.ranges)
    counts = operation_counts(graph)
    assert counts["QuantizedConv2DWithBiasAndReluAndRequantize"] == 23
    assert counts["QuantizedConv2DWithBiasAndRequantize"] == 12
    assert "Conv2D" not in counts
