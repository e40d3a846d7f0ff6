import pytest
from hypothesis import strategies as st

from ssd_core.errors import UserError
from ssd_core.stats.percentiles import samples_needed

SERIES = st.lists(st.integers(1, 10**9), min_size=1, max_size=200)


@pytest.mark.parametrize(("percent", "needed"), [(50, 11), (90, 64), (95, 130), (99, 662), (1, 662)])
def test_samples_needed(percent: float, needed: int) -> None:
    assert samples_needed(percent) == needed


@pytest.mark.parametrize("percent", [60, 75, 90, 95, 99])
def test_they_follow_wilks_formula(percent: int) -> None:
    """Two-sided tolerance limits: 1 - p^n - n (1 - p) p^(n - 1) is the confidence of n samples."""

    def confidence(n: int) -> float:
        p = percent / 100
        return float(1 - p**n - n * (1 - p) * p ** (n - 1))

    needed = samples_needed(percent)
    assert confidence(needed) >= 0.99 > confidence(needed - 1)


@pytest.mark.parametrize("percent", [0, 100, -1, 101, float("nan")])
def test_there_is_no_such_percentile(percent: float) -> None:
    with pytest.raises(UserError):
        samples_needed(percent)
