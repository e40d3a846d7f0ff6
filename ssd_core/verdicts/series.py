"""Figures of a case's own steps, with their intervals; the absolute limits apply to them."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ssd_core.stats.bootstrap import estimate, median, quantile, quantile_ratio
from ssd_core.stats.percentiles import samples_needed
from ssd_core.stats.samples import NS_PER_MS, NS_PER_SECOND
from ssd_core.verdicts.in_turn import figure_of
from ssd_core.verdicts.judgement import Figure

Array = NDArray[np.float64]


def _mean(rows: Array) -> Array:
    means: Array = rows.mean(axis=1)
    return means


_STATISTICS: dict[str, Callable[[Array], Array]] = {
    "max_median_ms": median,
    "max_p99_ms": quantile(0.99),
    "max_p99_over_p50": quantile_ratio(0.99, 0.5),
    "min_images_per_second": _mean,
}
_OF_P99 = ("max_p99_ms", "max_p99_over_p50")


def series_figure(limit: str, processes_ns: Sequence[Sequence[float]], images_a_step: int) -> Figure | None:
    """The figure that a limit applies to, from nanoseconds by process; None if a p99 has too few samples."""
    if limit in _OF_P99 and sum(map(len, processes_ns)) < samples_needed(99):
        return None
    of_steps = estimate([np.asarray(process, dtype=np.float64) for process in processes_ns], _STATISTICS[limit])
    if limit == "min_images_per_second":
        return figure_of((-1, of_steps), scale=images_a_step * NS_PER_SECOND)
    return figure_of((1, of_steps), scale=1.0 if limit == "max_p99_over_p50" else 1 / NS_PER_MS)
