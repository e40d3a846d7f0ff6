"""A series: steps taken until the stopping rule has enough."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ssd_core.results.case import Case
from ssd_core.scenarios.protocol import Context
from ssd_core.stats.percentiles import samples_needed
from ssd_core.stats.samples import NS_PER_MS
from ssd_core.stats.stopping import LEAST_STEPS, State, StopRule

TIME_LIMIT_S = 20.0  # per case, with its warm-up, if --steps is not given
_TIME_LIMITS_S = {
    "latency": 32.0,  # the 662 steps that a p99 needs, at up to 45 ms each
    "input_pipeline": 8.0,  # its steps are a hundred times shorter
}
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


def time_limit_s(kind: str) -> float:
    """The longest that a series of a kind takes if --steps is not given."""
    return _TIME_LIMITS_S.get(kind, TIME_LIMIT_S)


def take(case: Case, context: Context, run: Callable[[int], tuple[list[int], list[int]]]) -> Series:
    """Run steps until there are enough; `run` gives each step's nanoseconds, and those of its session.run."""
    settings = context.settings
    rule = StopRule(
        warmup_steps=settings.warmup_steps,
        steps=settings.steps,
        time_limit_s=time_limit_s(case.kind),
        at_least=samples_needed(99) if case.kind == "latency" else LEAST_STEPS,
    )
    inner: list[int] = []
    with context.progress.bar(unit="step", desc=str(case)) as bar:
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
