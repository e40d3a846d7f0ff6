"""Statistics: what a series of durations is summed up by, each number only where the samples carry it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from ssd_core.errors import UserError
from ssd_core.stats.samples import NS_PER_MS, checked_ns

PERCENTILES = (50, 90, 95, 99)
PERCENTILE_CONFIDENCE = 0.99  # how surely two samples lie beyond a percentile that is reported

Durations = Sequence[float] | NDArray[np.generic]


def samples_needed(percent: float) -> int:
    """The fewest samples that carry the percentile: 11 for p50, 64 for p90, 130 for p95, 662 for p99.

    Wilks (1941), "Determination of sample sizes for setting tolerance limits": the smallest n for which, with 99 %
    confidence, two of n samples or more lie beyond the percentile, so that it does not rest on one unlucky step:
    P(Binomial(n, 1 - p) <= 1) <= 1 %. UserError for a percentile that is not between 0 and 100.
    """
    if not 0 < percent < 100:
        raise UserError(f"There is no percentile {percent}: choose one between 0 and 100.")
    beyond = min(percent, 100 - percent) / 100
    high = 2
    while binom.cdf(1, high, beyond) > 1 - PERCENTILE_CONFIDENCE:
        high *= 2
    candidates = np.arange(high // 2, high + 1)
    return int(candidates[binom.cdf(1, candidates, beyond) <= 1 - PERCENTILE_CONFIDENCE][0])


def percentile_ns(durations_ns: Durations, percent: float) -> float | None:
    """The percentile, linearly interpolated, or None with fewer than `samples_needed(percent)` samples."""
    series = np.asarray(checked_ns(list(durations_ns)), dtype=np.float64)
    if len(series) < samples_needed(percent):
        return None
    return float(np.percentile(series, percent))


def latency_ms(durations_ns: Durations) -> dict[str, float]:
    """`count`, `mean`, and those of `p50`, `p90`, `p95` and `p99` that the samples carry, in milliseconds."""
    series = checked_ns(list(durations_ns))
    latency = {"count": float(len(series)), "mean": float(np.mean(series)) / NS_PER_MS}
    for percent in PERCENTILES:
        value = _percentile_ms(series, percent)
        if value is not None:
            latency[f"p{percent}"] = value
    return latency


def _percentile_ms(durations_ns: Durations, percent: float) -> float | None:
    value = percentile_ns(durations_ns, percent)
    return None if value is None else value / NS_PER_MS
