import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.errors import UserError
from ssd_core.stats.percentiles import latency_ms, percentile_ns, samples_needed
from tests.rounding import UNIT64
from tests.simulated import lognormal

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


def test_a_percentile_appears_with_its_last_sample() -> None:
    series = lognormal(np.random.default_rng(1), 662)
    assert percentile_ns(series[:661], 99) is None
    assert percentile_ns(series, 99) == pytest.approx(np.percentile(series, 99))
    assert list(latency_ms(series)) == ["count", "mean", "p50", "p90", "p95", "p99"]
    assert list(latency_ms(series[:661])) == ["count", "mean", "p50", "p90", "p95"]
    assert list(latency_ms(series[:129])) == ["count", "mean", "p50", "p90"]
    assert latency_ms([3_000_000]) == {"count": 1, "mean": 3.0}


@given(SERIES, st.integers(2, 1000))
def test_durations_scale(series: list[int], factor: int) -> None:
    plain, scaled = latency_ms(series), latency_ms([factor * duration for duration in series])
    # A mean or percentile of positive numbers, eight operations at the most.
    assert scaled == pytest.approx(
        {k: v if k == "count" else factor * v for k, v in plain.items()}, rel=2 * 8 * UNIT64, abs=0
    )


@pytest.mark.parametrize("durations", [[], [5, float("nan")], [5, 0], [-5]])
def test_impossible_durations_are_refused(durations: list[float]) -> None:
    with pytest.raises(UserError):
        latency_ms(durations)
    with pytest.raises(UserError):
        percentile_ns(durations, 50)
