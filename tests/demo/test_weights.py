"""Weights from what ships and from seeds: whole numbers times scales, classes at their labels, nothing drawn twice."""

from typing import Any

import numpy as np
import pytest

from ssd_core.coco.categories import ID_OF_LABEL, NAME_OF_ID
from ssd_core.demo import weights
from ssd_core.demo.learnt import Layer, Probe
from ssd_core.demo.sprites import KINDS
from ssd_core.network.build import check_weights
from ssd_core.network.layers import CONVOLUTIONS, FEATURE_MAPS, NUM_CLASSES, Convolution, bias_name, heads, kernel_name

LEARNT = 1 + len(KINDS)
BY_NAME = {layer.name: layer for layer in CONVOLUTIONS}


def test_each_learnt_class_stands_at_the_label_of_its_category() -> None:
    assert weights.LABELS[0] == 0
    assert [NAME_OF_ID[ID_OF_LABEL[label]] for label in weights.LABELS[1:].tolist()] == list(KINDS)


@pytest.mark.parametrize("boxes", sorted({m.boxes_per_cell for m in FEATURE_MAPS}))
def test_learnt_classes_go_to_their_labels_and_the_others_are_never_seen(boxes: int) -> None:
    random = np.random.default_rng(boxes)
    channels = boxes * LEARNT
    scale, bias = random.uniform(0.1, 1, channels).astype(np.float32), random.normal(size=channels).astype(np.float32)
    head = Layer(scale, bias, kernel=random.integers(-127, 128, (3, 3, 2, channels)).astype(np.int8))
    wide = weights.head_weights("any", weights.of_all_classes(head))
    kernel, biases = wide[kernel_name("any")], wide[bias_name("any")]
    assert kernel.shape == (3, 3, 2, boxes * NUM_CLASSES)
    assert biases.shape == (boxes * NUM_CLASSES,)
    assert head.kernel is not None
    place = {int(label): learnt for learnt, label in enumerate(weights.LABELS)}
    for box in range(boxes):
        for label in range(NUM_CLASSES):
            at = box * NUM_CLASSES + label
            if label in place:
                own = box * LEARNT + place[label]
                np.testing.assert_array_equal(kernel[..., at], head.kernel[..., own] * scale[own])
                assert biases[at] == bias[own]
            else:
                assert not kernel[..., at].any()
                assert biases[at] == -8


def test_seeded_kernels_are_whole_weighted_to_the_centre_and_unlike() -> None:
    first, second = (weights.whole_kernel(BY_NAME[f"conv1/conv1_{i}"], None) for i in (1, 2))
    for kernel in (first, second):
        assert kernel.dtype == np.float32
        np.testing.assert_array_equal(kernel, np.rint(kernel))
        assert not (kernel[1, 1] % 4).any()
        assert not (kernel[0, 1] % 2).any()
        assert 128 < np.abs(kernel[1, 1]).max() <= 512
        assert np.abs(kernel[0, 0]).max() <= 128
    assert not np.array_equal(first[..., 0], second[:, :, :3, 0])


def test_the_second_half_are_mixtures_of_the_probe_in_exact_sums() -> None:
    layer = BY_NAME["fc7"]
    random = np.random.default_rng(1)
    values = random.integers(-127, 128, (1, 1, layer.channels_in, 6)).astype(np.int8)
    probe = Probe(values, np.array([127, 90, 40, 7, 1, 0], np.int8))
    kernel = weights.whole_kernel(layer, probe)
    half = layer.channels_out // 2
    assert kernel.shape == (1, 1, layer.channels_in, layer.channels_out)
    np.testing.assert_array_equal(kernel[..., :half], weights.whole_kernel(layer, probe)[..., :half])
    mixed = kernel[0, 0, :, half:].astype(np.float64)
    # The mixtures are combinations of five directions: the sixth has no weight. float32 rounds each to 24 bits.
    assert np.linalg.matrix_rank(mixed, tol=np.abs(mixed).max() * 1e-4) == 5
    directions = values.reshape(-1, 6)[:, :5].astype(np.float64)
    solved = np.linalg.lstsq(directions, mixed, rcond=None)[0] / probe.weights[:5, None]
    np.testing.assert_allclose(solved, np.rint(solved), atol=0.05)
    assert np.abs(np.rint(solved)).max() <= 128


def test_no_layer_shares_its_seed() -> None:
    assert len(set(weights._SEEDS.values())) == len(CONVOLUTIONS)


def test_the_model_has_all_71_variables_and_sees_no_category_that_was_not_drawn(tiny_model: Any) -> None:
    variables = weights.weights_of(tiny_model.learnt)
    check_weights(variables)
    assert len(variables) == 71
    assert all(values.dtype == np.float32 for values in variables.values())
    unseen = np.setdiff1d(np.arange(NUM_CLASSES), weights.LABELS)
    for feature_map, (_, classes) in zip(FEATURE_MAPS, heads(), strict=True):
        bias = variables[bias_name(classes.name)].reshape(feature_map.boxes_per_cell, NUM_CLASSES)
        assert (bias[:, unseen] == -8).all()
        assert (bias[:, 0] > 1).all()


def test_a_layer_without_a_probe_is_all_seeded() -> None:
    layer = Convolution(CONVOLUTIONS[0].name, 3, 3, 64)
    learnt = Layer(np.full(64, 0.5, np.float32), np.zeros(64, np.float32))
    made = weights.backbone_weights(layer, learnt)
    np.testing.assert_array_equal(made[kernel_name(layer.name)], weights.whole_kernel(layer, None) * np.float32(0.5))
