"""What was observed of one process: its steps, and what the machine did meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssd_core.stats.steadiness import LEAST_SAMPLES

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Observed:
    """The durations (ns) of one process in order, and what the machine did meanwhile.

    `ends` are how many steps had been taken at the end of each chunk; the last is the number of steps. `shares` are
    what others took of the CPUs during each, 0 to 1. `yardstick_ns` are runs of the yardstick, after `places` steps.
    """

    durations_ns: NDArray[np.number]
    ends: Sequence[int]
    shares: Sequence[float]
    places: Sequence[int] = ()
    yardstick_ns: Sequence[int] = ()
    lead_in: int = 0
    """Runs of the yardstick that were left out at each place."""

    @property
    def whole(self) -> bool:
        """Whether every step belongs to a chunk."""
        return bool(self.ends) and self.ends[-1] == len(self.durations_ns)

    @property
    def of_steps(self) -> Array:
        """The share during each step, `[steps]`."""
        return np.repeat(np.asarray(self.shares, np.float64), np.diff([0, *self.ends]))

    @property
    def chunks(self) -> tuple[Array, Array, Array]:
        """Of each chunk with steps: their number, the share, and the logarithm of a step's mean duration."""
        counts = np.diff([0, *self.ends])
        there = counts > 0
        sums = np.add.reduceat(self.durations_ns.astype(np.float64), np.cumsum([0, *counts[:-1]])[there])
        return counts[there].astype(np.float64), np.asarray(self.shares)[there], np.log(sums / counts[there])

    @property
    def has_level(self) -> bool:
        """Whether the yardstick ran at enough places to say how fast the machine was."""
        return len(set(self.places)) >= LEAST_SAMPLES

    @property
    def levels(self) -> Array:
        """The yardstick's mean (ns) just before and just after each step, `[steps]`."""
        places, first = np.unique(self.places, return_index=True)
        sums = np.add.reduceat(np.asarray(self.yardstick_ns, np.float64), first)
        means = sums / np.diff([*first, len(self.yardstick_ns)])
        after = np.searchsorted(places, np.arange(len(self.durations_ns)), side="right")
        last = len(places) - 1
        level: Array = (means[np.maximum(after - 1, 0)] + means[np.minimum(after, last)]) / 2
        return level
