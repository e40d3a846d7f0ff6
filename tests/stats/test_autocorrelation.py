from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, norm

from ssd_core.stats.autocorrelation import LEAST_BLOCKS, SURE, UNCORRELATED, WINDOW_TIMES, autocorrelation_time
from tests.simulated import drifting, lognormal


def test_independent_samples_are_mostly_taken_as_such() -> None:
    generator = np.random.default_rng(1)
    found = [autocorrelation_time(lognormal(generator, 200)) for _ in range(200)]
    # A memory counts from one standard error on, so that 84 % have none.
    assert sum(memory == UNCORRELATED for memory in found) >= binom.ppf(0.001, 200, norm.cdf(SURE))


@pytest.mark.parametrize("dwell", [5, 20])
def test_the_memory_of_an_autoregression_is_its_integrated_autocorrelation_time(dwell: int) -> None:
    """1 plus twice the sum of autocorrelations, r^k at lag k; ranks of normal variables correlate by 6/pi asin(r/2)."""
    count, keep = 600_000, np.exp(-1 / dwell)
    series = drifting(np.random.default_rng(2), count, noise=1e-6, wander=0.02, dwell=dwell)
    found = autocorrelation_time(series)
    expected = 1 + 2 * np.sum(6 / np.pi * np.arcsin(keep ** np.arange(1, 40 * dwell) / 2))
    # Sokal's variance of the estimate, 2 (2 W + 1) / count of its square for a window of W lags; four deviations.
    deviation = np.sqrt(2 * (2 * WINDOW_TIMES * expected + 1) / count)
    assert found.samples == pytest.approx(expected, rel=4 * deviation)
    assert found.block > dwell


@pytest.mark.parametrize("make", [lognormal, drifting])
def test_how_slow_one_slow_step_is_changes_nothing(make: Callable[..., NDArray[np.int64]]) -> None:
    slow = make(np.random.default_rng(3), 200)
    slow[57] = 2 * slow.max()
    slower = slow.copy()
    slower[57] *= 1000
    assert autocorrelation_time(slower) == autocorrelation_time(slow)


def test_blocks_leave_enough_of_them() -> None:
    rising = np.arange(1, 100)
    assert autocorrelation_time(rising).block == len(rising) // LEAST_BLOCKS


@pytest.mark.parametrize("series", [[7], [7] * 50, range(1, 2 * LEAST_BLOCKS)])
def test_equal_or_few_durations_have_no_memory(series: list[int]) -> None:
    assert autocorrelation_time(np.array(series)) == UNCORRELATED
