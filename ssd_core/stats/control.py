"""Control variates: what of a series' durations is explained by the machine, and not by the code that it measures.

The yardstick between the steps shows the machine's speed from moment to moment. Where it could not run, what other
programs took of the CPUs meanwhile explains a part. The technique is known as CUPED (Deng et al. 2013, "Improving the
sensitivity of online controlled experiments by utilizing pre-experiment data"). Neither depends on the graph under
test. A slowdown that the yardstick shares, clearly beyond the limit, is too noisy to tell: its change widens the
interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssd_core.stats.autocorrelation import autocorrelation_time
from ssd_core.stats.observed import Array, Observed
from ssd_core.stats.samples import NS_PER_MS, Samples

# Standard deviation of the effect of others' share from run to run, because neighbours differ: of 0, 0.1, 0.15 and 0.2
# the least that covered on the first corpus in tests/verdicts, without the yardstick.
UNLIKE = 0.15
PRIOR = 1.0  # standard deviation of the slope before it is seen: a whole CPU's time for others may double a step's

# How many per cent longer a step takes where the yardstick takes 1 % longer, and how much that differs between runs.
# In dozens of processes of the demo's int8 graph it was 0.8 to 1.0 beside programs that compute, and up to 1.8 where
# another guest of the host took the memory's bandwidth.
FOLLOWS, FOLLOWS_UNLIKE = 1.0, 0.5


@dataclass(frozen=True)
class Slope:
    """How much the logarithm of a step's duration grows with the share that others take, and its standard error."""

    value: float
    error: float


def slope_of(series: Sequence[Observed]) -> Slope:
    """The slope within the processes, shrunk towards 0 as far as it is uncertain: its posterior under N(0, PRIOR²)."""
    square = product = residual = 0.0
    freedom, times = -1, 1.0
    parts = []
    for one in series:
        counts, shares, logs = one.chunks
        x, y = (values - np.average(values, weights=counts) for values in (shares, logs))
        square += float(np.sum(counts * x * x))
        product += float(np.sum(counts * x * y))
        freedom += len(counts) - 1
        parts.append((counts, x, y))
    if square <= 0 or freedom < 1:
        return Slope(0.0, PRIOR)
    observed = product / square
    for counts, x, y in parts:
        left = y - observed * x
        residual += float(np.sum(counts * left * left))
        times = max(times, autocorrelation_time(left * x).samples)
    precision = square / (residual / freedom * times) if residual > 0 else np.inf
    error = float(1 / np.sqrt(precision + 1 / PRIOR**2))
    return Slope(observed * (1 - (error / PRIOR) ** 2), error)


@dataclass(frozen=True)
class Controlled:
    """The durations of A and B as they would be on a machine that does not change, and what that leaves uncertain."""

    a: Samples
    b: Samples
    a_share: float
    b_share: float
    yardstick: float | None
    """How many times as long the yardstick took with B; None if it did not run between the steps of both."""
    spread: float
    """The standard deviation of log(B/A) that the slopes add: their own errors, and their changes from run to run."""


def comparable_levels(series: Sequence[Observed]) -> bool:
    """Whether the yardstick ran often enough in all of these, and in the same way."""
    return all(one.has_level for one in series) and len({one.lead_in for one in series}) == 1


def controlled(a: Sequence[Observed], b: Sequence[Observed]) -> Controlled:
    """A and B without what the yardstick explains if it ran between the steps of both, else without other programs."""
    a_share, b_share = (float(np.mean(np.concatenate([one.of_steps for one in side]))) for side in (a, b))
    if comparable_levels([*a, *b]):
        a_level, b_level = (float(np.mean([np.log(one.levels).mean() for one in side])) for side in (a, b))
        change = b_level - a_level
        before, after = (Samples.of(*map(_beside_yardstick, side)) for side in (a, b))
        spread = math.hypot(FOLLOWS_UNLIKE * change, UNLIKE * a_share, UNLIKE * b_share)
        return Controlled(before, after, a_share, b_share, math.exp(change), spread)
    slope = slope_of([*a, *b])
    before, after = (Samples.of(*(_without_others(one, slope.value) for one in side)) for side in (a, b))
    spread = math.hypot((b_share - a_share) * slope.error, UNLIKE * a_share, UNLIKE * b_share)
    return Controlled(before, after, a_share, b_share, None, spread)


def _without_others(one: Observed, slope: float) -> Array:
    durations_ns: Array = one.durations_ns.astype(np.float64) * np.exp(-slope * one.of_steps)
    return durations_ns


def _beside_yardstick(one: Observed) -> Array:
    """Each step's duration beside a yardstick of 1 ms."""
    durations_ns: Array = one.durations_ns.astype(np.float64) / (one.levels / NS_PER_MS) ** FOLLOWS
    return durations_ns
