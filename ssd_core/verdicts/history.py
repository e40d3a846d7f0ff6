"""The verdicts on a history: the steps of each series, whose they are, and which of them nobody has acknowledged.

A step down is one for the worse: a longer time, a lower AP, fewer requests a second.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ssd_core.results.history import Acknowledgement, Series
from ssd_core.results.point import Point
from ssd_core.stats.steps import LEAST_POINTS, Level, Levels, Points, Step, find_steps, level_of

_REACH = 1.96  # standard errors to either end of a 95 % interval


class Source(StrEnum):
    """What changed at a step, by the yardstick: a convolution that no commit touches, timed beside each case."""

    CODE = "code"
    MACHINE = "machine"
    BOTH = "code and machine"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Change:
    """A step of a series: between which points, its size as a ratio, what changed, and whether it is acknowledged."""

    step: Step
    before: Point
    """The last point that is surely before the step."""
    after: Point
    """The first that is surely after it."""
    ratio: float
    low: float
    high: float
    worse: bool
    source: Source
    acknowledged: Acknowledgement | None
    open: bool
    """Whether it is a step down of the code that nobody acknowledged and that no later step made up for."""


@dataclass(frozen=True)
class Judged:
    """A series with its changes, oldest first. `start` is its first point since the date that was asked for."""

    series: Series
    levels: Levels
    changes: tuple[Change, ...]
    start: int

    @property
    def points(self) -> tuple[Point, ...]:
        """The points since the date that was asked for."""
        return self.series.points[self.start :]

    @property
    def since_step(self) -> float:
        """The last value over the level since the last step."""
        return math.exp(self.points[-1].value.log - self.levels.levels[-1].log)

    @property
    def newest_open(self) -> Change | None:
        """The newest step down that is open."""
        return next((change for change in reversed(self.changes) if change.open), None)


def judge(
    series: Sequence[Series], acknowledged: Sequence[Acknowledgement] = (), since: float | None = None
) -> tuple[Judged, ...]:
    """Judge each series that has a point since a time, in seconds since 1970; earlier points count for its steps."""
    recent = [one for one in series if since is None or one.points[-1].time >= since]
    judged = []
    for one, levels in zip(recent, find_steps([_points_of(one) for one in recent]), strict=True):
        start = 0 if since is None else next(i for i, point in enumerate(one.points) if point.time >= since)
        changes = _changes(one, levels, acknowledged)
        judged.append(Judged(one, levels, tuple(change for change in changes if change.step.last >= start), start))
    return tuple(judged)


def _points_of(series: Series) -> Points:
    logs = np.array([point.value.log for point in series.points])
    return Points(logs, np.array([point.value.error for point in series.points]))


def _changes(series: Series, levels: Levels, acknowledged: Sequence[Acknowledgement]) -> list[Change]:
    edges = [0, *(step.index for step in levels.steps), len(series.points)]
    yardstick = _yardstick(series) if levels.steps else None
    changes = []
    for number, step in enumerate(levels.steps):
        worse = (step.size < 0) is series.figure.more_is_better
        source = _source(step, yardstick, edges[number], edges[number + 2])
        known = _acknowledgement(series, step, acknowledged)
        is_open = worse and known is None and source is not Source.MACHINE and _lasts(series, levels, number)
        before, after = series.points[step.first - 1], series.points[step.last]
        ratio, low, high = (math.exp(size) for size in (step.size, step.low, step.high))
        changes.append(Change(step, before, after, ratio, low, high, worse, source, known, is_open))
    return changes


def _lasts(series: Series, levels: Levels, number: int) -> bool:
    """Whether the level is still worse than before a step: the whole interval of the difference is."""
    low, high = _difference(levels.levels[number], levels.levels[-1])
    return high < 0 if series.figure.more_is_better else low > 0


def _difference(before: Level, after: Level) -> tuple[float, float]:
    """The ends of the 95 % interval of the difference of two levels."""
    size, reach = after.log - before.log, _REACH * math.hypot(before.error, after.error)
    return size - reach, size + reach


def _yardstick(series: Series) -> tuple[Points, NDArray[np.int64]]:
    """The series of the yardstick, and the places of the points that have one."""
    known = [(place, point.yardstick_ms) for place, point in enumerate(series.points) if point.yardstick_ms]
    logs = np.log(np.array([ms for _, ms in known], dtype=np.float64))
    return Points(logs, np.zeros(len(known))), np.array([place for place, _ in known], dtype=np.int64)


def _source(step: Step, yardstick: tuple[Points, NDArray[np.int64]] | None, start: int, end: int) -> Source:
    """What changed at a step between two places, by how much the yardstick changed and how much it leaves."""
    if yardstick is None:
        return Source.UNKNOWN
    points, places = yardstick
    first, middle, last = (int(edge) for edge in np.searchsorted(places, (start, step.index, end)))
    if min(middle - first, last - middle) < LEAST_POINTS:
        return Source.UNKNOWN
    before, after = level_of(points, first, middle), level_of(points, middle, last)
    sign = math.copysign(1.0, step.size)
    low, high = sorted(sign * edge for edge in _difference(before, after))  # of the machine's part of the step
    rest = math.hypot((step.high - step.low) / 2, (high - low) / 2)
    left = abs(step.size) - (low + high) / 2
    machine, code = low > 0, left > rest
    if machine and code:
        return Source.BOTH
    if machine:
        return Source.MACHINE
    return Source.CODE if code else Source.UNKNOWN


def _acknowledgement(series: Series, step: Step, acknowledged: Sequence[Acknowledgement]) -> Acknowledgement | None:
    """The acknowledgement of a step: of a commit less than `LEAST_POINTS` points from it, so that it is of no other."""
    near = series.points[max(0, step.index - LEAST_POINTS // 2) : step.index + LEAST_POINTS // 2 + 1]
    return next((one for one in acknowledged if any(one.covers(series, point) for point in near)), None)
