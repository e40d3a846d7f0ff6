"""Bootstrap: how far the logarithm of a case's median (or of another statistic) may be from what was measured.

Samples vary on two levels. Within a process they are resampled in blocks as long as they remember each other, between
processes by drawing processes. All of it is done on logarithms, where a ratio is a difference, so that estimates can
be added and subtracted: B/A, int8/fp32, and the one of the other.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata, t

from ssd_core.measure.steadiness import CONFIDENCE

RESAMPLES = 2000  # the interval's ends then move by some 2 % of its width from seed to seed
SEED = 662
BLOCK_MEMORIES = 3.0  # a block spans this many times the memory of the series, so that blocks hardly know each other
WINDOW_MEMORIES = 5.0  # autocorrelations are summed up to this many times the memory they give (Sokal 1997)
LEAST_BLOCKS = 6  # fewer independent blocks than this cannot carry a 95 % interval
_ELEMENTS = 1 << 22  # resampled at a time, to bound the memory

Array = NDArray[np.float64]
Statistic = Callable[[Array], Array]  # [resamples, samples], each row ascending -> [resamples], positive


@dataclass(frozen=True)
class Estimate:
    """A logarithm, `[RESAMPLES]` deviations that chance may have added to it, and how many blocks or processes say so."""

    log: float
    deviations: Array
    units: float

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the deviations' spread."""
        return max(self.units - 1.0, 1.0)


def median(rows: Array) -> Array:
    """The median of each ascending row."""
    count = rows.shape[1]
    middle: Array = (rows[:, (count - 1) // 2] + rows[:, count // 2]) / 2
    return middle


def quantile_ratio(upper: float, lower: float) -> Statistic:
    """The statistic quantile(`upper`) / quantile(`lower`), linearly interpolated: the shape of a latency."""

    def ratio(rows: Array) -> Array:
        return _quantile(rows, upper) / _quantile(rows, lower)

    return ratio


def estimate(
    processes: Sequence[NDArray[np.generic]], statistic: Statistic = median, *, seed: int = SEED
) -> Estimate:
    """The logarithm of a statistic's geometric mean over processes, with its bootstrap deviations.

    `processes`: one series of positive numbers a process, in the order they were measured.
    """
    generator = np.random.default_rng(seed)
    series = [np.asarray(process, dtype=np.float64) for process in processes]
    logs = np.array([math.log(statistic(np.sort(one)[None, :])[0]) for one in series])
    within, blocks = zip(*(_deviations(one, statistic, generator) for one in series), strict=True)
    if len(series) == 1:
        return Estimate(float(logs[0]), within[0], blocks[0])
    return Estimate(float(logs.mean()), _between(logs, np.stack(within, axis=1), generator), len(series))


def interval(terms: Sequence[tuple[int, Estimate]]) -> tuple[float, float, float]:
    """exp of the signed sum of independent estimates: its value and the ends of its 95 % interval.

    The ends are percentiles of the deviations, stretched by Student's t over the normal quantile for the few blocks or
    processes behind them (Welch-Satterthwaite where they differ).
    """
    value = sum(sign * term.log for sign, term in terms)
    # Shuffled, because estimates made from one seed drew alike.
    shuffle = np.random.default_rng(SEED).permutation
    deviations = sum((sign * shuffle(term.deviations) for sign, term in terms), np.zeros(RESAMPLES))
    variances = np.array([term.deviations.var() for _, term in terms])
    freedom = np.array([term.freedom for _, term in terms])
    total = variances.sum()
    joint = total**2 / (variances**2 / freedom).sum() if total > 0 else math.inf
    tail = (1 - CONFIDENCE) / 2
    stretch = t.ppf(1 - tail, joint) / norm.ppf(1 - tail)
    low, high = np.quantile(deviations, (tail, 1 - tail)) * stretch
    return math.exp(value), math.exp(value + low), math.exp(value + high)


def memory(series: NDArray[np.generic]) -> float:
    """The integrated autocorrelation time of a series' ranks, in samples: 1 when each is drawn by itself.

    The window of the sum follows Sokal (1997), "Monte Carlo methods in statistical mechanics", section 3.
    """
    values = np.asarray(series, dtype=np.float64)
    count = len(values)
    ranks = rankdata(values) - (count + 1) / 2
    padded = np.fft.rfft(ranks, 2 * count)
    covariance = np.fft.irfft(padded * padded.conj(), 2 * count)[:count]
    if count < 2 or covariance[0] <= 0:
        return 1.0
    times = 2 * np.cumsum(covariance / covariance[0]) - 1
    closed = np.arange(count) >= WINDOW_MEMORIES * times
    return max(1.0, float(times[closed.argmax() if closed.any() else count - 1]))


def block_length(series: NDArray[np.generic]) -> int:
    """How many successive samples are resampled together: 1 when samples do not remember each other."""
    return max(1, min(len(series), round(BLOCK_MEMORIES * (memory(series) - 1.0))))


def _deviations(series: Array, statistic: Statistic, generator: np.random.Generator) -> tuple[Array, float]:
    """Log deviations of a statistic over resamples of circular moving blocks, and how many blocks the series has."""
    count = len(series)
    length = block_length(series)
    blocks = count / length
    drawn = math.ceil(blocks)
    offsets = np.arange(length)
    values = np.empty(RESAMPLES)
    step = max(1, _ELEMENTS // count)
    for first in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - first)
        starts = generator.integers(0, count, (rows, drawn, 1))
        chosen = ((starts + offsets) % count).reshape(rows, -1)[:, :count]
        values[first : first + rows] = statistic(np.sort(series[chosen], axis=1))
    observed = statistic(np.sort(series)[None, :])[0]
    # Drawn blocks vary around their own mean, which costs one of them (Bessel).
    return np.log(values / observed) * math.sqrt(blocks / max(blocks - 1.0, 1.0)), blocks


def _between(logs: Array, within: Array, generator: np.random.Generator) -> Array:
    """Deviations of the mean over processes: processes drawn with replacement, and the samples within them.

    logs: [processes]; within: [resamples, processes]. What differs between processes already holds what differs within,
    so the drawn processes are shrunk to what is left (Davison and Hinkley 1997, section 3.8), never below nothing.
    """
    processes = len(logs)
    spread = logs.var(ddof=1)
    left = max(0.0, spread - within.var(axis=0).mean())
    shrink = math.sqrt(left / spread * processes / (processes - 1)) if spread > 0 else 0.0
    drawn = generator.integers(0, processes, (len(within), processes))
    centred = (logs - logs.mean()) * shrink
    deviations: Array = (centred[drawn] + within[np.arange(len(within))[:, None], drawn]).mean(axis=1)
    return deviations


def _quantile(rows: Array, share: float) -> Array:
    place = share * (rows.shape[1] - 1)
    below = math.floor(place)
    above = min(below + 1, rows.shape[1] - 1)
    between: Array = rows[:, below] + (place - below) * (rows[:, above] - rows[:, below])
    return between
