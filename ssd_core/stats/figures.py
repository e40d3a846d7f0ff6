"""Figures: the numbers computed from a case's samples. Each is defined once here, for printing and for judging.

A figure has the same digits in the terminal's table, the ledger and `compare`. With several processes it is the
geometric mean of their figures; the bootstrap's intervals are around the same mean.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ssd_core.stats.percentiles import PERCENTILES, samples_needed
from ssd_core.stats.samples import NS_PER_MS, NS_PER_SECOND, Samples

PLAIN = ".2f"  # milliseconds, images a second, GB, and ratios such as the speed-up
OF_AP = ".3f"  # AP as pycocotools prints it, and a loss of AP


def median_ms(samples: Samples) -> float:
    """The median of a step in milliseconds."""
    return samples.centre_ns / NS_PER_MS


def images_per_second(samples: Samples, images_a_step: int) -> float:
    """Images divided by the time of all steps."""
    return images_a_step * NS_PER_SECOND / _of_processes(samples, np.mean)


def percentile_ms(samples: Samples, percent: float) -> float | None:
    """A percentile of a step, linearly interpolated; None if all samples together are too few for it."""
    if samples.count < samples_needed(percent):
        return None
    return _of_processes(samples, lambda series: np.percentile(series, percent)) / NS_PER_MS


def latency_ms(samples: Samples) -> dict[str, float]:
    """`count`, and in milliseconds `mean` and each of `p50`, `p90`, `p95` and `p99` that has enough samples."""
    carried = {f"p{percent}": percentile_ms(samples, percent) for percent in PERCENTILES}
    mean = _of_processes(samples, np.mean) / NS_PER_MS
    return {"count": float(samples.count), "mean": mean} | {k: v for k, v in carried.items() if v is not None}


def _of_processes(samples: Samples, statistic: Callable[..., Any]) -> float:
    return float(np.exp(np.mean([np.log(statistic(series)) for series in samples.arrays])))
