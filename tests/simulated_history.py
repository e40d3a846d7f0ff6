"""Simulated histories: the medians of runs, with noise, spikes and a step."""

import math

import numpy as np
from numpy.typing import NDArray

from ssd_core.stats.steps import Points

NOISE, SPIKES, SPIKE_SIZES = 0.01, 0.05, (0.05, 0.5)
ERROR = 0.002  # of a median within its run


def medians(
    generator: np.random.Generator, points: int = 60, *, step: float = 0.0, after: int = 0, memory: float = 0.0
) -> NDArray[np.float64]:
    """Logarithms: noise of 1 %, one point in twenty longer by 5 to 50 %, and the last `after` longer by `step`.

    `memory` is the correlation of neighbours, as on a machine whose speed drifts: AR(1).
    """
    noise = generator.standard_normal(points)
    for place in range(1, points if memory else 0):
        noise[place] = memory * noise[place - 1] + math.sqrt(1 - memory**2) * noise[place]
    spikes = np.where(generator.random(points) < SPIKES, np.log1p(generator.uniform(*SPIKE_SIZES, points)), 0.0)
    logs: NDArray[np.float64] = 3.0 + NOISE * noise + spikes
    logs[points - after :] += math.log1p(step)
    return logs


def series(generator: np.random.Generator, points: int = 60, **changes: float) -> Points:
    """The same with each point's own error."""
    return Points(medians(generator, points, **changes), np.full(points, ERROR))  # type: ignore[arg-type]
