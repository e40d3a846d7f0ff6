"""A series: steps taken until the stopping rule has enough."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ssd_core.results.case import Case
from ssd_core.scenarios.protocol import Context
from ssd_core.stats.percentiles import samples_needed
from ssd_core.stats.samples import NS_PER_MS
from ssd_core.stats.steadiness import LEAST_SAMPLES
from ssd_core.stats.stopping import State, StopRule

_CHUNK_NS = 500_000_000  # of steps per request to the worker


@dataclass(frozen=True)
class Series:
    """What one process measured after its warm-up."""

    step_ns: tuple[int, ...]
    """Whole steps, with the wait for their images if there are records."""
    run_ns: tuple[int, ...]
    """The same steps' session.run alone."""
    warmup_steps: int
    steady: bool
    stopped: str
    """Why it ended: the fixed number of steps, the interval of the median, or the time limit."""


def take(case: Case, context: Context, run: Callable[[int], tuple[list[int], list[int]]]) -> Series:
    """Run steps until there are enough; `run` gives each step's nanoseconds, and those of its session.run."""
    settings, budget = context.settings, context.settings.budget
    series = budget.series[case.kind]
    rule = StopRule(
        warmup_steps=settings.warmup_steps,
        steps=settings.steps,
        time_limit_s=series.time_limit_s,
        relative_width=budget.relative_width,
        at_least=budget.least_steps,
        least_time_s=budget.least_time_s,
        reach=(LEAST_SAMPLES, *map(samples_needed, series.percentiles)),
        reach_s=series.reach_s,
    )
    inner: list[int] = []
    with context.progress.bar(unit=" steps", desc=str(case)) as bar:
        while rule.state is not State.DONE:
            step_ns, run_ns = run(min(rule.wanted, _steps_of_a_chunk(inner)))
            rule.feed(step_ns)
            inner += run_ns
            bar.set_postfix_str(f"{rule.state} {median(step_ns) / NS_PER_MS:.1f} ms")
            bar.update(len(step_ns))
    measured, lead = rule.measured, len(rule.warmup)
    return Series(measured, tuple(inner[lead : lead + len(measured)]), lead, rule.steady, rule.reason or "")


def steadiness_of(series: Sequence[Series]) -> dict[str, Any]:
    """Warm-up, steadiness and end of a case's series, one per process, as fields of a TimedResult."""
    return {
        "warmup_steps": sum(one.warmup_steps for one in series),
        "steady": all(one.steady for one in series),
        "stopped": "; ".join(dict.fromkeys(one.stopped for one in series)),
    }


def _steps_of_a_chunk(run_ns: list[int]) -> int:
    """How many steps to ask of the worker at once, so that the progress bar moves."""
    return max(1, int(_CHUNK_NS / run_ns[-1])) if run_ns else 1
