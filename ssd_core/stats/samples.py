"""Samples: the durations of one case, kept apart by the process that measured them."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssd_core.errors import UserError

NS_PER_SECOND = 1_000_000_000
NS_PER_MS = 1_000_000


@dataclass(frozen=True)
class Samples:
    """Durations in whole nanoseconds, in the order they were measured: one tuple per process.

    UserError for no process, a process without samples, and a duration that is NaN, infinite, zero or negative.
    """

    processes: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        """Refuse impossible durations."""
        if not self.processes:
            raise UserError("There are no samples: measure at least one step.")
        object.__setattr__(self, "processes", tuple(checked_ns(process) for process in self.processes))

    @classmethod
    def of(cls, *processes: Iterable[float]) -> "Samples":
        """Samples from one series of nanoseconds per process; each is rounded."""
        return cls(tuple(checked_ns(process) for process in processes))

    @classmethod
    def of_seconds(cls, *processes: Iterable[float]) -> "Samples":
        """Samples from one series of seconds per process, the unit of pytest-benchmark's `stats.data`."""
        return cls.of(*([second * NS_PER_SECOND for second in process] for process in processes))

    @property
    def count(self) -> int:
        """The number of durations in all processes together."""
        return sum(len(process) for process in self.processes)

    @property
    def arrays(self) -> tuple[NDArray[np.int64], ...]:
        """One `[samples]` int64 array of nanoseconds per process."""
        return tuple(np.asarray(process, dtype=np.int64) for process in self.processes)

    @property
    def centre_ns(self) -> float:
        """The centre that ratios use: the geometric mean of the processes' medians."""
        return float(np.exp(np.mean([np.log(np.median(series)) for series in self.arrays])))


def checked_ns(durations: Iterable[float]) -> tuple[int, ...]:
    """`durations` as whole nanoseconds. UserError if there are none, or if one is not a positive finite number."""
    whole = []
    for index, duration in enumerate(durations):
        if isinstance(duration, bool) or not isinstance(duration, int | float | np.integer | np.floating):
            raise UserError(f"Sample {index} is {duration!r}, not a number of nanoseconds: measure the case again.")
        if not math.isfinite(duration) or round(duration) <= 0:
            raise UserError(f"Sample {index} lasts {duration} ns, which is impossible: measure the case again.")
        whole.append(round(duration))
    if not whole:
        raise UserError("A process has no samples: measure at least one step in each.")
    return tuple(whole)
