"""The layer table adds up to SSD300-VGG16."""

import math

import numpy as np
import pytest
import tensorflow as tf

from ssd_core.network import build
from ssd_core.network.layers import (
    BACKBONE,
    CONVOLUTIONS,
    FEATURE_MAPS,
    IMAGE_SIZE,
    NUM_BOXES,
    Convolution,
    MaxPool,
    heads,
    multiply_adds,
    variable_shapes,
)


def output_size(size: int, layer: Convolution | MaxPool) -> int:
    if isinstance(layer, Convolution) and layer.padding == "VALID":
        return (size - (layer.kernel - 1) * layer.dilation - 1) // layer.stride + 1
    return -(-size // layer.stride)  # SAME: rounded up


def test_the_maps_have_the_sizes_and_channels_that_the_layers_give() -> None:
    size, channels = IMAGE_SIZE, 3
    found = {}
    for layer in BACKBONE:
        size = output_size(size, layer)
        if isinstance(layer, Convolution):
            assert layer.channels_in == channels, layer.name
            channels = layer.channels_out
        found[layer.name] = (size, channels)
    assert {m.source: (m.size, m.channels) for m in FEATURE_MAPS}.items() <= found.items()
    assert [m.size for m in FEATURE_MAPS] == [38, 19, 10, 5, 3, 1]


def test_there_are_8732_default_boxes() -> None:
    assert NUM_BOXES == 8732
    assert [m.boxes_per_cell for m in FEATURE_MAPS] == [4, 6, 6, 6, 4, 4]
    assert all(len(m.aspect_ratios) + 1 == m.boxes_per_cell for m in FEATURE_MAPS)


def test_the_original_has_71_variables() -> None:
    shapes = variable_shapes()
    assert len(shapes) == 71
    assert len(CONVOLUTIONS) == 23
    assert shapes["ssd300/conv1/conv1_1/kernel"] == (3, 3, 3, 64)
    assert shapes["ssd300/fc6/kernel"] == (3, 3, 512, 1024)
    assert shapes["ssd300/additional_layers/conv8/conv8_2/kernel"] == (3, 3, 256, 512)
    assert shapes["ssd300/conv4_3_scale/weights"] == (512,)
    assert shapes["ssd300/multibox_head/cls_1/bias"] == (6 * 81,)


def test_scope_and_number_of_classes_are_free() -> None:
    shapes = variable_shapes(num_classes=21, scope="mine")
    assert all(name.startswith("mine/") for name in shapes)
    assert shapes["mine/multibox_head/cls_0/kernel"] == (3, 3, 512, 4 * 21)


@pytest.mark.parametrize("num_classes", [2, 81])
def test_heads_give_each_default_box_its_channels(num_classes: int) -> None:
    for feature_map, (location, classes) in zip(FEATURE_MAPS, heads(num_classes), strict=True):
        assert location.channels_out == 4 * feature_map.boxes_per_cell
        assert classes.channels_out == num_classes * feature_map.boxes_per_cell
        assert not any(head.relu for head in (location, classes))


def test_multiplications_are_counted_layer_by_layer() -> None:
    size, total = IMAGE_SIZE, 0
    for layer in BACKBONE:
        size = output_size(size, layer)
        if isinstance(layer, Convolution):
            total += size**2 * layer.kernel**2 * layer.channels_in * layer.channels_out
    for feature_map in FEATURE_MAPS:
        total += feature_map.size**2 * 9 * feature_map.channels * feature_map.boxes_per_cell * (4 + 81)
    assert multiply_adds() == total == 34_360_351_232


@pytest.mark.parametrize("num_classes", [2, 81])
def test_multiplications_are_those_of_the_graph_that_is_built(num_classes: int) -> None:
    graph = tf.Graph()
    with graph.as_default():
        weights = {name: np.zeros(shape, np.float32) for name, shape in variable_shapes(num_classes).items()}
        build.predictions(tf.compat.v1.placeholder(tf.float32, [1, 300, 300, 3]), weights, num_classes)
    convolutions = [operation for operation in graph.get_operations() if operation.type == "Conv2D"]
    assert len(convolutions) == 35
    # Each number that a convolution gives takes as many multiplications as its kernel has numbers for a channel.
    counts = [
        math.prod(operation.outputs[0].shape) * math.prod(operation.inputs[1].shape[:3]) for operation in convolutions
    ]
    assert multiply_adds(num_classes) == sum(counts)
