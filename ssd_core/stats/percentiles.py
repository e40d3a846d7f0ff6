"""Percentiles: how many samples each needs before it is reported."""

import numpy as np

from ssd_core.errors import UserError

PERCENTILES = (50, 90, 95, 99)
PERCENTILE_CONFIDENCE = 0.99  # that two samples lie beyond a reported percentile


def samples_needed(percent: float) -> int:
    """The fewest samples for the percentile: 11 for p50, 64 for p90, 130 for p95, 662 for p99.

    Wilks (1941), "Determination of sample sizes for setting tolerance limits": the smallest n for which, with 99 %
    confidence, two or more of n samples lie beyond the percentile. One unlucky step then does not decide it:
    P(Binomial(n, 1 - p) <= 1) <= 1 %. UserError for a percentile that is not between 0 and 100.
    """
    from scipy.stats import binom  # not at the top: SciPy takes 0.7 s, which pytest's start does not need

    if not 0 < percent < 100:
        raise UserError(f"There is no percentile {percent}: choose one between 0 and 100.")
    beyond = min(percent, 100 - percent) / 100
    high = 2
    while binom.cdf(1, high, beyond) > 1 - PERCENTILE_CONFIDENCE:
        high *= 2
    candidates = np.arange(high // 2, high + 1)
    return int(candidates[binom.cdf(1, candidates, beyond) <= 1 - PERCENTILE_CONFIDENCE][0])
