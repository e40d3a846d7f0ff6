"""The demo model put together: classes at their labels, boxes encoded, maps stored, calibration scenes in batches."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from ssd_core.coco.categories import ID_OF_LABEL, NAME_OF_ID
from ssd_core.demo import model
from ssd_core.demo.heads import Head
from ssd_core.demo.scenes import draw_scene
from ssd_core.demo.sprites import KINDS
from ssd_core.images.preprocess import network_input as prepared
from ssd_core.network.anchors import decode
from ssd_core.network.build import check_weights, feature_maps
from ssd_core.network.layers import FEATURE_MAPS, NUM_CLASSES, bias_name, heads, kernel_name

Floats = npt.NDArray[np.float32]

LEARNT = 1 + len(KINDS)


def test_each_learnt_class_stands_at_the_label_of_its_category() -> None:
    assert model._LABELS[0] == 0
    assert [NAME_OF_ID[ID_OF_LABEL[label]] for label in model._LABELS[1:].tolist()] == list(KINDS)


@pytest.mark.parametrize("index", range(len(FEATURE_MAPS)))
def test_learnt_classes_go_to_their_labels_and_the_others_are_never_seen(index: int) -> None:
    feature_map = FEATURE_MAPS[index]
    boxes, channels = feature_map.boxes_per_cell, 2
    random = np.random.default_rng(index)
    head = Head(
        random.standard_normal((3, 3, channels, boxes * 4)).astype(np.float32),
        random.standard_normal(boxes * 4).astype(np.float32),
        random.standard_normal((3, 3, channels, boxes * LEARNT)).astype(np.float32),
        random.standard_normal(boxes * LEARNT).astype(np.float32),
    )
    whole = model._of_all_classes(head, index, feature_map)
    location, classes = (layer.name for layer in heads()[index])
    assert whole.keys() == {name(layer) for name in (kernel_name, bias_name) for layer in (location, classes)}
    np.testing.assert_array_equal(whole[kernel_name(location)], head.location_kernel)
    np.testing.assert_array_equal(whole[bias_name(location)], head.location_bias)
    kernel, bias = whole[kernel_name(classes)], whole[bias_name(classes)]
    assert kernel.shape == (3, 3, channels, boxes * NUM_CLASSES)
    assert bias.shape == (boxes * NUM_CLASSES,)
    place = {int(label): learnt for learnt, label in enumerate(model._LABELS)}
    for box in range(boxes):
        for label in range(NUM_CLASSES):
            at = box * NUM_CLASSES + label
            if label in place:
                own = box * LEARNT + place[label]
                np.testing.assert_array_equal(kernel[..., at], head.class_kernel[..., own])
                assert bias[at] == head.class_bias[own]
            else:
                assert not kernel[..., at].any()
                assert bias[at] == -8


def test_the_ground_truth_is_encoded_among_the_learnt_classes() -> None:
    image, objects = draw_scene(11)
    labels, locations = model._encoded(np.asarray(image), objects)
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


@pytest.mark.parametrize(("count", "sizes"), [(4, [4]), (6, [4, 2]), (1, [1])])
def test_calibration_images_are_prepared_scenes_in_batches(count: int, sizes: list[int]) -> None:
    batches = list(model.calibration_images(900, count))
    assert [batch.shape for batch in batches] == [(size, 300, 300, 3) for size in sizes]
    assert all(batch.dtype == np.float32 for batch in batches)
    for seed, image in enumerate(np.concatenate(batches), 900):
        np.testing.assert_array_equal(image, prepared(tf.constant(np.asarray(draw_scene(seed)[0]))).numpy())


def test_the_maps_are_stored_in_half_precision_for_all_images(tiny_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "_BATCH", 1)
    found = model._features(tiny_model.guides, tiny_model.weights)
    assert [m.shape for m in found] == [(2, m.size, m.size, m.channels) for m in FEATURE_MAPS]
    expected = feature_maps(tf.constant(tiny_model.guides[1:]), tiny_model.weights)
    # Half precision rounds by 2^-11, 5e-4; what is left is for the sums of 23 layers in another order (see `rounding`).
    for stored, computed in zip(found, expected, strict=True):
        assert stored.dtype == np.float16
        np.testing.assert_allclose(stored[1], computed[0], rtol=2e-3, atol=2e-3)
        assert np.abs(stored[1].astype(float) - stored[0]).mean() > 0.01


def test_the_model_has_all_71_variables_and_sees_no_category_that_was_not_drawn(tiny_model: Any) -> None:
    check_weights(tiny_model.weights)
    assert len(tiny_model.weights) == 71
    assert all(values.dtype == np.float32 for values in tiny_model.weights.values())
    unseen = np.setdiff1d(np.arange(NUM_CLASSES), model._LABELS)
    for feature_map, (_, classes) in zip(FEATURE_MAPS, heads(), strict=True):
        bias = tiny_model.weights[bias_name(classes.name)].reshape(feature_map.boxes_per_cell, NUM_CLASSES)
        assert (bias[:, unseen] == -8).all()
        assert (bias[:, 0] > 1).all()
