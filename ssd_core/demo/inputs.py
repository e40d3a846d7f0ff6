"""Drawn scenes as the network's input."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

from ssd_core.demo.scenes import draw_scene
from ssd_core.images.preprocess import network_input

Floats = npt.NDArray[np.float32]

CALIBRATION_SCENES = 32
_FIRST_SEED = 2_000_000  # of the scenes for calibration, far from those of training and validation
_BATCH = 4


def prepared(images: Sequence[npt.NDArray[np.uint8]]) -> Floats:
    """The network's input [N, 300, 300, 3] for RGB images of any size."""
    return np.stack([network_input(tf.constant(image)).numpy() for image in images])


def calibration_images(count: int = CALIBRATION_SCENES) -> Iterator[Floats]:
    """Batches of prepared scenes for calibration, drawn like the test scenes but with other seeds."""
    for start in tqdm(range(0, count, _BATCH), "calibration", unit=" batches"):
        seeds = range(_FIRST_SEED + start, _FIRST_SEED + min(start + _BATCH, count))
        yield prepared([np.asarray(draw_scene(seed)[0]) for seed in seeds])
