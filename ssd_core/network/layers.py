"""SSD300-VGG16 as one table: every layer, in the order of the data.

Source: Liu et al., "SSD: Single Shot MultiBox Detector" (arXiv:1512.02325), in the form of SSD.TensorFlow
(commit 2d8b0cb9), whose variable names are kept so that its checkpoints load by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

IMAGE_SIZE = 300
NUM_CLASSES = 81  # 80 COCO categories, and 0 for background
MODEL_SCOPE = "ssd300"

Padding = Literal["SAME", "VALID"] | int
"""As TensorFlow pads, or how many zeros on each of the four sides."""
Weights = Mapping[str, npt.NDArray[np.float32]]
"""Variable name -> array; kernels are height x width x in x out."""


@dataclass(frozen=True)
class Convolution:
    """A convolution with bias, followed by ReLU unless it is a head."""

    name: str
    kernel: int
    channels_in: int
    channels_out: int
    stride: int = 1
    dilation: int = 1
    padding: Padding = "SAME"
    relu: bool = True


@dataclass(frozen=True)
class MaxPool:
    """A max pooling with SAME padding."""

    name: str
    kernel: int
    stride: int


@dataclass(frozen=True)
class FeatureMap:
    """A map that the heads read: `source` is the layer it comes from, `size` its height and width."""

    source: str
    size: int
    channels: int
    boxes_per_cell: int
    step_pixels: int
    scale: float
    extra_scale: float
    aspect_ratios: tuple[float, ...]


def _block(name: str, count: int, channels_in: int, channels_out: int) -> tuple[Convolution, ...]:
    return tuple(
        Convolution(f"{name}/{name}_{i}", 3, channels_in if i == 1 else channels_out, channels_out)
        for i in range(1, count + 1)
    )


def _extra(name: str, channels_in: int, width: int, stride: int, padding: Padding) -> tuple[Convolution, ...]:
    scope = f"additional_layers/{name}/{name}"
    return (
        Convolution(f"{scope}_1", 1, channels_in, width, padding=padding),
        Convolution(f"{scope}_2", 3, width, width * 2, stride=stride, padding=padding),
    )


Layer = Convolution | MaxPool

BACKBONE: tuple[Layer, ...] = (
    *_block("conv1", 2, 3, 64),  # 300 x 300
    MaxPool("pool1", 2, 2),
    *_block("conv2", 2, 64, 128),  # 150 x 150
    MaxPool("pool2", 2, 2),
    *_block("conv3", 3, 128, 256),  # 75 x 75
    MaxPool("pool3", 2, 2),
    *_block("conv4", 3, 256, 512),  # 38 x 38
    MaxPool("pool4", 2, 2),
    *_block("conv5", 3, 512, 512),  # 19 x 19
    MaxPool("pool5", 3, 1),
    Convolution("fc6", 3, 512, 1024, dilation=6),
    Convolution("fc7", 1, 1024, 1024),
    *_extra("conv8", 1024, 256, 2, "SAME"),  # 10 x 10
    *_extra("conv9", 512, 128, 2, "SAME"),  # 5 x 5
    *_extra("conv10", 256, 128, 1, "VALID"),  # 3 x 3
    *_extra("conv11", 256, 128, 1, "VALID"),  # 1 x 1
)

NORMALIZED_LAYER = "conv4/conv4_3"
"""Its output is L2-normalised over channels and scaled by a learned vector before the heads read it."""
NORMALIZATION_SCALE = "conv4_3_scale/weights"
NORMALIZATION_EPSILON = 1e-10

FEATURE_MAPS: tuple[FeatureMap, ...] = (
    FeatureMap(NORMALIZED_LAYER, 38, 512, 4, 8, 0.1, 0.1414, (1.0, 2.0, 0.5)),
    FeatureMap("fc7", 19, 1024, 6, 16, 0.2, 0.2739, (1.0, 2.0, 3.0, 0.5, 0.3333)),
    FeatureMap("additional_layers/conv8/conv8_2", 10, 512, 6, 32, 0.375, 0.4541, (1.0, 2.0, 3.0, 0.5, 0.3333)),
    FeatureMap("additional_layers/conv9/conv9_2", 5, 256, 6, 64, 0.55, 0.6315, (1.0, 2.0, 3.0, 0.5, 0.3333)),
    FeatureMap("additional_layers/conv10/conv10_2", 3, 256, 4, 100, 0.725, 0.8078, (1.0, 2.0, 0.5)),
    FeatureMap("additional_layers/conv11/conv11_2", 1, 256, 4, 300, 0.9, 0.9836, (1.0, 2.0, 0.5)),
)
NUM_BOXES = sum(m.size * m.size * m.boxes_per_cell for m in FEATURE_MAPS)  # 8,732

CONVOLUTIONS: tuple[Convolution, ...] = tuple(layer for layer in BACKBONE if isinstance(layer, Convolution))


def heads(num_classes: int = NUM_CLASSES) -> tuple[tuple[Convolution, Convolution], ...]:
    """The location and class head of each feature map: 4 and `num_classes` channels a default box."""
    return tuple(
        (
            Convolution(f"multibox_head/loc_{i}", 3, m.channels, m.boxes_per_cell * 4, relu=False),
            Convolution(f"multibox_head/cls_{i}", 3, m.channels, m.boxes_per_cell * num_classes, relu=False),
        )
        for i, m in enumerate(FEATURE_MAPS)
    )


def multiply_adds(num_classes: int = NUM_CLASSES) -> int:
    """Multiplications of the network's convolutions on one image, borders included: 34.4 G with 81 classes."""
    size, total = IMAGE_SIZE, 0
    for layer in BACKBONE:
        if isinstance(layer, MaxPool):
            size = -(-size // layer.stride)
        else:
            size = _output_size(layer, size)
            total += _multiply_adds(layer, size)
    for feature_map, pair in zip(FEATURE_MAPS, heads(num_classes), strict=True):
        total += sum(_multiply_adds(head, feature_map.size) for head in pair)
    return total


def _output_size(layer: Convolution, size: int) -> int:
    valid = layer.kernel - 1 if layer.padding == "VALID" else 0
    return -(-(size - valid) // layer.stride)


def _multiply_adds(layer: Convolution, size: int) -> int:
    return size * size * layer.kernel**2 * layer.channels_in * layer.channels_out


def kernel_name(layer: str, scope: str = MODEL_SCOPE) -> str:
    """The variable that holds a convolution's kernel."""
    return f"{scope}/{layer}/kernel"


def bias_name(layer: str, scope: str = MODEL_SCOPE) -> str:
    """The variable that holds a convolution's bias."""
    return f"{scope}/{layer}/bias"


def scale_name(scope: str = MODEL_SCOPE) -> str:
    """The variable that scales the normalised conv4_3."""
    return f"{scope}/{NORMALIZATION_SCALE}"


def variable_shapes(num_classes: int = NUM_CLASSES, scope: str = MODEL_SCOPE) -> dict[str, tuple[int, ...]]:
    """Name and shape of each of the network's 71 variables."""
    shapes: dict[str, tuple[int, ...]] = {scale_name(scope): (FEATURE_MAPS[0].channels,)}
    for layer in (*CONVOLUTIONS, *(head for pair in heads(num_classes) for head in pair)):
        shapes[kernel_name(layer.name, scope)] = (layer.kernel, layer.kernel, layer.channels_in, layer.channels_out)
        shapes[bias_name(layer.name, scope)] = (layer.channels_out,)
    return shapes
