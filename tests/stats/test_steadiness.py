import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from ssd_core.errors import UserError
from ssd_core.stats.steadiness import (
    WINDOW,
    change_point,
    enough,
    interval_of_median,
    is_steady,
    warmup_end,
    warmup_of,
)
from tests.simulated import drifting, lognormal, warming

SERIES = st.lists(st.integers(1, 10**9), min_size=1, max_size=80)


def test_steady_series_have_no_warm_up() -> None:
    generator = np.random.default_rng(1)
    # Two tests, of the first window and of all, each wrong once in a hundred.
    found = [warmup_end(lognormal(generator, 200)) for _ in range(50)]
    assert found.count(0) >= binom.ppf(0.001, 50, 0.98)


def test_a_warm_up_is_left_out_and_what_follows_is_kept() -> None:
    generator = np.random.default_rng(2)
    ends = [warmup_end(warming(generator, 300, excess=2.0, decay=6.0)) for _ in range(50)]
    assert all(end is not None and 6 <= end <= 75 for end in ends)  # 6 samples on it is still 70 % too slow


def test_slow_first_steps_alone_are_the_warm_up() -> None:
    series = [900, 500, *[100, 101, 99, 100] * 10]
    assert warmup_end(series) == 2
    assert is_steady(series[2:])
    assert not is_steady(series)


@pytest.mark.parametrize("direction", [-1, 1])
def test_a_late_change_of_level_is_not_cut_away(direction: int) -> None:
    generator = np.random.default_rng(3)
    before, after = lognormal(generator, 100), lognormal(generator, 100, centre_ns=20e6 * (1 + 0.06 * direction))
    series = np.concatenate([before, after])
    warmup = warmup_of(series)
    assert (warmup.end, warmup.steady) == (0, False)
    assert warmup_end(series) is None
    change = change_point(series)
    # A step of three deviations is missed by few samples; medians of 100: 0.02 * 1.253 * sqrt(2 / 100) = 0.0035; four.
    assert abs(change.index - 100) <= 5
    assert change.shift == pytest.approx(0.06 * direction, abs=0.014)


def test_a_slope_is_never_steady_and_wild_series_have_no_quiet_window() -> None:
    generator = np.random.default_rng(4)
    assert warmup_end(drifting(generator, 300, wander=0.0, slope=0.10)) is None
    wild = warmup_of(lognormal(generator, 300, noise=1.0))
    assert (wild.end, wild.steady) == (None, False)


def test_too_few_samples_show_nothing() -> None:
    assert not is_steady([100] * (WINDOW - 1))
    assert is_steady([100] * WINDOW)


@pytest.mark.parametrize("count", [12, 40, 64, 65, 200])
def test_the_change_point_test_errs_no_more_often_than_it_says(count: int) -> None:
    generator = np.random.default_rng(5)
    certain = sum(change_point(lognormal(generator, count)).certain for _ in range(2000))
    assert certain <= binom.ppf(0.999, 2000, 0.01)


def test_the_window_can_be_sure_of_a_step() -> None:
    assert change_point([100] * (WINDOW // 2) + [110] * (WINDOW // 2)).matters
    assert not change_point([1000, 1001] * 6).certain


@given(SERIES)
def test_change_points_are_the_same_backwards(series: list[int]) -> None:
    forward, backward = change_point(series), change_point(series[::-1])
    assert forward.p_value == backward.p_value
    assert 0 < forward.p_value <= 1
    assert 0 <= forward.index < len(series)


@pytest.mark.parametrize(("count", "inside"), [(6, (0, 5)), (10, (1, 8)), (30, (9, 20)), (100, (39, 60))])
def test_the_median_lies_between_the_order_statistics_of_the_textbooks(count: int, inside: tuple[int, int]) -> None:
    """Conover, "Practical nonparametric statistics", for the confidence interval of a quantile."""
    series = np.arange(1, count + 1)
    assert interval_of_median(series) == (inside[0] + 1, inside[1] + 1)
    assert binom.cdf(inside[0], count, 0.5) <= 0.025 < binom.cdf(inside[0] + 1, count, 0.5)


def test_the_interval_covers_the_median() -> None:
    generator = np.random.default_rng(6)
    covered = 0
    for _ in range(1000):
        interval = interval_of_median(lognormal(generator, 60))
        assert interval is not None
        covered += interval[0] <= 20e6 <= interval[1]
    # Of 60 samples those after the 21 smallest and before the 21 largest.
    assert covered >= binom.ppf(0.001, 1000, 1 - 2 * binom.cdf(21, 60, 0.5))


@given(SERIES)
def test_memory_only_widens(series: list[int]) -> None:
    plain, remembering = interval_of_median(series), interval_of_median(series, memory=2.0)
    if plain is None:
        assert len(series) < 6
        assert remembering is None
    elif remembering is not None:
        assert remembering[0] <= plain[0] <= np.median(series) <= plain[1] <= remembering[1]


def test_enough_is_a_matter_of_noise_count_and_memory() -> None:
    generator = np.random.default_rng(7)
    assert not enough(lognormal(generator, 30))
    assert enough(lognormal(generator, 300))
    assert not enough(lognormal(generator, 300, noise=0.1))
    assert enough(lognormal(generator, 300, noise=0.1), relative_width=0.05)
    assert not enough(drifting(generator, 300, wander=0.03, dwell=20))
    assert not enough([100] * 5)


def test_impossible_durations_are_refused() -> None:
    for function in (warmup_end, is_steady, interval_of_median, enough):
        with pytest.raises(UserError):
            function([5, float("nan")])
        with pytest.raises(UserError):
            function([])
