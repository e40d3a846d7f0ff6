"""Steps: where the level of a series of points changed, by how much, and how sure that is.

The cheapest sequence of levels explains the points. A change of level costs a penalty, and a point costs its squared
distance from its level, but never more than a bound: a spike costs the same however high it is, so it neither moves a
level nor makes a step (Fearnhead and Rigaill 2019, "Changepoint detection in the presence of outliers"). All levels of
a grid are tried at once, for many series side by side, so the time grows with the number of points alone.

Each step that is proposed so is then tested, and dropped unless both sides have enough points and it is certain.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssd_core.stats.steadiness import CONFIDENCE

LEAST_POINTS = 4  # on either side of a step: three that agree, and a spike among them
CERTAIN = 0.95  # the confidence that a step needs, with the search for its place allowed for
LEAST_NOISE = 1e-3  # of a point's logarithm: figures that repeat to the digit do not make a step of a rounding
_BOUND = 9.0  # the most that a point costs: beyond three standard deviations it is a spike
_PENALTY = 14.0  # of a change of level: more than a spike costs, less than two; a level that ends again costs two
_SPACING = 0.3  # of the grid of levels, in standard deviations
_MOST_LEVELS = 400  # of the grid; a series that spans more of them has a coarser one
_SIDE_BY_SIDE = 64  # series that are searched at once
_AT_ONCE = 128  # points whose distances from all levels are computed together
_NORMAL = 1.4826  # the standard deviation of normal values over their median absolute deviation
_OF_SPIKES = 0.01  # of a spike's squared distance: beside a step it belongs to the nearer level
_AS_LIKELY = 3.84  # twice the logarithm of the likelihood ratio that leaves out 5 %
_NEIGHBOURS = 2  # on either side: their median with the point itself is a candidate for its level
_LEAST_TO_TELL_MEMORY = 30  # points: of fewer, the correlation of neighbours is not known
_MEMORY_ERROR = 1.5  # times 1 / sqrt(points): what the estimate of that correlation is lowered by
_MOST_MEMORY = 0.8  # the largest correlation of neighbours that is allowed for; beyond, a series is a drift

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Points:
    """A series in the order of its commits: logarithms, and the standard error of each by its own run."""

    logs: Array
    errors: Array


@dataclass(frozen=True)
class Level:
    """The mean logarithm of some points without spikes, its standard error, and the number of points it is of."""

    log: float
    error: float
    points: int


@dataclass(frozen=True)
class Step:
    """A change of level. `index` is the first point after it; it may as well be any from `first` to `last`."""

    index: int
    first: int
    last: int
    size: float
    """The change of the logarithm, and the ends of its 95 % interval."""
    low: float
    high: float
    confidence: float


@dataclass(frozen=True)
class Levels:
    """The steps of a series, and the level before the first, between each two, and after the last."""

    steps: tuple[Step, ...]
    levels: tuple[Level, ...]
    spikes: NDArray[np.bool_]
    """Of each point, whether it lies too far from its level to count."""


def find_steps(series: Sequence[Points]) -> list[Levels]:
    """The steps of each series of one point or more. Fewer points than twice `LEAST_POINTS` have none."""
    noises = [_noise(one) for one in series]
    found: list[Levels | None] = [None] * len(series)
    order = sorted(range(len(series)), key=lambda place: len(series[place].logs))  # alike in length side by side
    for start in range(0, len(order), _SIDE_BY_SIDE):
        places = order[start : start + _SIDE_BY_SIDE]
        proposed = _searched([(series[place].logs, noises[place]) for place in places])
        for place, starts in zip(places, proposed, strict=True):
            found[place] = _tested(series[place], noises[place], starts)
    return [one for one in found if one is not None]


def level_of(points: Points, start: int, end: int) -> Level:
    """The level of the points from `start` to before `end`; without points, of an infinite error."""
    return _level(points.logs[start:end], _noise(points)[start:end])[0]


def _noise(points: Points) -> Array:
    """The standard deviation of each point around its level, inflated for points that resemble their neighbours.

    Differences of neighbours show the noise whatever steps the series has, and their median ignores spikes. Those of
    next neighbours show how much neighbours have in common (Chakar et al. 2017, "A robust approach for estimating
    change-points in the mean of an AR(1) process"). What a point's own run does not explain is the same for all.
    """
    logs, errors = points.logs, points.errors
    if len(logs) < 3:
        return np.maximum(errors, LEAST_NOISE)
    near = _deviation(np.diff(logs))
    between = near**2 - float(np.mean(np.minimum(errors, near) ** 2))
    memory = 0.0
    if len(logs) >= _LEAST_TO_TELL_MEMORY and near > LEAST_NOISE:
        memory = (_deviation(logs[2:] - logs[:-2]) / near) ** 2 - 1 - _MEMORY_ERROR / math.sqrt(len(logs))
        memory = min(_MOST_MEMORY, max(0.0, memory))
    # Differences lack the part that neighbours share, and a mean of such points varies more than of others.
    inflated = (1 + memory) / (1 - memory) ** 2
    noise: Array = np.sqrt(np.maximum(between + errors**2, LEAST_NOISE**2) * inflated)
    return noise


def _deviation(differences: Array) -> float:
    """The standard deviation of one of two points by their differences, without those that a spike or a step is in."""
    sizes = np.abs(differences)
    limit = 3 * _NORMAL * float(np.median(sizes))
    inner = sizes[sizes <= limit]
    return math.sqrt(float(np.mean(inner**2)) / 2)


def _searched(series: Sequence[tuple[Array, Array]]) -> list[list[int]]:
    """Where the levels of the cheapest sequence begin, for each series."""
    count, longest = len(series), max(len(logs) for logs, _ in series)
    grids = [_grid(logs, noise) for logs, noise in series]
    width = max(map(len, grids))
    levels = np.stack([np.pad(grid, (0, width - len(grid)), mode="edge") for grid in grids])
    logs, weights = np.zeros((longest, count, 1)), np.zeros((longest, count, 1))
    for place, (values, noise) in enumerate(series):  # a point beyond a series' end weighs nothing
        logs[: len(values), place, 0], weights[: len(values), place, 0] = values, 1 / noise
    penalties = np.array([_penalty(len(values)) for values, _ in series], dtype=np.float32)
    rows, best = np.arange(count), np.zeros(count, dtype=np.intp)
    costs, origins = np.zeros((count, width), dtype=np.float32), np.zeros((count, width), dtype=np.int32)
    best_origins = np.zeros((longest, count), dtype=np.int32)
    for start in range(0, longest, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        distances = ((logs[part] - levels) * weights[part]).astype(np.float32)
        bounded = np.minimum(distances * distances, np.float32(_BOUND))
        for time, cost in enumerate(bounded, start):
            cheapest = costs[rows, best]
            costs -= cheapest[:, None]  # only differences matter, and small numbers are exact
            better = costs > penalties[:, None]
            if time:
                np.copyto(origins, time, where=better)
                np.copyto(costs, penalties[:, None], where=better)
            costs += cost
            best = costs.argmin(axis=1)
            best_origins[time] = origins[rows, best]
    return [list(_traced(best_origins[: len(values), place])) for place, (values, _) in enumerate(series)]


def _traced(origins: NDArray[np.int32]) -> Iterator[int]:
    """The beginnings of the levels but the first, from the last to the first."""
    start = int(origins[-1])
    while start > 0:
        yield start
        start = int(origins[start - 1])


def _penalty(points: int) -> float:
    """A longer series has more places at which chance may look like a step."""
    return _PENALTY + 2 * math.log(max(1.0, points / 60))


def _grid(logs: Array, noise: Array) -> Array:
    """The levels to try: those near which the medians of neighbours lie."""
    reach = min(_NEIGHBOURS, (len(logs) - 1) // 2)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(logs, reach, mode="reflect"), 2 * reach + 1)
    medians = np.median(windows, axis=1)
    spacing = _SPACING * float(np.median(noise))
    while True:
        grid: Array = np.unique(np.rint(medians / spacing)) * spacing
        if len(grid) <= _MOST_LEVELS:
            return grid
        spacing *= 2


def _tested(points: Points, noise: Array, proposed: Sequence[int]) -> Levels:
    """The proposed steps that are certain, tested anew whenever one was dropped and its sides joined."""
    logs, starts = points.logs, sorted(proposed)
    while starts:
        levels, _ = _levels(logs, noise, starts)
        confidences = _confidences(levels, starts, len(logs))
        if min(confidences) >= CERTAIN:
            break
        del starts[confidences.index(min(confidences))]
    for number in range(len(starts)):  # a dropped neighbour may have left a step beside its best place
        starts[number] = _places(logs, noise, starts, number)[0]
    levels, spikes = _levels(logs, noise, starts)
    sizes = [_size(a, b, len(logs)) for a, b in itertools.pairwise(levels)]
    steps = [Step(*_places(logs, noise, starts, number), *size) for number, size in enumerate(sizes)]
    return Levels(tuple(steps), tuple(levels), spikes)


def _confidences(levels: Sequence[Level], starts: Sequence[int], points: int) -> list[float]:
    """Of each step; 0 if a side has too few points, or too few without its spikes."""
    edges = [0, *starts, points]
    enough = [
        b - a >= LEAST_POINTS and level.points >= LEAST_POINTS - 1
        for a, b, level in zip(edges, edges[1:], levels, strict=False)
    ]
    sizes = [_size(a, b, points) for a, b in itertools.pairwise(levels)]
    return [size[3] if a and b else 0.0 for size, a, b in zip(sizes, enough, enough[1:], strict=False)]


def _levels(logs: Array, noise: Array, starts: Sequence[int]) -> tuple[list[Level], NDArray[np.bool_]]:
    """The level of each part, and which points are spikes."""
    edges = [0, *starts, len(logs)]
    parts = [_level(logs[a:b], noise[a:b]) for a, b in itertools.pairwise(edges)]
    return [level for level, _ in parts], np.concatenate([spikes for _, spikes in parts])


def _level(logs: Array, noise: Array) -> tuple[Level, NDArray[np.bool_]]:
    """The weighted mean of the points that lie within the bound around their median, and which ones do not."""
    if len(logs) == 0:
        return Level(math.nan, math.inf, 0), np.zeros(0, dtype=bool)
    weights = 1 / noise**2
    centre = float(np.median(logs))
    for _ in range(3):  # the mean of those within the bound moves little after that
        distances = (logs - centre) ** 2 * weights
        spikes = distances > max(_BOUND, float(distances.min()))
        total = float(weights[~spikes].sum())
        centre = float((logs * weights)[~spikes].sum()) / total
    return Level(centre, 1 / math.sqrt(total), int((~spikes).sum())), spikes


def _size(before: Level, after: Level, points: int) -> tuple[float, float, float, float]:
    """The change of level, the ends of its 95 % interval, and the confidence that it is one.

    The confidence allows for every place of the series at which the step could have been looked for (Bonferroni), and
    for a noise that is known from few points (Student's t).
    """
    from scipy.special import stdtr, stdtrit  # not at the top: SciPy takes 0.7 s, which pytest's start does not need

    size, error = after.log - before.log, math.hypot(before.error, after.error)
    freedom = max(1, points // 2 - 2)
    reach = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * error
    chance = 2 * float(stdtr(freedom, -abs(size) / error)) * points
    return size, size - reach, size + reach, max(0.0, 1 - chance)


def _places(logs: Array, noise: Array, starts: Sequence[int], number: int) -> tuple[int, int, int]:
    """The likeliest place of a step between its neighbours, and the first and the last that are as likely (95 %)."""
    edges = [0, *starts, len(logs)]
    start, end = edges[number], edges[number + 2]
    sides = (slice(start, starts[number]), slice(starts[number], end))
    levels = [_level(logs[side], noise[side])[0].log for side in sides]
    squares = [((logs[start:end] - level) / noise[start:end]) ** 2 for level in levels]
    costs = [np.minimum(square, _BOUND + _OF_SPIKES * square) for square in squares]
    # If the step is at a place, the points before it are of the first level, and the others of the second.
    totals = np.cumsum(costs[0] - costs[1])[LEAST_POINTS - 1 : -LEAST_POINTS]
    likely = np.flatnonzero(totals - totals.min() <= _AS_LIKELY) + start + LEAST_POINTS
    return int(totals.argmin()) + start + LEAST_POINTS, int(likely[0]), int(likely[-1])
