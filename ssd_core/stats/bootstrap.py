"""Bootstrap: the uncertainty of the logarithm of a case's median, or of another statistic.

Samples vary on two levels. Within a process, blocks of samples are drawn, as long as samples depend on each other.
Between processes, whole processes are drawn. All of it uses logarithms: a ratio becomes a difference, so estimates
can be added and subtracted (B/A, int8/fp32, and the ratio of two ratios).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssd_core.stats.autocorrelation import autocorrelation_time
from ssd_core.stats.steadiness import CONFIDENCE

RESAMPLES = 2000  # with these, the interval's ends vary by about 2 % of its width from seed to seed
SEED = 662
_ELEMENTS = 1 << 16  # drawn at a time: half a megabyte, which fits in the cache

Array = NDArray[np.float64]
Statistic = Callable[[Array], Array]  # [resamples, samples], each row ascending -> [resamples], positive


@dataclass(frozen=True)
class Estimate:
    """A logarithm, its `[RESAMPLES]` bootstrap deviations, and their degrees of freedom."""

    log: float
    deviations: Array
    freedom: float


def median(rows: Array) -> Array:
    """The median of each ascending row."""
    count = rows.shape[1]
    middle: Array = (rows[:, (count - 1) // 2] + rows[:, count // 2]) / 2
    return middle


def quantile(share: float) -> Statistic:
    """The statistic quantile(`share`), linearly interpolated."""
    return lambda rows: _quantile(rows, share)


def quantile_ratio(upper: float, lower: float) -> Statistic:
    """The statistic quantile(`upper`) / quantile(`lower`), linearly interpolated: a latency's shape."""

    def ratio(rows: Array) -> Array:
        return _quantile(rows, upper) / _quantile(rows, lower)

    return ratio


def estimate(processes: Sequence[NDArray[np.generic]], statistic: Statistic = median, *, seed: int = SEED) -> Estimate:
    """The logarithm of a statistic's geometric mean over processes, with its bootstrap deviations.

    `processes`: one series of positive numbers per process, in the order they were measured.
    """
    generator = np.random.default_rng(seed)
    estimates = [_within(np.asarray(process, dtype=np.float64), statistic, generator) for process in processes]
    return estimates[0] if len(estimates) == 1 else _between(estimates, generator)


def of_interval(value: float, low: float, high: float) -> Estimate:
    """The estimate of a figure that was saved as a 95 % interval; its logarithm is assumed to be normal."""
    from scipy.stats import norm  # not at the top: SciPy takes 0.7 s, which pytest's start does not need

    return of_error(math.log(high / low) / 2 / norm.ppf((1 + CONFIDENCE) / 2), math.log(value))


def of_error(deviation: float, log: float = 0.0) -> Estimate:
    """A logarithm that is normal with this standard deviation."""
    from scipy.stats import norm  # not at the top: SciPy takes 0.7 s, which pytest's start does not need

    places = (np.arange(RESAMPLES) + 0.5) / RESAMPLES
    return Estimate(log, norm.ppf(places) * deviation, math.inf)


def interval(terms: Sequence[tuple[int, Estimate]], errors: float = 1.0) -> tuple[float, float, float]:
    """exp of the signed sum of independent estimates: its value and the ends of its 95 % interval.

    `errors`: how many of the usual 5 % may lie outside; 0.2 gives a 99 % interval.
    The ends are percentiles of the deviations. They are widened by Student's t over the normal quantile, because blocks
    or processes may be few (degrees of freedom after Welch-Satterthwaite).
    """
    from scipy.stats import norm, t  # not at the top: SciPy takes 0.7 s, which pytest's start does not need

    value = sum(sign * term.log for sign, term in terms)
    # Shuffled, because estimates with the same seed drew the same indices.
    shuffle = np.random.default_rng(SEED).permutation
    deviations = sum((sign * shuffle(term.deviations) for sign, term in terms), np.zeros(RESAMPLES))
    freedom = _joint_freedom([(float(term.deviations.var()), term.freedom) for _, term in terms])
    tail = (1 - CONFIDENCE) / 2 * errors
    stretch = t.ppf(1 - tail, freedom) / norm.ppf(1 - tail)
    low, high = np.quantile(deviations, (tail, 1 - tail)) * stretch
    return math.exp(value), math.exp(value + low), math.exp(value + high)


def _within(series: Array, statistic: Statistic, generator: np.random.Generator) -> Estimate:
    """The estimate of one process: a circular moving-block bootstrap. Independent samples are drawn singly."""
    count = len(series)
    length = autocorrelation_time(series).block
    drawn = math.ceil(count / length)
    offsets = np.arange(length)
    values = np.empty(RESAMPLES)
    step = max(1, _ELEMENTS // count)
    for first in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - first)
        starts = generator.integers(0, count, (rows, drawn, 1))
        chosen = ((starts + offsets) % count).reshape(rows, -1)[:, :count]
        values[first : first + rows] = statistic(np.sort(series[chosen], axis=1))
    observed = float(statistic(np.sort(series)[None, :])[0])
    deviations: Array = np.log(values / observed)
    if length == 1:  # the plain percentile bootstrap: for a median its interval is already rather wide
        return Estimate(math.log(observed), deviations, math.inf)
    # Bessel's correction: blocks vary around their own mean.
    return Estimate(math.log(observed), deviations * math.sqrt(drawn / (drawn - 1)), drawn - 1)


def _between(estimates: Sequence[Estimate], generator: np.random.Generator) -> Estimate:
    """The mean over processes: processes are drawn with replacement; the deviations within each are added.

    The variance between processes already contains the variance within them. The drawn processes are therefore shrunk
    to the remaining variance, which may be 0 (Davison and Hinkley 1997, section 3.8).
    """
    processes = len(estimates)
    logs = np.array([one.log for one in estimates])
    within = np.stack([one.deviations for one in estimates], axis=1)  # [resamples, processes]
    inner, spread = within.var(axis=0), float(logs.var(ddof=1))
    left = max(0.0, spread - float(inner.mean()))
    shrink = math.sqrt(left / spread * processes / (processes - 1)) if spread > 0 else 0.0
    drawn = generator.integers(0, processes, within.shape)
    deviations = ((logs - logs.mean()) * shrink)[drawn].mean(axis=1) + within.mean(axis=1)
    parts = [(left * processes, processes - 1.0), *zip(inner, (one.freedom for one in estimates), strict=True)]
    return Estimate(float(logs.mean()), deviations, _joint_freedom(parts))


def _joint_freedom(parts: Sequence[tuple[float, float]]) -> float:
    """Degrees of freedom of a sum of (variance, degrees of freedom) parts (Welch-Satterthwaite)."""
    total = sum(variance for variance, _ in parts)
    lost = sum(variance**2 / freedom for variance, freedom in parts)
    return total**2 / lost if lost > 0 else math.inf


def _quantile(rows: Array, share: float) -> Array:
    place = share * (rows.shape[1] - 1)
    below = math.floor(place)
    above = min(below + 1, rows.shape[1] - 1)
    between: Array = rows[:, below] + (place - below) * (rows[:, above] - rows[:, below])
    return between
