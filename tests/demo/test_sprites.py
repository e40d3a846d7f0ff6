"""Sprites: one painter a COCO category, each drawn to size, whole, and cropped to what it covers."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ssd_core.coco.categories import NAME_OF_ID
from ssd_core.demo.sprites import KINDS, draw_sprite

NAMES = st.sampled_from(sorted(KINDS))
SIZES = st.integers(24, 380)  # what scenes of 300 to 640 pixels ask for
SEEDS = st.integers(0, 2**32 - 1)


def sprite(name: str, size: int, seed: int) -> np.ndarray:
    return draw_sprite(name, size, np.random.Generator(np.random.PCG64(seed)))


def test_there_are_ten_categories_or_more_and_all_are_cocos() -> None:
    assert len(KINDS) >= 10
    assert KINDS.keys() <= set(NAME_OF_ID.values())


@given(NAMES, SIZES, SEEDS)
@settings(max_examples=40)
def test_a_sprite_is_cropped_to_what_it_covers_and_about_as_large_as_asked(name: str, size: int, seed: int) -> None:
    pixels = sprite(name, size, seed)
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 4
    alpha = pixels[..., 3]
    assert ((alpha == 0) | (alpha >= 128)).all()
    for edge in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]):
        assert edge.any()
    height, width = alpha.shape
    assert 0.75 * size < (height * width) ** 0.5 < 1.3 * size
    assert (alpha > 0).mean() > 0.25


@given(NAMES, SIZES, SEEDS)
@settings(max_examples=10)
def test_a_sprite_is_a_function_of_its_seed(name: str, size: int, seed: int) -> None:
    np.testing.assert_array_equal(sprite(name, size, seed), sprite(name, size, seed))


def test_no_two_drawings_are_the_same() -> None:
    drawn = {sprite(name, 60, seed).tobytes() for name in KINDS for seed in range(5)}
    assert len(drawn) == 5 * len(KINDS)
