"""The network as a TensorFlow graph: images in, raw predictions out. Nodes carry the original program's names."""

from typing import Any

import numpy as np
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.network.layers import (
    FEATURE_MAPS,
    MODEL_SCOPE,
    NORMALIZATION_EPSILON,
    NORMALIZED_LAYER,
    NUM_CLASSES,
    Convolution,
    MaxPool,
    Weights,
    bias_name,
    heads,
    kernel_name,
    scale_name,
    variable_shapes,
)
from ssd_core.network.variant import ORIGINAL, Variant

Tensor = Any  # TensorFlow ships no types


def check_weights(weights: Weights, num_classes: int = NUM_CLASSES, scope: str = MODEL_SCOPE) -> None:
    """Raise UserError that names the first variable which is missing, misshapen or not finite."""
    for name, shape in variable_shapes(num_classes, scope).items():
        if name not in weights:
            raise UserError(f"The weights have no variable {name}: they are of another network, or of another scope.")
        if weights[name].shape != shape:
            raise UserError(f"Variable {name} has shape {weights[name].shape} where SSD300-VGG16 has {shape}.")
        if not np.isfinite(weights[name]).all():
            raise UserError(f"Variable {name} holds values that are not finite: the weights are damaged.")


def predictions(
    images: Tensor,
    weights: Weights,
    num_classes: int = NUM_CLASSES,
    scope: str = MODEL_SCOPE,
    variant: Variant = ORIGINAL,
    logits_name: str = "logits",
) -> tuple[Tensor, Tensor]:
    """Raw predictions for images [N, 300, 300, 3]: locations [N, 8732, 4] and class logits [N, 8732, num_classes]."""
    locations: list[Tensor] = []
    logits: list[Tensor] = []
    outputs = head_outputs(images, weights, num_classes, scope, variant)
    for pair, layers in zip(outputs, heads(num_classes), strict=True):
        for output, head, width, collected in zip(pair, layers, (4, num_classes), (locations, logits), strict=True):
            boxes = output.shape[1] * output.shape[2] * output.shape[3] // width
            collected.append(tf.reshape(output, [-1, boxes, width], name=f"{scope}/{head.name}/boxes"))
    return tf.concat(locations, axis=1, name="locations"), tf.concat(logits, axis=1, name=logits_name)


def head_outputs(
    images: Tensor,
    weights: Weights,
    num_classes: int = NUM_CLASSES,
    scope: str = MODEL_SCOPE,
    variant: Variant = ORIGINAL,
) -> list[tuple[Tensor, Tensor]]:
    """The outputs of the two heads of each map: [N, size, size, boxes a cell * 4], and * num_classes for the logits."""
    maps = feature_maps(images, weights, scope, variant)
    return [
        (
            _convolution(feature_map, location_head, weights, scope),
            _convolution(feature_map, class_head, weights, scope),
        )
        for feature_map, (location_head, class_head) in zip(maps, heads(num_classes), strict=True)
    ]


def feature_maps(
    images: Tensor, weights: Weights, scope: str = MODEL_SCOPE, variant: Variant = ORIGINAL
) -> list[Tensor]:
    """The six maps that the heads read, [N, size, size, channels] each; conv4_3's is normalised and scaled."""
    sources = {m.source for m in FEATURE_MAPS}
    maps: dict[str, Tensor] = {}
    current = images
    if any(variant.input_offset):
        current = tf.add(images, tf.constant(variant.input_offset, tf.float32), name=f"{scope}/centred")
    for layer in variant.backbone:
        if isinstance(layer, MaxPool):
            current = max_pool(current, layer, scope)
        else:
            current = _convolution(current, layer, weights, scope)
        if layer.name in sources:
            maps[layer.name] = current
    maps[NORMALIZED_LAYER] = _normalize(maps[NORMALIZED_LAYER], weights[scale_name(scope)], scope)
    return [maps[m.source] for m in FEATURE_MAPS]


def convolution(images: Tensor, layer: Convolution, kernel: Tensor, bias: Tensor, scope: str = MODEL_SCOPE) -> Tensor:
    """One layer of the table: convolution, bias and, except in a head, ReLU."""
    name = f"{scope}/{layer.name}"
    padding = layer.padding
    sides = [[0, 0], [padding, padding], [padding, padding], [0, 0]] if isinstance(padding, int) else padding
    output = tf.nn.conv2d(
        images, kernel, strides=layer.stride, padding=sides, dilations=layer.dilation, name=f"{name}/Conv2D"
    )
    output = tf.nn.bias_add(output, bias, name=f"{name}/BiasAdd")
    return tf.nn.relu(output, name=f"{name}/Relu") if layer.relu else output


def max_pool(images: Tensor, layer: MaxPool, scope: str = MODEL_SCOPE) -> Tensor:
    """A max pooling of the table."""
    return tf.nn.max_pool2d(images, layer.kernel, layer.stride, "SAME", name=f"{scope}/{layer.name}/MaxPool")


def _convolution(images: Tensor, layer: Convolution, weights: Weights, scope: str) -> Tensor:
    kernel, bias = (
        tf.constant(weights[name], tf.float32, name=name)
        for name in (kernel_name(layer.name, scope), bias_name(layer.name, scope))
    )
    return convolution(images, layer, kernel, bias, scope)


def _normalize(feature_map: Tensor, scale: Tensor, scope: str) -> Tensor:
    """Divide each position by its norm over the channels (ParseNet, arXiv:1506.04579) and scale each channel."""
    name = f"{scope}/conv4_3_scale"
    square_sum = tf.reduce_sum(tf.square(feature_map), axis=-1, keepdims=True, name=f"{name}/norm/Sum")
    inverse = tf.math.rsqrt(tf.maximum(square_sum, NORMALIZATION_EPSILON), name=f"{name}/norm/Rsqrt")
    unit = tf.multiply(feature_map, inverse, name=f"{name}/norm")
    return tf.multiply(unit, tf.constant(scale, tf.float32, name=f"{name}/weights"), name=f"{name}/rescale")
