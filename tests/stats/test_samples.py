import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.errors import UserError
from ssd_core.stats.samples import Samples

SERIES = st.lists(st.integers(1, 10**12), min_size=1, max_size=20)


@given(st.lists(SERIES, min_size=1, max_size=4), st.lists(SERIES, min_size=1, max_size=4))
def test_merging_keeps_every_process_and_its_order(first: list[list[int]], second: list[list[int]]) -> None:
    merged = Samples.of(*first, *second)
    assert merged.processes == tuple(map(tuple, first + second))
    assert merged.count == sum(map(len, first + second))


@pytest.mark.parametrize("impossible", [float("nan"), float("inf"), -float("inf"), 0, -1, 0.3, True, "5", None])
def test_impossible_durations_are_refused_by_index(impossible: object) -> None:
    with pytest.raises(UserError, match="Sample 1 "):
        Samples.of([5, impossible])  # type: ignore[list-item]
    with pytest.raises(UserError, match="Sample 1 "):
        Samples(((5, impossible),))  # type: ignore[arg-type]


def test_nothing_measured_is_refused() -> None:
    for processes in ((), ((),), ((5,), ())):
        with pytest.raises(UserError, match="at least one step"):
            Samples(processes)


def test_seconds_and_numpy_numbers_become_whole_nanoseconds() -> None:
    assert Samples.of_seconds([0.001, 1.5e-9]).processes == ((1_000_000, 2),)
    assert Samples.of(np.array([1.4, 2.6]), np.array([7])).processes == ((1, 3), (7,))


def test_the_centre_is_the_median_of_one_process_and_the_geometric_mean_of_several() -> None:
    assert Samples.of([1, 2, 4, 100]).centre_ns == pytest.approx(3)
    assert Samples.of([1, 2, 3], [8, 8]).centre_ns == pytest.approx(4)
