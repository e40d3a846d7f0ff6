"""torchvision's `ssd300_vgg16` -> our weights, and how that network differs from the original's.

Source: torchvision `models/detection/ssd.py` and `anchor_utils.py`, weights `SSD300_VGG16_Weights.COCO_V1`. The layers
are the same. Kernels are out x in x height x width with red first; the input is centred on other means; strided
convolutions pad all four sides; default boxes have other scales and another order; boxes are coded x before y; and
classes are COCO's 91 ids, of which 80 have objects. Its images are resized with half-pixel centres and its scores are
shares of 91 classes: these two differences stay.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ssd_core.coco.categories import CATEGORIES
from ssd_core.errors import UserError
from ssd_core.files import reading
from ssd_core.images.preprocess import MEANS_RGB
from ssd_core.network.anchors import Floats
from ssd_core.network.layers import (
    BACKBONE,
    FEATURE_MAPS,
    IMAGE_SIZE,
    NUM_CLASSES,
    Convolution,
    Layer,
    Weights,
    bias_name,
    heads,
    kernel_name,
    scale_name,
    variable_shapes,
)
from ssd_core.network.variant import Variant

SUFFIXES = (".safetensors", ".pth", ".pt")

_NUM_IDS = 91  # 0 for background, and COCO's ids up to 90
_SCALES = (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05)  # of the six maps, and one beyond the last
_RATIOS = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))  # each also inverted
_MEANS = (0.48235, 0.45882, 0.40784)  # of red, green and blue in an image in 0..1
_VGG_MODULES = {
    "conv1": ("features.0", "features.2"),
    "conv2": ("features.5", "features.7"),
    "conv3": ("features.10", "features.12", "features.14"),
    "conv4": ("features.17", "features.19", "features.21"),
    "conv5": ("extra.0.1", "extra.0.3", "extra.0.5"),
}
_SCALE = "backbone.scale_weight"


def _layer(layer: Layer) -> Layer:
    """A strided convolution pads one zero on each side, where TensorFlow may pad one side only."""
    return replace(layer, padding=1) if isinstance(layer, Convolution) and layer.stride == 2 else layer


def default_centers() -> Floats:
    """torchvision's [8732, 4] default boxes as centre y, centre x, height, width; sizes end at 1."""
    centers = []
    for feature_map, scale, next_scale, ratios in zip(FEATURE_MAPS, _SCALES, _SCALES[1:], _RATIOS, strict=False):
        between = (scale * next_scale) ** 0.5
        sizes = [(scale, scale), (between, between)]  # height, width
        for ratio in ratios:
            short, long = scale / ratio**0.5, scale * ratio**0.5
            sizes += [(short, long), (long, short)]
        cells = (np.arange(feature_map.size) + 0.5) * feature_map.step_pixels / IMAGE_SIZE
        y, x, shape = np.meshgrid(cells, cells, np.arange(len(sizes)), indexing="ij")
        centers.append(np.stack([y, x, *np.moveaxis(np.minimum(sizes, 1)[shape], -1, 0)], axis=-1).reshape(-1, 4))
    return np.concatenate(centers).astype(np.float32)


TORCHVISION = Variant(
    backbone=tuple(_layer(layer) for layer in BACKBONE),
    centers=default_centers(),
    input_offset=tuple((np.array(MEANS_RGB) - 255 * np.array(_MEANS))[::-1].tolist()),
)


def read_state_dict(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a `.safetensors`, or of a `.pth` where torch is installed; UserError when it cannot be read."""
    with reading(f"The state dict {path}", "give torchvision's ssd300_vgg16 as .safetensors or .pth"):
        path.open("rb").close()
    return _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)


def _read_safetensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ModuleNotFoundError as error:
        raise UserError(f"To read {path} install the package safetensors (pip install safetensors).") from error
    try:
        tensors: dict[str, npt.NDArray[Any]] = load_file(path)
    except (SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"{path} is not a safetensors file of float arrays ({error}): download it again.") from error
    return tensors


def _read_torch(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        import torch
    except ModuleNotFoundError as error:
        raise UserError(f"To read {path} install torch, or save the state dict as .safetensors.") from error
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        state = state.get("model", state)  # as torchvision's training script saves it
        return {name: tensor.numpy() for name, tensor in state.items()}
    except Exception as error:  # torch.load raises whatever the pickle's reader meets
        raise UserError(f"{path} is not a state dict that torch can read ({error}): download it again.") from error


def torchvision_weights(state: Mapping[str, npt.NDArray[Any]], num_classes: int = NUM_CLASSES) -> Weights:
    """The network's variables from torchvision's state dict; for 81 classes without the ids that have no objects.

    UserError names a missing, extra or misshapen entry. Use with the variant `TORCHVISION`.
    """
    layers = _modules()
    if extra := sorted(set(state) - {_SCALE} - {f"{m}.{part}" for m in layers.values() for part in ("weight", "bias")}):
        raise UserError(f"The state dict holds {extra[0]}, which torchvision's ssd300_vgg16 does not have.")
    classes = _count_classes(state)
    if classes != num_classes and (classes, num_classes) != (_NUM_IDS, NUM_CLASSES):
        raise UserError(f"The state dict has {classes} classes, not {num_classes}: pass --num-classes {classes}.")
    shapes = variable_shapes(classes)
    weights = {scale_name(): _entry(state, _SCALE, shapes[scale_name()])}
    for layer, module in layers.items():
        *window, channels_in, channels_out = shapes[kernel_name(layer)]
        kernel = _entry(state, f"{module}.weight", (channels_out, channels_in, *window))
        bias = _entry(state, f"{module}.bias", (channels_out,))
        order = _channel_order(layer, channels_out, classes, num_classes)
        weights[kernel_name(layer)] = np.ascontiguousarray(kernel[order].transpose(2, 3, 1, 0))
        weights[bias_name(layer)] = bias[order]
    first = kernel_name("conv1/conv1_1")
    weights[first] = np.ascontiguousarray(weights[first][:, :, ::-1])  # blue first
    return weights


def _modules() -> dict[str, str]:
    """Our layers' names and the modules of the state dict that hold their weights."""
    modules = {f"{b}/{b}_{i}": f"backbone.{m}" for b, names in _VGG_MODULES.items() for i, m in enumerate(names, 1)}
    modules |= {"fc6": "backbone.extra.0.7.1", "fc7": "backbone.extra.0.7.3"}
    for place, name in enumerate(("conv8", "conv9", "conv10", "conv11"), 1):
        modules |= {f"additional_layers/{name}/{name}_{i + 1}": f"backbone.extra.{place}.{2 * i}" for i in range(2)}
    for i, (location, classes) in enumerate(heads()):
        modules[location.name] = f"head.regression_head.module_list.{i}"
        modules[classes.name] = f"head.classification_head.module_list.{i}"
    return modules


def _count_classes(state: Mapping[str, npt.NDArray[Any]]) -> int:
    name = "head.classification_head.module_list.0.bias"
    if name not in state:
        raise UserError(f"The state dict has no {name}: it is of another model than torchvision's ssd300_vgg16.")
    return int(state[name].size) // FEATURE_MAPS[0].boxes_per_cell


def _entry(state: Mapping[str, npt.NDArray[Any]], name: str, shape: tuple[int, ...]) -> Floats:
    if name not in state:
        raise UserError(f"The state dict has no {name}: it is of another model than torchvision's ssd300_vgg16.")
    if state[name].shape != shape:
        raise UserError(f"Entry {name} of the state dict has shape {state[name].shape} where ssd300_vgg16 has {shape}.")
    return state[name].astype(np.float32)


def _channel_order(layer: str, channels: int, classes: int, wanted: int) -> npt.NDArray[np.int64]:
    """Which output channels of a layer to take, in our order: y before x, and of 91 ids those of COCO's categories."""
    channel = np.arange(channels)
    if "/loc_" in layer:
        return channel.reshape(-1, 2, 2)[..., ::-1].ravel()
    if "/cls_" in layer and classes != wanted:
        return channel.reshape(-1, classes)[:, [0, *(number for number, _ in CATEGORIES)]].ravel()
    return channel
