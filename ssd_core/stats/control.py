"""A control variate: how much of a series' durations is explained by what other programs took of the CPUs meanwhile.

The technique is known as CUPED (Deng et al. 2013, "Improving the sensitivity of online controlled experiments by
utilizing pre-experiment data"). What others take does not depend on the code under test, so removing its effect removes
noise, and no slowdown.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssd_core.stats.autocorrelation import autocorrelation_time
from ssd_core.stats.samples import Samples

# Standard deviation of the slope from run to run, because neighbours differ: of 0, 0.1, 0.15 and 0.2 the least that
# covered on the corpus in tests/verdicts.
UNLIKE = 0.15
PRIOR = 1.0  # standard deviation of the slope before it is seen: a whole CPU's time for others may double a step's

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Observed:
    """The durations (ns) of one process in order, and chunk by chunk what others took of the CPUs, 0 to 1.

    `ends` are how many steps had been taken at the end of each chunk; the last is the number of steps.
    """

    durations_ns: NDArray[np.int64]
    ends: Sequence[int]
    shares: Sequence[float]

    @property
    def whole(self) -> bool:
        """Whether every step belongs to a chunk."""
        return bool(self.ends) and self.ends[-1] == len(self.durations_ns)

    @property
    def of_steps(self) -> Array:
        """The share during each step, `[steps]`."""
        return np.repeat(np.asarray(self.shares, np.float64), np.diff([0, *self.ends]))

    @property
    def chunks(self) -> tuple[Array, Array, Array]:
        """Of each chunk with steps: their number, the share, and the logarithm of a step's mean duration."""
        counts = np.diff([0, *self.ends])
        there = counts > 0
        sums = np.add.reduceat(self.durations_ns.astype(np.float64), np.cumsum([0, *counts[:-1]])[there])
        return counts[there].astype(np.float64), np.asarray(self.shares)[there], np.log(sums / counts[there])


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
    """The durations of A and B as they would be without other programs, and what that leaves uncertain."""

    a: Samples
    b: Samples
    a_share: float
    b_share: float
    spread: float
    """The standard deviation of log(B/A) that the slope adds: its own error, and its change from run to run."""


def without_others(a: Sequence[Observed], b: Sequence[Observed]) -> Controlled:
    """A and B with one slope, which is taken from both."""
    slope = slope_of([*a, *b])
    a_share, b_share = (float(np.mean(np.concatenate([one.of_steps for one in side]))) for side in (a, b))
    controlled_a, controlled_b = (
        Samples.of(*(one.durations_ns * np.exp(-slope.value * one.of_steps) for one in side)) for side in (a, b)
    )
    spread = math.hypot((b_share - a_share) * slope.error, UNLIKE * a_share, UNLIKE * b_share)
    return Controlled(controlled_a, controlled_b, a_share, b_share, spread)
