"""Judgement: a figure with its 95 % interval, compared with a limit."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ssd_core.errors import UserError
from ssd_core.results.schema import Result
from ssd_core.stats.figures import OF_AP, PLAIN
from ssd_core.verdicts.ledger import Outcome

_WORDS = {  # limit: its figure's name, unit and format, and how to get the figure if it is missing
    "min_speedup": ("speed-up over fp32", "", PLAIN, "measure fp32 in the same run (--precision fp32,int8)"),
    "min_yardstick_share": ("share of yardstick", "", PLAIN, "measure it with the yardstick"),
    "max_p99_over_p50": ("p99/p50", "", PLAIN, "a p99 needs 662 samples (--steps 662)"),
    "max_ap_loss": ("AP loss", "", OF_AP, "measure the accuracy of fp32 in the same run"),
    "min_images_per_second": ("throughput", " images/s", PLAIN, "measure it again"),
    "max_median_ms": ("median", " ms", PLAIN, "measure it again"),
    "max_p99_ms": ("p99", " ms", PLAIN, "a p99 needs 662 samples (--steps 662)"),
    "max_peak_memory_gb": ("peak memory", " GB", PLAIN, "the kernel reports none"),
    "min_ap": ("AP", "", OF_AP, "measure it again"),
    "min_rate": ("rate", " requests/s", PLAIN, "leave --rate out"),
}


_UNCLEAR = (Outcome.TOO_NOISY, Outcome.NOT_JUDGED)  # outcomes that more samples may change


@dataclass(frozen=True)
class Figure:
    """A value and the ends of its 95 % interval, which equal the value if it is not random."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse an interval without its value. UserError, because a NaN comes from damaged samples."""
        if not self.low <= self.value <= self.high:
            raise UserError(f"{self.value} lies outside of its interval [{self.low}, {self.high}]: measure it again.")

    @classmethod
    def exact(cls, value: float) -> "Figure":
        """A figure that is the same every time."""
        return cls(value, value, value)

    def scaled(self, factor: float) -> "Figure":
        """The figure times a positive factor."""
        return Figure(self.value * factor, self.low * factor, self.high * factor)

    def __format__(self, of: str) -> str:
        """As in `3.62 [3.55 to 3.70]`, each number formatted with `of`."""
        interval = "" if self.low == self.high else f" [{self.low:{of}} to {self.high:{of}}]"
        return f"{self.value:{of}}{interval}"


@dataclass(frozen=True)
class Finding:
    """The outcome of a limit, its reason with the figures, and the figure that was judged, if there is one."""

    outcome: Outcome
    reason: str
    figure: Figure | None = None
    in_turn: str | None = None
    """The figure's name in the result, if it was measured in turn."""
    result: Result | None = None
    """The case's result with the series that were measured for this finding, if there are any."""


def judge(limit: str, bound: float, figure: Figure | None, *, sure: bool = True) -> Finding:
    """Kept or broken if the whole interval is on one side of the limit, else too noisy to tell.

    A limit without a figure is not judged. `sure`: whether a test that must agree with the interval does agree.
    """
    name, unit, of, hint = _WORDS[limit]
    at_least = limit.startswith("min_")
    asked = f"at {'least' if at_least else 'most'} {bound:g}{unit} is asked"
    if figure is None:
        return Finding(Outcome.NOT_JUDGED, f"{name} is not known, {asked}: {hint}")
    kept = figure.low >= bound if at_least else figure.high <= bound
    broken = figure.high < bound if at_least else figure.low > bound
    outcome = Outcome.TOO_NOISY
    if sure and (kept or broken):
        outcome = Outcome.KEPT if kept else Outcome.BROKEN
    return Finding(outcome, f"{name} is {figure:{of}}{unit}, {asked}", figure)


def settle(
    look: Callable[[], Finding],
    measure_on: Callable[[], None],
    budget_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> Finding:
    """Judge, and measure more while the finding is not clear and time is left; return the last finding.

    `measure_on` adds samples for `look` to judge. If they were not enough, the reason says how long it took.
    """
    start = clock()
    finding = look()
    while finding.outcome in _UNCLEAR and clock() - start < budget_s:
        measure_on()
        finding = look()
    seconds = clock() - start
    if finding.outcome not in _UNCLEAR or seconds < 1:
        return finding
    return replace(finding, reason=f"{finding.reason}; not clear after {seconds:.0f} s more (--gate-seconds)")
