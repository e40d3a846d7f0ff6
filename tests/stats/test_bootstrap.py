import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.stats.bootstrap import RESAMPLES, estimate, interval, median, of_interval, quantile_ratio
from tests.examples import examples
from tests.rounding import UNIT64
from tests.simulated import drifting, lognormal

SCIPYS = 10 * RESAMPLES  # resamples of the reference


def of_a_width(resamples: int) -> float:
    """The standard error of an end of a 95 % interval, as a share of its width.

    That of a quantile, sqrt(p (1 - p) / n) / density, for normal deviations, whose interval is 3.92 wide: 1.5 %.
    """
    tail = scipy.stats.norm.ppf(0.975)
    return float(math.sqrt(0.025 * 0.975 / resamples) / scipy.stats.norm.pdf(tail) / (2 * tail))


NEAR = 4 * math.hypot(of_a_width(RESAMPLES), of_a_width(SCIPYS))
"""How far an end may lie from the reference's, as a share of the width: four standard errors of both, 6.4 %."""


@pytest.mark.parametrize("count", [50, 101, 400])
def test_independent_samples_give_scipys_percentile_bootstrap(count: int) -> None:
    series = lognormal(np.random.default_rng(count), count, noise=0.05)
    value, low, high = interval([(1, estimate([series]))])
    reference = scipy.stats.bootstrap(
        (series,), np.median, vectorized=True, method="percentile", n_resamples=SCIPYS, rng=np.random.default_rng(1)
    ).confidence_interval
    width = reference.high - reference.low
    assert value == pytest.approx(np.median(series))
    assert low == pytest.approx(reference.low, abs=NEAR * width)
    assert high == pytest.approx(reference.high, abs=NEAR * width)


def test_so_does_the_ratio_of_two() -> None:
    generator = np.random.default_rng(2)
    a, b = lognormal(generator, 151, noise=0.05), lognormal(generator, 200, noise=0.08, centre_ns=21e6)
    value, low, high = interval([(1, estimate([b])), (-1, estimate([a]))])
    reference = scipy.stats.bootstrap(
        (b, a),
        lambda x, y, axis: np.median(x, axis=axis) / np.median(y, axis=axis),
        vectorized=True,
        method="percentile",
        n_resamples=SCIPYS,
        rng=np.random.default_rng(3),
    ).confidence_interval
    width = reference.high - reference.low
    assert value == pytest.approx(np.median(b) / np.median(a))
    assert low == pytest.approx(reference.low, abs=NEAR * width)
    assert high == pytest.approx(reference.high, abs=NEAR * width)


def test_one_seed_one_answer_and_another_hardly_differs() -> None:
    generator = np.random.default_rng(4)
    a, b = lognormal(generator, 100), lognormal(generator, 100)
    first, second, other = (
        interval([(1, estimate([b], seed=seed)), (-1, estimate([a], seed=seed))]) for seed in (1, 1, 2)
    )
    assert first == second
    assert other != first
    # The ratio of two medians of 100 has a standard error of 0.02 * 1.253 * sqrt(2 / 100), its interval 3.92 of them.
    width = 3.92 * 0.02 * 1.253 * math.sqrt(2 / 100)
    assert other == pytest.approx(first, rel=4 * math.sqrt(2) * of_a_width(RESAMPLES) * width)


def test_a_series_against_itself_is_as_uncertain_as_two_series() -> None:
    """Estimates that drew from the same seed must not cancel."""
    series = lognormal(np.random.default_rng(5), 100)
    alone = interval([(1, estimate([series]))])
    value, low, high = interval([(1, estimate([series])), (-1, estimate([series]))])
    assert value == pytest.approx(1)
    # A width is known as well as its two ends. As much again is for the median's deviations, which are few numbers and
    # not normal, while the difference of two is smoother.
    known = 4 * math.sqrt(2 * 2) * of_a_width(RESAMPLES)
    assert math.log(high / low) == pytest.approx(math.sqrt(2) * math.log(alone[2] / alone[1]), rel=2 * known)


def test_memory_widens_the_interval() -> None:
    generator = np.random.default_rng(6)
    # Its memory is 19, give or take a third (Sokal), which widens the interval by 4.3, give or take a sixth.
    remembering = drifting(generator, 4000, noise=0.005, wander=0.02, dwell=10)
    shuffled = generator.permutation(remembering)
    widths = [
        math.log(high / low) for _, low, high in (interval([(1, estimate([s]))]) for s in (remembering, shuffled))
    ]
    assert widths[0] > 2 * widths[1]


def test_what_differs_between_processes_widens_the_interval() -> None:
    generator = np.random.default_rng(7)
    alike = [lognormal(generator, 50) for _ in range(5)]
    unlike = [lognormal(generator, 50, centre_ns=20e6 * factor) for factor in (0.9, 0.95, 1.0, 1.05, 1.1)]
    (_, low, high), (_, lower, higher) = interval([(1, estimate(alike))]), interval([(1, estimate(unlike))])
    # 250 samples alike: 3.92 * 0.02 * 1.253 / sqrt(250) = 0.0062, and half of what unlike processes have at the most.
    assert math.log(high / low) < 0.02
    student = scipy.stats.t.interval(0.95, 4, scale=np.std(np.log([np.median(s) for s in unlike]), ddof=1) / 5**0.5)
    # Both ends' standard errors; the mean of five draws from five has tails 1 % lighter than a normal one.
    known = 4 * math.sqrt(2) * of_a_width(RESAMPLES) + 0.01
    assert math.log(higher / lower) == pytest.approx(student[1] - student[0], rel=known)


def test_the_more_processes_the_surer() -> None:
    generator = np.random.default_rng(8)
    widths = []
    for count in (2, 4, 16):
        factors = np.exp(0.02 * generator.standard_normal((20, count)))
        runs = [[lognormal(generator, 30, centre_ns=20e6 * factor) for factor in row] for row in factors]
        intervals = [interval([(1, estimate(processes))]) for processes in runs]
        widths.append(np.median([math.log(high / low) for _, low, high in intervals]))
    # Student's t over the square root of the count: 9.0, 1.6 and 0.53.
    assert widths[0] > 1.5 * widths[1] > 2 * widths[2]


@examples(30)
@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=60), st.integers(2, 50))
def test_estimates_are_finite_and_scale(series: list[int], factor: int) -> None:
    one, scaled = estimate([np.array(series)]), estimate([factor * np.array(series)])
    assert len(one.deviations) == RESAMPLES
    assert np.isfinite(one.deviations).all()
    # Three logarithms of 25 and less, of which numpy's are off by a unit in the last place.
    assert scaled.log == pytest.approx(one.log + math.log(factor), abs=3 * 2 * UNIT64 * 25, rel=0)
    # Whole numbers times a whole number: halves and quotients are the same to the last bit.
    np.testing.assert_array_equal(scaled.deviations, one.deviations)
    value, low, high = interval([(1, one)])
    assert low <= value <= high
    assert value == pytest.approx(np.median(series), rel=4 * UNIT64 * 25)  # exp of a logarithm of 21 and less


def test_equal_durations_leave_no_doubt() -> None:
    for processes in ([np.full(30, 7)], [np.full(30, 7)] * 3):
        assert interval([(1, estimate(processes))]) == pytest.approx((7, 7, 7))


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=50), st.floats(0.5, 1.0), st.floats(0.0, 0.5))
def test_statistics_are_numpys(series: list[int], upper: float, lower: float) -> None:
    rows = np.sort(np.array([series, series[::-1]], dtype=float), axis=1)
    np.testing.assert_array_equal(median(rows), np.median(rows, axis=1))
    expected = np.quantile(rows, upper, axis=1) / np.quantile(rows, lower, axis=1)
    # A place among 50 is off by 50 UNIT64, between numbers that are up to 1e6 apart where the result may be 1.
    assert quantile_ratio(upper, lower)(rows) == pytest.approx(expected, rel=2 * 2 * 50 * UNIT64 * 1e6)


def test_many_samples_are_resampled_in_parts() -> None:
    series = lognormal(np.random.default_rng(9), 70_000)
    value, low, high = interval([(1, estimate([series], median))])
    # The median's standard error is 0.02 * 1.253 / sqrt(70,000) = 9.5e-5, and the interval 3.92 of them.
    assert value == pytest.approx(20e6, rel=5e-4)
    assert 1 < high / low < 1.001


@given(value=st.floats(0.1, 10), below=st.floats(1.0001, 2), above=st.floats(1.0001, 2))
def test_an_estimate_of_an_interval_has_its_value_and_its_width(value: float, below: float, above: float) -> None:
    found, low, high = interval([(1, of_interval(value, value / below, value * above))])
    assert found == pytest.approx(value, rel=1e-12)
    # The ends are quantiles of 2000 deviations, 0.025 of them below: next to it they are 0.9 % of one apart.
    assert math.log(high / low) == pytest.approx(math.log(below * above), rel=0.01)
