"""Steadiness: where the warm-up of a series ends, whether the series is steady, and how well its median is known.

A series is steady from a sample on if the window that starts there varies little (coefficient of variation), and if
no change point follows: no split between two levels that differ enough to matter. The test (Pettitt 1979) uses ranks,
so a single slow step does not decide it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ssd_core.stats.autocorrelation import autocorrelation_time
from ssd_core.stats.samples import checked_ns

WINDOW = 12  # samples: the fewest for a significant change-point test; slow cases cannot afford many more
LARGEST_VARIATION = 0.10  # a shared machine's quiet windows vary by 2-8 %, a warm-up's first steps by far more
CHANGE_POINT_P = 0.01  # one steady series in a hundred is called changing
SMALLEST_SHIFT = 0.02  # a smaller change of level cannot by itself exceed the default slowdown limit, 3 %
LARGEST_WARMUP = 0.25  # of a series; a later change of level is not warm-up
CONFIDENCE = 0.95  # of every reported interval
LEAST_SAMPLES = 6  # samples: with fewer, even the extremes enclose the median in under 95 % of cases
RELATIVE_WIDTH = 0.01  # the median is known well enough when its interval is no wider than 1 % of it

_SIMULATED_UP_TO = 64  # samples; Pettitt's formula is too cautious for shorter series
_SIMULATED_SERIES = 20_000
_SEED = 1979


@dataclass(frozen=True)
class ChangePoint:
    """The likeliest change of level: the index of the first sample after it, its p-value, its signed relative size."""

    index: int
    p_value: float
    shift: float

    @property
    def certain(self) -> bool:
        """Whether it is statistically significant."""
        return self.p_value < CHANGE_POINT_P

    @property
    def matters(self) -> bool:
        """Whether it is certain and large enough to be mistaken for a slowdown."""
        return self.certain and abs(self.shift) > SMALLEST_SHIFT


def change_point(durations_ns: Sequence[float] | NDArray[np.generic]) -> ChangePoint:
    """The likeliest change point of a series (Pettitt 1979, "A non-parametric approach to the change-point problem").

    Needs two samples or more; a shorter series has the change point 0 with p-value 1.
    """
    series = np.asarray(durations_ns, dtype=np.float64)
    count = len(series)
    if count < 2:
        return ChangePoint(0, 1.0, 0.0)
    largest, split = _pettitt(series[None, :])
    statistic, index = float(largest[0]), int(split[0])
    if count <= _SIMULATED_UP_TO:
        null = _null_statistics(count)
        beyond = len(null) - int(np.searchsorted(null, statistic - 0.25, side="left"))
        p_value = (beyond + 1) / (len(null) + 1)
    else:
        p_value = min(1.0, 2.0 * math.exp(-6.0 * statistic**2 / (count**3 + count**2)))
    before, after = np.median(series[:index]), np.median(series[index:])
    return ChangePoint(index, p_value, float(after / before) - 1.0)


@dataclass(frozen=True)
class Warmup:
    """Where a warm-up ended (None if no window is quiet), and whether the series was steady from there to its end."""

    end: int | None
    steady: bool


def warmup_of(durations_ns: Sequence[float] | NDArray[np.generic]) -> Warmup:
    """Where the warm-up of a series ended: at its first quiet window, or at a change of level soon after.

    Only changes in the first quarter belong to the warm-up. A later change is the machine's normal behaviour. A cut
    there would keep whichever part happens to be even, and two runs would keep different parts.
    """
    series = np.asarray(checked_ns(list(durations_ns)), dtype=np.float64)
    start = 0
    while len(series) - start >= WINDOW:
        windows = np.lib.stride_tricks.sliding_window_view(series[start:], WINDOW)
        quiet = windows.std(axis=1) / windows.mean(axis=1) <= LARGEST_VARIATION
        if not quiet.any():
            break
        start += int(quiet.argmax())
        window_change = change_point(series[start : start + WINDOW])
        if window_change.matters:
            start += window_change.index
            continue
        change = change_point(series[start:])
        if not change.matters:
            return Warmup(start, True)
        if start + change.index > LARGEST_WARMUP * len(series):
            return Warmup(start, False)
        start += change.index
    return Warmup(None, False)


def warmup_end(durations_ns: Sequence[float] | NDArray[np.generic]) -> int | None:
    """The index from which the series is steady to its end, or None if it never is."""
    warmup = warmup_of(durations_ns)
    return warmup.end if warmup.steady else None


def is_steady(durations_ns: Sequence[float] | NDArray[np.generic]) -> bool:
    """Whether a series is steady from its first sample on; fewer samples than a window cannot show it."""
    return warmup_end(durations_ns) == 0


def interval_of_median(
    durations_ns: Sequence[float] | NDArray[np.generic], memory: float = 1.0
) -> tuple[float, float] | None:
    """The distribution-free 95 % interval of the median: two order statistics, by the binomial distribution.

    `memory`: how many successive samples count as one independent one (see `autocorrelation`). It widens the interval.
    None below six independent samples: even the smallest and the largest enclose the median with less confidence.
    """
    from scipy.stats import binom  # not at the top: SciPy takes 0.7 s, which pytest's start does not need

    series = np.sort(np.asarray(checked_ns(list(durations_ns)), dtype=np.float64))
    count = len(series)
    independent = int(count / memory)
    tail = (1 - CONFIDENCE) / 2
    outside = int(binom.ppf(tail, independent, 0.5))  # the fewest that lie below the median more often than `tail`
    if binom.cdf(outside, independent, 0.5) > tail:
        outside -= 1
    if outside < 0:
        return None
    index = outside if independent == count else max(0, int(count / 2 - memory * (independent / 2 - outside)))
    return float(series[index]), float(series[count - 1 - index])


def enough(durations_ns: Sequence[float] | NDArray[np.generic], relative_width: float = RELATIVE_WIDTH) -> bool:
    """Whether the median's 95 % interval, with autocorrelation, is no wider than `relative_width` of the median."""
    series = np.asarray(checked_ns(list(durations_ns)), dtype=np.float64)
    interval = interval_of_median(series, autocorrelation_time(series).samples)
    return interval is not None and interval[1] - interval[0] <= relative_width * float(np.median(series))


def _pettitt(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Pettitt's K of each of `[rows, count]` series, and the index of the first sample after the split."""
    from scipy.stats import rankdata  # not at the top: SciPy takes 0.7 s, which pytest's start does not need

    count = rows.shape[1]
    ranks = rankdata(rows, axis=1)
    splits = np.arange(1, count)
    excess = np.abs(2.0 * np.cumsum(ranks, axis=1)[:, :-1] - splits * (count + 1))
    best = excess.argmax(axis=1)
    return excess[np.arange(len(rows)), best], best + 1


@cache
def _null_statistics(count: int) -> NDArray[np.float64]:
    """K of many shuffled series of `count` samples, ascending: its distribution without a change point."""
    shuffled = np.random.default_rng(_SEED).random((_SIMULATED_SERIES, count))
    return np.sort(_pettitt(shuffled)[0])
