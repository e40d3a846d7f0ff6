"""Training of the demo model's backbone: seeded kernels; half of those in deeper layers are fitted to scenes.

A random network this deep loses information. Three measures keep it. Each channel is centred and scaled on a few scenes
when its layer is trained. Its bias is one deviation, so that ReLU clips little. From conv3 on, half the channels are
random mixtures of a probe: a ridge regression from the layer's input to the targets at that place, which are the
category, and the distances to the object's sides, each spread over overlapping bins. No gradient is computed. A layer
is trained on what the layers before it compute as they ship, in 8 bits.
"""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy.linalg import solve

from ssd_core.demo.learnt import Layer, Probe
from ssd_core.demo.sprites import KINDS
from ssd_core.demo.weights import whole_kernel
from ssd_core.graph.quantize import LEVELS, per_channel
from ssd_core.network.layers import (
    BACKBONE,
    FEATURE_MAPS,
    IMAGE_SIZE,
    Convolution,
    MaxPool,
)

Floats = npt.NDArray[np.float32]

_BIAS = 1.0  # in deviations of the channel
_FIRST_GUIDED = "conv3/conv3_1"
_SAMPLES = 6000
_RIDGE = 0.1
_BATCH = 8
_BINS = 6  # of a log distance; with them a linear map can fit it more closely: AP 0.39 -> 0.48 on 100 scenes
_BIN_RANGE = (0.3, 3.3)  # about 3 to 200 pixels of 300
_SIDES = 4


def train_backbone(
    images: Floats, targets: Floats, seed: int, progress: Callable[[Iterable[Convolution | MaxPool]], Iterable[object]]
) -> dict[str, Layer]:
    """The backbone's layers, from images [N, 300, 300, 3] and what their pixels show, [N, 300, 300, T].

    Targets are those of `targets_of`. `progress` wraps the layers, as tqdm does.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    layers: dict[str, Layer] = {}
    guided, current = False, images
    for layer in progress(BACKBONE):
        if isinstance(layer, MaxPool):
            current = _pool(current, layer)
        elif isinstance(layer, Convolution):
            guided = guided or layer.name == _FIRST_GUIDED
            probe = _probe(layer, current, targets, rng) if guided else None
            output = _convolve(current, whole_kernel(layer, probe), layer)
            mean, deviation = _moments(output)
            layers[layer.name] = trained = Layer(np.reciprocal(deviation), _BIAS - mean / deviation, probe=probe)
            output *= trained.scale
            output += trained.bias
            current = np.maximum(output, 0, out=output)
    return layers


def _moments(output: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation of each channel, image by image, so that a large sum loses no digits."""
    means = np.stack([image.mean((0, 1), dtype=np.float64) for image in output])
    squares = np.stack([np.square(image, dtype=np.float64).mean((0, 1)) for image in output])
    mean = means.mean(0)
    deviation = np.sqrt(np.maximum(squares.mean(0) - mean**2, 0))
    # A channel that never changes has deviation 0, and its scale would be infinite.
    return mean.astype(np.float32), np.maximum(deviation, 1e-6).astype(np.float32)


def targets_of(
    size: tuple[int, int], objects: Iterable[tuple[int, tuple[int, int, int, int], npt.NDArray[np.bool_]]]
) -> Floats:
    """What each of 300x300 pixels shows: [300, 300, 1 + kinds + 4], background, category, log distances to the sides.

    `size` is the image's width and height, `objects` (category's place among KINDS, box x, y, width, height, mask).
    """
    width, height = size
    target = np.zeros((IMAGE_SIZE, IMAGE_SIZE, 1 + len(KINDS) + _SIDES), np.float32)
    target[..., 0] = 1
    cells = (np.arange(IMAGE_SIZE) + 0.5) / IMAGE_SIZE
    rows, columns = ((cells * side).astype(int) for side in (height, width))
    down, across = np.meshgrid(cells, cells, indexing="ij")
    for kind, (x, y, box_width, box_height), mask in objects:
        seen = mask[np.ix_(rows, columns)]
        target[seen] = 0
        target[seen, 1 + kind] = 1
        top, left, bottom, right = y / height, x / width, (y + box_height) / height, (x + box_width) / width
        sides = np.stack([down - top, bottom - down, across - left, right - across], axis=-1)
        target[seen, -_SIDES:] = np.log1p(np.maximum(sides[seen], 0) * FEATURE_MAPS[0].size)
    return target


def _probe(layer: Convolution, inputs: Floats, targets: Floats, rng: np.random.Generator) -> Probe:
    """The ridge regression from patches of `inputs` to the targets, in 8 bits for each direction."""
    size = _convolve(inputs[:1], np.zeros((layer.kernel, layer.kernel, layer.channels_in, 1), np.float32), layer).shape[
        1
    ]
    middles = ((np.arange(size) + 0.5) * IMAGE_SIZE / size).astype(int)
    wanted = targets[:, middles][:, :, middles].reshape(-1, targets.shape[-1])
    chosen = np.concatenate(
        [rng.permutation(np.flatnonzero(wanted[:, 0] == value))[: _SAMPLES // 2] for value in (0, 1)]
    )
    patches = patches_at(inputs, layer, size, chosen)
    patches -= patches.mean(0)
    goal = _spread(wanted[chosen])
    goal = (goal - goal.mean(0)) / (goal.std(0) + 1e-3)
    samples, width = patches.shape
    penalty = _RIDGE * samples * float(patches.std()) ** 2 * width / 1000
    if width <= samples:
        gram = patches.T @ patches
        gram[np.diag_indices(width)] += penalty
        directions = solve(gram, patches.T @ goal, assume_a="pos")
    else:
        gram = patches @ patches.T
        gram[np.diag_indices(samples)] += penalty
        directions = patches.T @ solve(gram, goal, assume_a="pos")
    values, limits = per_channel(directions.reshape(layer.kernel, layer.kernel, layer.channels_in, -1))
    return Probe(values, np.rint(limits / limits.max() * LEVELS).astype(np.int8))


def _spread(wanted: Floats) -> Floats:
    """[P, 1 + kinds + 4] targets of pixels, with each log distance in bins as well, and where the middle lies."""
    distances = wanted[:, -_SIDES:]
    bins = np.linspace(*_BIN_RANGE, _BINS)
    near = np.exp(-(((distances[..., None] - bins) / (bins[1] - bins[0])) ** 2) / 2).reshape(len(wanted), -1)
    middle = distances[:, 1::2] - distances[:, ::2]
    return np.concatenate([wanted, near * (wanted[:, :1] == 0), middle], axis=1).astype(np.float32)


def patches_at(inputs: npt.NDArray[np.floating], layer: Convolution, size: int, places: npt.NDArray[np.intp]) -> Floats:
    """The patches that a convolution reads at `places`, which count over [N, size, size]: [places, k * k * in]."""
    before = 0
    if layer.padding == "SAME":
        reach = (size - 1) * layer.stride + (layer.kernel - 1) * layer.dilation + 1
        padding = max(reach - inputs.shape[1], 0)
        before = padding // 2
        inputs = np.pad(inputs, ((0, 0), (before, padding - before), (before, padding - before), (0, 0)))
    image, place = np.divmod(places, size * size)
    y, x = np.divmod(place, size)
    taps = [k * layer.dilation for k in range(layer.kernel)]
    seen = [inputs[image, y * layer.stride + a, x * layer.stride + b] for a in taps for b in taps]
    return np.concatenate(seen, axis=1).astype(np.float32)


def _convolve(inputs: Floats, kernel: Floats, layer: Convolution) -> Floats:
    """The plain convolution of a layer, a few images at a time."""
    parts = [
        tf.nn.conv2d(inputs[i : i + _BATCH], kernel, layer.stride, layer.padding, dilations=layer.dilation).numpy()
        for i in range(0, len(inputs), _BATCH)
    ]
    return np.concatenate(parts)


def _pool(inputs: Floats, layer: MaxPool) -> Floats:
    parts = [
        tf.nn.max_pool2d(inputs[i : i + _BATCH], layer.kernel, layer.stride, "SAME").numpy()
        for i in range(0, len(inputs), _BATCH)
    ]
    return np.concatenate(parts)
