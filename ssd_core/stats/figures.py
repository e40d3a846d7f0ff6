"""Figures: what a case's samples come to. Each has its one definition here, whoever prints or judges it.

And its one format: a figure has the same digits in the terminal's table, the ledger and `compare`.
"""

import numpy as np

from ssd_core.stats.samples import NS_PER_MS, NS_PER_SECOND, Samples

PLAIN = ".2f"  # milliseconds, images a second, GB, and ratios such as the speed-up
OF_AP = ".3f"  # as pycocotools prints it, and what is lost of it


def median_ms(samples: Samples) -> float:
    """The median of a step in milliseconds: of several processes the geometric mean of their medians."""
    return samples.centre_ns / NS_PER_MS


def images_per_second(samples: Samples, images_a_step: int) -> float:
    """Images over the time of all steps: of several processes the geometric mean of their rates."""
    mean_ns = np.exp(np.mean([np.log(series.mean()) for series in samples.arrays]))
    return float(images_a_step * NS_PER_SECOND / mean_ns)
