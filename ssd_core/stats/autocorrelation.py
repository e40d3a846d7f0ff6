"""Autocorrelation: how long durations of a series depend on each other, and so are not independent samples."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW_TIMES = 5.0  # autocorrelations are summed up to this many times the resulting time (Sokal 1997)
SURE = 1.0  # standard errors; a smaller autocorrelation counts as none, so intervals of white noise stay as they are
LEAST_BLOCKS = 6  # fewer blocks give no 95 % interval, so no block is longer than a sixth of the series


@dataclass(frozen=True)
class AutocorrelationTime:
    """How many successive samples count as one independent sample, and how many to resample together.

    `samples` is the integrated autocorrelation time, 1 for independent samples. `block` is the lag beyond which samples
    no longer depend on each other.
    """

    samples: float
    block: int


UNCORRELATED = AutocorrelationTime(1.0, 1)


def autocorrelation_time(series: NDArray[np.generic]) -> AutocorrelationTime:
    """The integrated autocorrelation time of a series' ranks. A single slow step cannot distort ranks.

    The sum's window follows Sokal (1997), "Monte Carlo methods in statistical mechanics", section 3. A series with
    fewer than two samples per block counts as uncorrelated.
    """
    values = np.asarray(series, dtype=np.float64)
    count = len(values)
    if count < 2 * LEAST_BLOCKS:
        return UNCORRELATED
    from scipy.stats import rankdata  # not at the top: SciPy takes 0.7 s, which pytest's start does not need

    ranks = rankdata(values) - (count + 1) / 2
    spectrum = np.fft.rfft(ranks, 2 * count)  # zero-padded, so that the series does not wrap around
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
