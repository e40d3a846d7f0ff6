"""The control variates: what other programs and the yardstick explain is removed, and a slowdown is not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from ssd_core.stats.bootstrap import estimate, interval, of_error
from ssd_core.stats.control import FOLLOWS, FOLLOWS_UNLIKE, PRIOR, UNLIKE, Slope, controlled, slope_of
from ssd_core.stats.observed import Observed
from tests.simulated import CENTRE_NS

CHUNKS, STEPS = 40, 12  # of a run, and of a chunk


def run(generator: np.random.Generator, busy: float, slower: float = 0.0, cost: float = 0.9) -> Observed:
    """A run beside a neighbour that is there in `busy` of the chunks and then takes 10 to 60 % of the CPUs."""
    there = generator.random(CHUNKS) < busy
    shares = np.where(there, generator.uniform(0.1, 0.6, CHUNKS), 0.0)
    logs = np.log1p(slower) + cost * np.repeat(shares, STEPS) + 0.02 * generator.standard_normal(CHUNKS * STEPS)
    ends = list(range(STEPS, CHUNKS * STEPS + 1, STEPS))
    return Observed((CENTRE_NS * np.exp(logs)).astype(np.int64), ends, shares.tolist())


@given(slope=st.floats(-0.5, 2.0), level=st.floats(0.1, 10))
def test_an_exact_slope_is_found(slope: float, level: float) -> None:
    shares = [0.0, 0.5, 0.25, 0.1]
    durations = np.repeat(1e9 * level * np.exp(slope * np.asarray(shares)), 3)
    found = slope_of([Observed(durations.astype(np.int64), [3, 6, 9, 12], shares)])
    assert found.value == pytest.approx(slope, abs=1e-6)
    assert found.error < 1e-3


@pytest.mark.parametrize("shares", [[0.0, 0.0, 0.0], [0.4, 0.4, 0.4]])
def test_without_a_change_of_the_share_nothing_is_known_of_the_slope(shares: list[float]) -> None:
    durations = np.array([5, 6, 7, 5, 6, 7], np.int64) * 10**6
    assert slope_of([Observed(durations, [2, 4, 6], shares)]) == Slope(0.0, PRIOR)
    assert slope_of([Observed(durations, [6], [0.3])]) == Slope(0.0, PRIOR)


def test_a_level_that_the_shares_do_not_explain_stays() -> None:
    generator = np.random.default_rng(3)
    slopes = [slope_of([run(generator, 0.3, cost=0.0)]) for _ in range(100)]
    # Where others cost nothing, 0 lies within two standard errors about as often as of a normal figure.
    assert sum(abs(one.value) <= 2 * one.error for one in slopes) >= binom.ppf(0.0005, 100, 0.93)


@pytest.mark.parametrize("slower", [0.0, 0.05])
def test_the_interval_covers_and_is_narrower_beside_a_neighbour(slower: float) -> None:
    generator = np.random.default_rng(7)
    covered, widths, plain_widths = 0, [], []
    pairs = 200
    for _ in range(pairs):
        a, b = run(generator, 0.2), run(generator, 0.5, slower)
        both = controlled([a], [b])
        terms = [(1, estimate(both.b.arrays)), (-1, estimate(both.a.arrays)), (1, of_error(both.spread))]
        _, low, high = interval(terms)
        covered += low <= 1 + slower <= high
        widths.append(np.log(high / low))
        _, low, high = interval([(1, estimate([b.durations_ns])), (-1, estimate([a.durations_ns]))])
        plain_widths.append(np.log(high / low))
    assert covered >= binom.ppf(0.0005, pairs, 0.93)
    assert np.median(widths) < 0.5 * np.median(plain_widths)


def test_where_only_one_run_had_a_neighbour_all_the_time_the_slope_is_unknown_and_the_interval_wide() -> None:
    generator = np.random.default_rng(5)
    a = run(generator, 0.0)
    b = run(generator, 0.0, 0.3)  # slower by what a constant neighbour takes
    both = controlled([a], [Observed(b.durations_ns, b.ends, [0.4] * CHUNKS)])
    assert both.spread == pytest.approx(np.hypot(0.4 * PRIOR, 0.4 * UNLIKE))


def moved(generator: np.random.Generator, machine: float, slower: float = 0.0, *, follows: float = FOLLOWS) -> Observed:
    """A run on a machine that was slower by `machine`, which the yardstick shows, and a step by its part of it."""
    steps = CHUNKS * STEPS
    logs = np.log1p(slower) + follows * np.log1p(machine) + 0.02 * generator.standard_normal(steps)
    runs = steps // 5 * 2
    yardstick = 2e6 * np.exp(np.log1p(machine) + 0.05 * generator.standard_normal(runs))
    places = np.repeat(np.arange(5, steps + 1, 5), 2).tolist()
    return Observed((CENTRE_NS * np.exp(logs)).astype(np.int64), [steps], [0.0], places, yardstick.astype(int).tolist())


def ratio_of(a: Observed, b: Observed) -> tuple[float, float, float]:
    both = controlled([a], [b])
    return interval([(1, estimate(both.b.arrays)), (-1, estimate(both.a.arrays)), (1, of_error(both.spread))])


@pytest.mark.parametrize("slower", [0.0, 0.05])
def test_what_the_yardstick_shows_is_removed_and_a_slowdown_is_not(slower: float) -> None:
    generator = np.random.default_rng(11)
    pairs = 200
    covered = 0
    for _ in range(pairs):
        levels = generator.uniform(-0.04, 0.04, 2)
        _, low, high = ratio_of(moved(generator, levels[0]), moved(generator, levels[1], slower))
        covered += low <= 1 + slower <= high
    assert covered >= binom.ppf(0.0005, pairs, 0.93)


def test_a_yardstick_that_one_side_lacks_or_that_ran_in_another_way_says_nothing() -> None:
    generator = np.random.default_rng(12)
    a, b = moved(generator, 0.1), moved(generator, 0.0)
    for other in (Observed(b.durations_ns, b.ends, b.shares), replace(b, lead_in=1)):
        both = controlled([a], [other])
        assert both.yardstick is None
        assert both.a.arrays[0].tolist() == a.durations_ns.tolist()


@given(machine=st.floats(0.5, 2.0))
def test_how_much_slower_the_machine_was_widens_the_interval(machine: float) -> None:
    steps = np.full(30, CENTRE_NS)
    places = list(range(1, 31))
    a = Observed(steps, [30], [0.0], places, [2_000_000] * 30)
    b = Observed(steps, [30], [0.0], places, [round(2_000_000 * machine)] * 30)
    both = controlled([a], [b])
    assert both.yardstick == pytest.approx(machine, rel=1e-5)
    assert both.spread == pytest.approx(abs(FOLLOWS_UNLIKE * np.log(machine)), abs=1e-5)
    assert both.b.centre_ns / both.a.centre_ns == pytest.approx(machine**-FOLLOWS, rel=1e-5)
