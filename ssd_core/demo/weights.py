"""The demo model's weights, from what ships and from seeds: the same bits on every machine.

A kernel is whole numbers times a scale for each channel. All sums are of whole numbers and stay below 2^53, so they are
exact in any order; the one product with a scale is rounded as IEEE 754 says.
"""

import numpy as np
import numpy.typing as npt

from ssd_core.coco.categories import CATEGORIES, LABEL_OF_ID
from ssd_core.demo.draws import Draws
from ssd_core.demo.learnt import Layer, Learnt, Probe
from ssd_core.demo.sprites import KINDS
from ssd_core.network.layers import (
    CONVOLUTIONS,
    FEATURE_MAPS,
    NUM_CLASSES,
    Convolution,
    bias_name,
    heads,
    kernel_name,
    scale_name,
)

Floats = npt.NDArray[np.float32]

NORMALIZED_SCALE = 20.0  # of the normalised conv4_3, as the original begins with
UNSEEN_BIAS = -8.0  # logit of a category that no scene shows
GUIDED_SHARE = 0.5
ID_OF_NAME = {name: number for number, name in CATEGORIES}
LABELS = np.array([0, *(LABEL_OF_ID[ID_OF_NAME[name]] for name in KINDS)])
"""The label in 0..80 of each learnt class, background first."""
_TAPER = (1, 2, 1)  # of seeded 3x3 kernels: the centre matters more than its surroundings
_SEEDS = {layer.name: 20_000 + place for place, layer in enumerate(CONVOLUTIONS)}


def weights_of(learnt: Learnt) -> dict[str, Floats]:
    """All 71 variables by name."""
    weights: dict[str, Floats] = {scale_name(): np.full(FEATURE_MAPS[0].channels, NORMALIZED_SCALE, np.float32)}
    for layer in CONVOLUTIONS:
        weights |= backbone_weights(layer, learnt.layers[layer.name])
    for pair in heads():
        location, classes = (learnt.layers[head.name] for head in pair)
        weights |= head_weights(pair[0].name, location) | head_weights(pair[1].name, of_all_classes(classes))
    return weights


def backbone_weights(layer: Convolution, learnt: Layer) -> dict[str, Floats]:
    """The kernel and the bias of a backbone's layer."""
    kernel = whole_kernel(layer, learnt.probe) * learnt.scale
    return {kernel_name(layer.name): kernel, bias_name(layer.name): learnt.bias}


def whole_kernel(layer: Convolution, probe: Probe | None) -> Floats:
    """The kernel [k, k, in, out] of a backbone's layer in whole numbers, before its channels are scaled.

    Channels are drawn from the layer's seed. With a probe, the second half are seeded mixtures of its directions.
    """
    draws = Draws(_SEEDS[layer.name])
    guided = 0 if probe is None else int(GUIDED_SHARE * layer.channels_out)
    shape = (layer.kernel, layer.kernel, layer.channels_in)
    kernel = draws.int8(*shape, layer.channels_out - guided).astype(np.float32)
    if layer.kernel == len(_TAPER):
        kernel *= np.outer(_TAPER, _TAPER).astype(np.float32)[:, :, None, None]
    if probe is None:
        return kernel
    mixture = draws.int8(len(probe.weights), guided).astype(np.float64) * probe.weights[:, None]
    mixed = probe.values.reshape(-1, len(probe.weights)).astype(np.float64) @ mixture
    return np.concatenate([kernel, mixed.astype(np.float32).reshape(*shape, guided)], axis=-1)


def head_weights(name: str, learnt: Layer) -> dict[str, Floats]:
    """The kernel and the bias of a head."""
    assert learnt.kernel is not None
    return {kernel_name(name): learnt.kernel.astype(np.float32) * learnt.scale, bias_name(name): learnt.bias}


def of_all_classes(classes: Layer) -> Layer:
    """A class head with the 81 classes in place of the learnt ones; those that no scene shows never score."""
    assert classes.kernel is not None

    def widened(values: npt.NDArray[np.generic], fill: float) -> npt.NDArray[np.generic]:
        learnt = values.reshape(*values.shape[:-1], -1, len(LABELS))
        wide = np.full((*learnt.shape[:-1], NUM_CLASSES), fill, values.dtype)
        wide[..., LABELS] = learnt
        return wide.reshape(*values.shape[:-1], -1)

    return Layer(
        widened(classes.scale, 1.0).astype(np.float32),
        widened(classes.bias, UNSEEN_BIAS).astype(np.float32),
        widened(classes.kernel, 0).astype(np.int8),
    )
