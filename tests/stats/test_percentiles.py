import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import median_abs_deviation

from ssd_core.errors import UserError
from ssd_core.stats.percentiles import latency_ms, percentile_ns, samples_needed, summary
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


@given(SERIES)
def test_the_summary_is_numpys(series: list[int]) -> None:
    found = summary(series)
    milliseconds = np.array(series) / 1e6
    assert found.count == len(series)
    assert (found.mean_ms, found.median_ms) == (milliseconds.mean(), np.median(milliseconds))
    assert (found.min_ms, found.max_ms) == (milliseconds.min(), milliseconds.max())
    assert found.stddev_ms == (milliseconds.std(ddof=1) if len(series) > 1 else 0)
    assert found.mad_ms == median_abs_deviation(milliseconds)
    assert found.iqr_ms == np.subtract(*np.percentile(milliseconds, (75, 25)))
    assert (found.p50_ms is None) == (len(series) < 11)
    assert (found.p95_ms is None) == (len(series) < 130)
    assert found.p99_ms is None
    assert (found.median_low_ms is None) == (len(series) < 6)
    if found.median_low_ms is not None and found.median_high_ms is not None:
        assert found.min_ms <= found.median_low_ms <= found.median_ms <= found.median_high_ms <= found.max_ms


@given(SERIES, st.integers(2, 1000))
def test_durations_scale(series: list[int], factor: int) -> None:
    plain, scaled = latency_ms(series), latency_ms([factor * duration for duration in series])
    # A mean or percentile of positive numbers, eight operations at the most.
    assert scaled == pytest.approx(
        {k: v if k == "count" else factor * v for k, v in plain.items()}, rel=2 * 8 * UNIT64, abs=0
    )


@pytest.mark.parametrize("durations", [[], [5, float("nan")], [5, 0], [-5]])
def test_impossible_durations_are_refused(durations: list[float]) -> None:
    for function in (summary, latency_ms):
        with pytest.raises(UserError):
            function(durations)
    with pytest.raises(UserError):
        percentile_ns(durations, 50)
