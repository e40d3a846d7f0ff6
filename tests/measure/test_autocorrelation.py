import numpy as np
import pytest

from ssd_core.measure.autocorrelation import LEAST_BLOCKS, NO_MEMORY, memory_of
from tests.simulated import drifting, lognormal


def test_independent_samples_are_mostly_taken_as_such() -> None:
    generator = np.random.default_rng(1)
    found = [memory_of(lognormal(generator, 200)) for _ in range(200)]
    assert sum(memory == NO_MEMORY for memory in found) >= 160


@pytest.mark.parametrize("dwell", [5, 20])
def test_the_memory_of_an_autoregression_is_its_integrated_autocorrelation_time(dwell: int) -> None:
    """(1 + r) / (1 - r) for a first-order autoregression of coefficient r."""
    keep = np.exp(-1 / dwell)
    series = drifting(np.random.default_rng(2), 60_000, noise=1e-6, wander=0.02, dwell=dwell)
    found = memory_of(series)
    assert found.samples == pytest.approx((1 + keep) / (1 - keep), rel=0.15)
    assert found.block > dwell


def test_one_slow_step_gives_no_memory() -> None:
    series = lognormal(np.random.default_rng(3), 200)
    before = memory_of(series)
    series[57] *= 1000
    assert memory_of(series).samples == pytest.approx(before.samples, abs=0.2)


def test_blocks_leave_enough_of_them() -> None:
    rising = np.arange(1, 100)
    assert memory_of(rising).block == len(rising) // LEAST_BLOCKS


@pytest.mark.parametrize("series", [[7], [7] * 50, range(1, 2 * LEAST_BLOCKS)])
def test_equal_or_few_durations_have_no_memory(series: list[int]) -> None:
    assert memory_of(np.array(series)) == NO_MEMORY
