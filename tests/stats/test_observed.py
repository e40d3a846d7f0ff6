"""A process's steps beside what the machine did: which share and which yardstick belong to a step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.stats.observed import Observed
from ssd_core.stats.steadiness import LEAST_SAMPLES


def test_chunks_without_a_step_count_nothing() -> None:
    durations = np.array([4, 4, 8], np.int64)
    series = Observed(durations, [0, 2, 2, 3], [0.9, 0.1, 0.8, 0.3])
    counts, shares, logs = series.chunks
    assert (counts.tolist(), shares.tolist()) == ([2, 1], [0.1, 0.3])
    assert np.exp(logs) == pytest.approx([4, 8])
    assert series.of_steps.tolist() == [0.1, 0.1, 0.3]
    assert series.whole
    assert not Observed(durations, [2], [0.1]).whole


def test_the_level_is_the_mean_of_the_yardstick_before_and_after_a_step() -> None:
    series = Observed(np.full(6, 10**7), [6], [0.0], [2, 2, 4], [20, 40, 60])
    # Steps 0 and 1 have only a yardstick after them, steps 4 and 5 only one before.
    assert series.levels.tolist() == [30, 30, 45, 45, 60, 60]


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=80), st.integers(1, 60), st.data())
def test_a_level_lies_within_the_runs(runs: list[int], steps: int, data: st.DataObject) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, steps), min_size=len(runs), max_size=len(runs))))
    series = Observed(np.full(steps, 10**6), [steps], [0.0], places, runs)
    assert series.has_level == (len(set(places)) >= LEAST_SAMPLES)
    assert series.levels.shape == (steps,)
    # A mean of sums in float64 is right to a few units in the last place.
    assert min(runs) * (1 - 1e-12) <= series.levels.min() <= series.levels.max() <= max(runs) * (1 + 1e-12)
