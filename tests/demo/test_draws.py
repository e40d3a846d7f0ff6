"""Random numbers that are the same everywhere: known values, their ranges, and their spread."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.demo.draws import Draws, direction, pixel
from tests.examples import examples

SEEDS = st.integers(0, 2**32 - 1)


def test_the_numbers_of_a_seed_are_known() -> None:
    draws = Draws(20)
    assert [draws.integer(0, 1000) for _ in range(4)] == [754, 78, 465, 647]
    assert draws.uniform() == 0.4091684087742049
    assert draws.order(5) == [0, 1, 4, 3, 2]
    assert draws.int8(5).tolist() == [7, 91, -7, -116, -104]


@given(SEEDS, st.integers(-50, 50), st.integers(1, 300))
@examples(40)
def test_numbers_lie_in_their_ranges(seed: int, low: int, width: int) -> None:
    draws = Draws(seed)
    assert low <= draws.integer(low, low + width) < low + width
    assert low <= draws.uniform(low, low + width) <= low + width
    assert 0.5 - 1e-9 <= draws.ratio(0.5, 0.5 + width) <= 0.5 + width + 1e-9
    assert sorted(draws.order(width)) == list(range(width))


@given(SEEDS, st.integers(1, 5), st.integers(1, 7))
@examples(40)
def test_arrays_have_their_shape_and_begin_alike_whatever_their_size(seed: int, rows: int, columns: int) -> None:
    values = Draws(seed).int8(rows, columns)
    assert values.shape == (rows, columns)
    assert values.dtype == np.int8
    np.testing.assert_array_equal(values.ravel(), Draws(seed).int8(50)[: rows * columns])
    assert Draws(seed).bell(rows, columns).shape == (rows, columns)


def test_a_bell_has_mean_0_and_deviation_1() -> None:
    count = 100_000
    values = Draws(3).bell(count)
    assert abs(values.mean()) < 5 / math.sqrt(count)  # five standard errors
    assert abs(values.std() - 1) < 5 / math.sqrt(2 * count)
    assert np.abs(values).max() <= 510 / math.sqrt(4 * (256**2 - 1) / 12)


def test_directions_are_rounded_so_that_a_half_is_a_half() -> None:
    assert direction(math.pi / 3)[0] == 0.5  # math.cos gives 0.5000000000000001
    assert direction(math.pi / 2) == (0.0, 1.0)
    assert direction(math.pi / 6)[1] == 0.5


def test_a_pixel_s_last_bits_are_rounded_away() -> None:
    assert pixel(0.68 * 25, 16.999999999999996) == (17.0, 17.0)
    assert pixel(np.float64(1.25), 2) == (1.25, 2.0)
