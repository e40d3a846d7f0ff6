import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ssd_core.images.preprocess import MEANS_RGB, network_input, preprocess
from tests.rounding import UNIT

REPOSITORY = Path(__file__).resolve().parents[2]
GOLDEN = REPOSITORY / "tests" / "golden"


def rounding(height: int, width: int) -> float:
    """How far the float32 of a resized, centred pixel may lie from the exact one, in grey levels.

    A sampling point is index * (length / 300) with two roundings, so it is off by up to 2 * UNIT * length, and each
    pixel that it moves changes the value by up to 255. Interpolating (five operations) and centring (one, and the mean
    itself) round values up to 255.
    """
    return 255 * (2 * (height + width) + 7) * UNIT


def bilinear(image: npt.NDArray[Any], size: int) -> npt.NDArray[np.float64]:
    """Written-out resize: output i looks at input i * (in / out), between that pixel and the next."""

    def axis(length: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        at = np.arange(size) * (length / size)
        low = np.floor(at).astype(np.int64)
        return low, np.minimum(low + 1, length - 1), at - low

    top, bottom, down = axis(image.shape[0])
    left, right, across = axis(image.shape[1])
    pixels = image.astype(np.float64)
    rows = pixels[top] * (1 - down)[:, None, None] + pixels[bottom] * down[:, None, None]
    return rows[:, left] * (1 - across)[:, None] + rows[:, right] * across[:, None]


@given(height=st.integers(1, 700), width=st.integers(1, 700), seed=st.integers(0, 9))
def test_resized_bgr_and_centred(height: int, width: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    prepared = network_input(tf.constant(image)).numpy()
    assert prepared.shape == (300, 300, 3)
    assert prepared.dtype == np.float32
    expected = (bilinear(image, 300) - MEANS_RGB)[..., ::-1]
    np.testing.assert_allclose(prepared, expected, atol=rounding(height, width), rtol=0)


def test_agrees_with_the_original(golden: Mapping[str, npt.NDArray[np.float32]]) -> None:
    expected = golden["preprocessed_0"]
    # Another decoder would be off by a grey level; two float32 programs by twice what one is.
    np.testing.assert_allclose(
        preprocess((GOLDEN / "image.jpg").read_bytes()).numpy(), expected, atol=2 * rounding(333, 427), rtol=0
    )


def test_values_lie_where_dummy_tensors_do() -> None:
    black, white = (network_input(tf.fill([10, 20, 3], tf.constant(v, tf.uint8))).numpy() for v in (0, 255))
    means = np.array(MEANS_RGB[::-1], np.float32)
    np.testing.assert_array_equal(black, np.broadcast_to(-means, black.shape))
    np.testing.assert_array_equal(white, np.broadcast_to(255 - means, white.shape))
    assert (black.min(), white.max()) == pytest.approx((-123.68, 151.06))


@pytest.mark.parametrize("name", ["00.jpg", "09.jpg", "10.jpg"])
def test_rgb_greyscale_and_cmyk_files(jpeg_folder: Path, name: str) -> None:
    with Image.open(jpeg_folder / name) as picture:
        rgb = np.asarray(picture.convert("RGB"))
    prepared = preprocess((jpeg_folder / name).read_bytes()).numpy()
    difference = prepared - (bilinear(rgb, 300) - MEANS_RGB)[..., ::-1]
    # Of each plane the fast DCT is off by up to 5 levels (see `preprocess`), and blue is Y + 1.772 Cb.
    assert np.abs(difference).max() <= 5 * (1 + 1.772)


def test_the_means_and_the_shards_need_no_tensorflow() -> None:
    check = "import sys, ssd_core.images.preprocess, ssd_core.images.shards; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, cwd=REPOSITORY)
