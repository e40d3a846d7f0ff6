"""Drawn scenes as the network's input."""

import numpy as np
import pytest
import tensorflow as tf

from ssd_core.demo import build, inputs, train
from ssd_core.demo.scenes import draw_scene
from ssd_core.images.preprocess import network_input


@pytest.mark.parametrize(("count", "sizes"), [(4, [4]), (6, [4, 2]), (1, [1])])
def test_calibration_images_are_prepared_scenes_in_batches(count: int, sizes: list[int]) -> None:
    batches = list(inputs.calibration_images(count))
    assert [batch.shape for batch in batches] == [(size, 300, 300, 3) for size in sizes]
    assert all(batch.dtype == np.float32 for batch in batches)
    for seed, image in enumerate(np.concatenate(batches), inputs._FIRST_SEED):
        np.testing.assert_array_equal(image, network_input(tf.constant(np.asarray(draw_scene(seed)[0]))).numpy())


def test_validation_calibration_and_training_share_no_scene() -> None:
    ranges = [
        (train._FIRST_TRAINING_SEED, train.TRAINING_SCENES),
        (train._FIRST_GUIDE_SEED, train.GUIDE_SCENES),
        (build._FIRST_VALIDATION_SEED, build.VALIDATION_SCENES),
        (inputs._FIRST_SEED, inputs.CALIBRATION_SCENES),
    ]
    seeds = [seed for first, count in ranges for seed in range(first, first + count)]
    assert len(set(seeds)) == len(seeds)
    assert build.VALIDATION_SCENES >= 100
