"""Figures: what a case's samples come to. Each has its one definition here, whoever prints or judges it.

And its one format: a figure has the same digits in the terminal's table, the ledger and `compare`. Of several processes
a figure is the geometric mean of theirs, which the bootstrap's intervals are around, too.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ssd_core.stats.percentiles import PERCENTILES, samples_needed
from ssd_core.stats.samples import NS_PER_MS, NS_PER_SECOND, Samples

PLAIN = ".2f"  # milliseconds, images a second, GB, and ratios such as the speed-up
OF_AP = ".3f"  # as pycocotools prints it, and what is lost of it


def median_ms(samples: Samples) -> float:
    """The median of a step in milliseconds."""
    return samples.centre_ns / NS_PER_MS


def images_per_second(samples: Samples, images_a_step: int) -> float:
    """Images over the time of all steps."""
    return images_a_step * NS_PER_SECOND / _of_processes(samples, np.mean)


def percentile_ms(samples: Samples, percent: float) -> float | None:
    """A percentile of a step, linearly interpolated; None where all samples together do not carry it."""
    if samples.count < samples_needed(percent):
        return None
    return _of_processes(samples, lambda series: np.percentile(series, percent)) / NS_PER_MS


def latency_ms(samples: Samples) -> dict[str, float]:
    """`count`, `mean`, and those of `p50`, `p90`, `p95` and `p99` that the samples carry, in milliseconds."""
    carried = {f"p{percent}": percentile_ms(samples, percent) for percent in PERCENTILES}
    mean = _of_processes(samples, np.mean) / NS_PER_MS
    return {"count": float(samples.count), "mean": mean} | {k: v for k, v in carried.items() if v is not None}


def _of_processes(samples: Samples, statistic: Callable[..., Any]) -> float:
    return float(np.exp(np.mean([np.log(statistic(series)) for series in samples.arrays])))
