"""The control variate: what other programs explain is removed, and a slowdown is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from ssd_core.stats.bootstrap import estimate, interval, of_error
from ssd_core.stats.control import PRIOR, UNLIKE, Observed, Slope, slope_of, without_others
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


def test_chunks_without_a_step_count_nothing() -> None:
    durations = np.array([4, 4, 8], np.int64)
    series = Observed(durations, [0, 2, 2, 3], [0.9, 0.1, 0.8, 0.3])
    counts, shares, logs = series.chunks
    assert (counts.tolist(), shares.tolist()) == ([2, 1], [0.1, 0.3])
    assert np.exp(logs) == pytest.approx([4, 8])
    assert series.of_steps.tolist() == [0.1, 0.1, 0.3]
    assert series.whole
    assert not Observed(durations, [2], [0.1]).whole


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
        both = without_others([a], [b])
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
    both = without_others([a], [Observed(b.durations_ns, b.ends, [0.4] * CHUNKS)])
    assert both.spread == pytest.approx(np.hypot(0.4 * PRIOR, 0.4 * UNLIKE))
