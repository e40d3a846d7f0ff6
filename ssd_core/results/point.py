"""Point: one figure of one run, as a series over many runs holds it."""

import math
from enum import StrEnum

from msgspec import Struct

from ssd_core.results.schema import AccuracyResult, Result, ServerResult, TimedResult
from ssd_core.stats.figures import median_ms

LEAST_AP = 1e-3  # an AP below it counts as this much, because 0 has no logarithm
_OF_MEDIAN = 1.2533  # the standard error of a median over that of a mean, if the samples are normal
_OF_QUARTILES = 1.349  # the distance of the quartiles over the standard deviation, likewise
_REACH = 1.96  # standard errors to either end of a 95 % interval


class Figure(StrEnum):
    """What a point is of."""

    MEDIAN = "median ms"
    AP = "AP"
    RATE = "requests/s"

    @property
    def more_is_better(self) -> bool:
        """Whether a larger value is better."""
        return self is not Figure.MEDIAN


class Value(Struct, frozen=True, gc=False):
    """A figure with the ends of its 95 % interval; they equal it if it is the same every time."""

    figure: Figure
    value: float
    low: float
    high: float

    @property
    def log(self) -> float:
        """Its logarithm."""
        return math.log(max(LEAST_AP, self.value) if self.figure is Figure.AP else self.value)

    @property
    def error(self) -> float:
        """The standard error of its logarithm, by its own run."""
        return math.log(self.high / self.low) / 2 / _REACH if self.high > self.low else 0.0


class Point(Struct, frozen=True, gc=False):
    """A figure of a run: of which commit, when, what the yardstick took in it, and in which file it is."""

    value: Value
    commit: str
    """The revision; empty if the run was of none."""
    changed: bool
    """Whether files differed from the revision."""
    time: float
    """Of the commit, in seconds since 1970; of the run if the commit is not known."""
    run_time: float
    yardstick_ms: float | None
    file: str

    @property
    def order(self) -> tuple[float, float, str]:
        """Its place in a series: by commit, and the runs of a commit by their time."""
        return self.time, self.run_time, self.file


def value_of(result: Result) -> Value | None:
    """The figure of a result that is followed over many runs; None if it has none."""
    if isinstance(result, AccuracyResult):
        return None if result.unusable else Value(Figure.AP, result.ap, result.ap, result.ap)
    if isinstance(result, ServerResult):
        peak = result.peak
        ends = (result.rate, result.rate) if peak is None else (peak.low, peak.high)
        return rate(result.rate, *ends) if result.searched else None
    if isinstance(result, TimedResult):
        import numpy as np

        samples = result.comparable_samples
        q1, q3 = np.percentile([ns for series in samples.processes for ns in series], (25, 75))
        middle = median_ms(samples)
        return median(middle, float(q3 - q1) / samples.centre_ns * middle, samples.count)
    return None


def median(value_ms: float, quartiles_ms: float, samples: int) -> Value:
    """A median with the interval that the distance of the quartiles gives it."""
    reach = _REACH * _OF_MEDIAN * quartiles_ms / _OF_QUARTILES / math.sqrt(samples) / value_ms
    return Value(Figure.MEDIAN, value_ms, value_ms * math.exp(-reach), value_ms * math.exp(reach))


def rate(value: float, low: float, high: float) -> Value:
    """Requests a second, with an interval that holds them."""
    return Value(Figure.RATE, value, min(low, value), max(high, value))
