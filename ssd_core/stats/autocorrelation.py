"""Autocorrelation: how long a series of durations remembers itself, so that it is not taken for more than it is."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW_TIMES = 5.0  # autocorrelations are summed up to this many times the memory they give (Sokal 1997)
SURE = 1.0  # a memory within one standard error of none is none: white noise stays white, and so do its intervals
LEAST_BLOCKS = 6  # fewer blocks cannot carry a 95 % interval, so no block is longer than a sixth of the series


@dataclass(frozen=True)
class AutocorrelationTime:
    """How many successive samples tell as much as one independent sample, and how many to resample together.

    `samples` is the integrated autocorrelation time, 1 where each sample is drawn by itself; `block` is the lag beyond
    which samples no longer know each other.
    """

    samples: float
    block: int


UNCORRELATED = AutocorrelationTime(1.0, 1)


def autocorrelation_time(series: NDArray[np.generic]) -> AutocorrelationTime:
    """The integrated autocorrelation time of a series' ranks, which no single slow step can distort.

    The sum's window follows Sokal (1997), "Monte Carlo methods in statistical mechanics", section 3. Series too short
    to be cut into two samples a block show no correlation.
    """
    values = np.asarray(series, dtype=np.float64)
    count = len(values)
    if count < 2 * LEAST_BLOCKS:
        return UNCORRELATED
    from scipy.stats import rankdata  # SciPy takes 0.7 s, which pytest's start need not wait for

    ranks = rankdata(values) - (count + 1) / 2
    spectrum = np.fft.rfft(ranks, 2 * count)  # padded, so that the end does not meet the beginning
    covariance = np.fft.irfft(spectrum * spectrum.conj(), 2 * count)[:count]
    if covariance[0] <= 0:  # all durations equal
        return UNCORRELATED
    times = 2 * np.cumsum(covariance / covariance[0]) - 1
    closed = np.arange(count) >= WINDOW_TIMES * np.maximum(times, 1.0)
    window = int(closed.argmax()) if closed.any() else count // 2
    standard_error = 2 * math.sqrt(window / count)
    if times[window] - 1 <= SURE * standard_error:
        return UNCORRELATED
    return AutocorrelationTime(float(times[window]), max(1, min(window, count // LEAST_BLOCKS)))
