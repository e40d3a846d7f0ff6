"""Whether a machine changed its speed between two yardsticks: a clock that fell, or other work that took its share."""

from collections.abc import Sequence
from statistics import median

STEPS = 10  # of the yardstick before something, and again after it: 0.5 s each in fp32 on two cores
LARGEST_DRIFT = 0.05
"""How much two medians of the yardstick may differ on an unchanged machine; more is reported."""


def drift(before_ns: Sequence[int], after_ns: Sequence[int]) -> float:
    """The yardstick's median after something, divided by that before it: above 1 on a machine that slowed down."""
    return median(after_ns) / median(before_ns)


def describe(ratio: float) -> str | None:
    """A sentence about a drift; None where it is at most `LARGEST_DRIFT`, in either direction."""
    if max(ratio, 1 / ratio) <= 1 + LARGEST_DRIFT:
        return None
    change = f"{ratio - 1:.0%} longer" if ratio > 1 else f"{1 - ratio:.0%} less"
    return f"the yardstick took {change} after it than before: the CPU's clock changed, or other programs ran"
