"""A drift is the ratio of two yardsticks' medians, and is worth a line beyond its limit, either way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.profiling.drift import LARGEST_DRIFT, describe, drift

DURATIONS = st.lists(st.integers(1, 10**9), min_size=1, max_size=9)


def test_it_is_of_the_medians() -> None:
    assert drift([20, 10, 900], [30, 25, 1]) == 25 / 20


@given(DURATIONS, DURATIONS)
def test_the_other_way_round_it_is_the_inverse_and_said_as_well(before: list[int], after: list[int]) -> None:
    ratio, inverse = drift(before, after), drift(after, before)
    assert ratio * inverse == pytest.approx(1)
    if abs(max(ratio, inverse) - 1 - LARGEST_DRIFT) > 1e-9:  # at the limit itself the last bit decides
        assert (describe(ratio) is None) == (describe(inverse) is None) == (max(ratio, inverse) <= 1 + LARGEST_DRIFT)


@pytest.mark.parametrize("ratio", [1.0, 1 + LARGEST_DRIFT, 1 / (1 + LARGEST_DRIFT) + 1e-9])
def test_what_stays_within_the_limit_is_not_said(ratio: float) -> None:
    assert describe(ratio) is None


@pytest.mark.parametrize(("ratio", "change"), [(1.16, "16% longer"), (0.9, "10% less")])
def test_a_change_is_said_with_its_size(ratio: float, change: str) -> None:
    assert (describe(ratio) or "").startswith(f"the yardstick took {change} after it than before: the CPU's clock")
