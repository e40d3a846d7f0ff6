"""Sprites: one painter a COCO category, each drawn to size, whole, and cropped to what it covers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.coco.categories import NAME_OF_ID
from ssd_core.demo.draws import Draws
from ssd_core.demo.sprites import KINDS, draw_sprite
from tests.examples import examples

NAMES = st.sampled_from(sorted(KINDS))
SIZES = st.integers(24, 380)  # what scenes of 300 to 640 pixels ask for
SEEDS = st.integers(0, 2**32 - 1)


def sprite(name: str, size: int, seed: int) -> np.ndarray:
    return draw_sprite(name, size, Draws(seed))


def largest(name: str, size: int) -> float:
    """The pixels of a canvas of size^2 pixels when it is turned as far as its kind is, and a pixel on each side.

    A rectangle of ratio r turned by t fills an upright one that is 1 + sin(2 t) / 2 (r + 1 / r) times as large.
    """
    kind = KINDS[name]
    turn, ratio = math.radians(min(kind.turn, 45)), max(kind.aspect, key=lambda aspect: aspect + 1 / aspect)
    sides = math.sqrt(2) * size * (math.sqrt(ratio) + 1 / math.sqrt(ratio))
    return size**2 * (1 + math.sin(2 * turn) / 2 * (ratio + 1 / ratio)) + 2 * sides + 4


def test_there_are_ten_categories_or_more_and_all_are_cocos() -> None:
    assert len(KINDS) >= 10
    assert KINDS.keys() <= set(NAME_OF_ID.values())


@given(NAMES, SIZES, SEEDS)
@examples(40)
def test_a_sprite_is_cropped_to_what_it_covers_and_no_larger_than_asked(name: str, size: int, seed: int) -> None:
    pixels = sprite(name, size, seed)
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 4
    alpha = pixels[..., 3]
    assert ((alpha == 0) | (alpha >= 128)).all()
    for edge in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]):
        assert edge.any()
    assert alpha.size <= largest(name, size)


@pytest.mark.parametrize("size", [24, 380])
@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_sprite_fills_what_was_asked_for(name: str, size: int) -> None:
    for seed in range(10):
        alpha = sprite(name, size, seed)[..., 3]
        assert alpha.size > (0.75 * size) ** 2
        assert (alpha > 0).mean() > 0.25


@given(NAMES, SIZES, SEEDS)
@examples(10)
def test_a_sprite_is_a_function_of_its_seed(name: str, size: int, seed: int) -> None:
    np.testing.assert_array_equal(sprite(name, size, seed), sprite(name, size, seed))


def test_no_two_drawings_are_the_same() -> None:
    drawn = {sprite(name, 60, seed).tobytes() for name in KINDS for seed in range(5)}
    assert len(drawn) == 5 * len(KINDS)
