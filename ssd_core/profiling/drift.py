"""Whether a machine changed its speed between two yardsticks: a clock that fell, or other work that took its share."""

from collections.abc import Sequence
from statistics import median

STEPS = 10  # of a yardstick before and after something each: 0.5 s in fp32 on two cores
LARGEST_DRIFT = 0.05
"""What the medians of two yardsticks may differ by where nothing changed; more is worth a line."""


def drift(before_ns: Sequence[int], after_ns: Sequence[int]) -> float:
    """How many times as long the yardstick took after something as before it: above 1 on a machine that slowed down."""
    return median(after_ns) / median(before_ns)


def describe(ratio: float) -> str | None:
    """What a drift says of the machine; None where it is not beyond `LARGEST_DRIFT`, either way."""
    if max(ratio, 1 / ratio) <= 1 + LARGEST_DRIFT:
        return None
    change = f"{ratio - 1:.0%} longer" if ratio > 1 else f"{1 - ratio:.0%} less"
    return f"the yardstick took {change} after it than before: the CPU's clock changed, or other programs ran"
