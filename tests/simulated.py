"""Simulated durations with the noise that real machines have, from a seed: they show what the rules find and miss."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Durations = NDArray[np.int64]  # [count], nanoseconds
CENTRE_NS = 20e6  # one int8 image on a small machine


def lognormal(
    generator: np.random.Generator, count: int, *, noise: float = 0.02, centre_ns: float = CENTRE_NS
) -> Durations:
    """Independent durations whose logarithm has the standard deviation `noise`, around the median `centre_ns`."""
    return _whole(centre_ns * np.exp(noise * generator.standard_normal(count)))


def drifting(
    generator: np.random.Generator,
    count: int,
    *,
    noise: float = 0.02,
    wander: float = 0.01,
    dwell: float = 15.0,
    slope: float = 0.0,
    centre_ns: float = CENTRE_NS,
) -> Durations:
    """Lognormal durations on a level that wanders: a first-order autoregression plus a straight slope over the series.

    `wander` is the wandering level's standard deviation, `dwell` the number of samples it is remembered for, `slope`
    the rise from first to last, all relative.
    """
    keep = math.exp(-1.0 / dwell)
    kicks = generator.standard_normal(count)
    kicks[1:] *= math.sqrt(1 - keep * keep)
    level = lfilter([1.0], [1.0, -keep], kicks)
    trend = np.linspace(0.0, slope, count)
    return _whole(centre_ns * np.exp(noise * generator.standard_normal(count) + wander * level + trend))


def bimodal(
    generator: np.random.Generator,
    count: int,
    *,
    noise: float = 0.02,
    gap: float = 0.08,
    share: float = 0.3,
    dwell: float = 1.0,
    centre_ns: float = CENTRE_NS,
) -> Durations:
    """Lognormal durations of which the part `share` is slower by `gap`: another core, another clock, a neighbour.

    `dwell` is how many samples a mode lasts before the next is drawn; 1 draws each sample's mode by itself.
    """
    redraw = generator.random(count) < 1.0 / dwell
    redraw[0] = True
    drawn = generator.random(count) < share
    slow = drawn[np.maximum.accumulate(np.where(redraw, np.arange(count), 0))]
    return _whole(centre_ns * np.exp(noise * generator.standard_normal(count) + slow * math.log1p(gap)))


def warming(
    generator: np.random.Generator,
    count: int,
    *,
    noise: float = 0.02,
    excess: float = 2.0,
    decay: float = 6.0,
    centre_ns: float = CENTRE_NS,
) -> Durations:
    """Lognormal durations that start `1 + excess` times as long and settle with the time constant `decay` samples."""
    settling = 1.0 + excess * np.exp(-np.arange(count) / decay)
    return _whole(centre_ns * settling * np.exp(noise * generator.standard_normal(count)))


def _whole(durations_ns: NDArray[np.float64]) -> Durations:
    return np.maximum(1, np.rint(durations_ns)).astype(np.int64)
