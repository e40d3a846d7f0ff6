"""A series: steps taken until the stopping rule has enough."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ssd_core.results.case import Case
from ssd_core.results.parts import Marks, Neighbours
from ssd_core.scenarios.protocol import Context
from ssd_core.stats.percentiles import samples_needed
from ssd_core.stats.samples import NS_PER_MS
from ssd_core.stats.steadiness import LEAST_SAMPLES
from ssd_core.stats.stopping import State, StopRule
from ssd_core.worker.answers import Durations

SHARE = 0.03  # of a case's time for the yardstick between its steps
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
    marks: Marks
    neighbours: Neighbours


class Marker:
    """Runs the yardstick between chunks of steps, for at most `SHARE` of their time.

    `cost_ns` is what one run takes, and `steps_lost` how many steps of the case are lost with it: with several streams
    those under way are left out.
    """

    def __init__(self, yardstick: Callable[[int], Sequence[int]], cost_ns: float, steps_lost: int = 0) -> None:
        self._yardstick = yardstick
        self._cost_ns = cost_ns
        self._steps_lost = steps_lost
        self._steps = 0
        self._since_ns = 0
        self._marks: list[tuple[int, int]] = []

    def after(self, chunk_ns: Sequence[int]) -> None:
        """Take note of a chunk of steps, and run the yardstick once if enough time has passed."""
        self._steps += len(chunk_ns)
        self._since_ns += sum(chunk_ns)
        if (self._cost_ns + self._steps_lost * median(chunk_ns)) <= SHARE * self._since_ns:
            self._marks += [(self._steps, ns) for ns in self._yardstick(1)]
            self._since_ns = 0

    def marks(self, first: int, count: int) -> Marks:
        """Those of `count` steps from the `first` one, the yardstick just before them included."""
        kept = [(place - first, ns) for place, ns in self._marks if 0 <= place - first <= count]
        return Marks([place for place, _ in kept], [ns for _, ns in kept])


def take(
    case: Case,
    context: Context,
    run: Callable[[int], Durations],
    marker: Marker | None = None,
) -> Series:
    """Run steps until there are enough, with runs of the yardstick between them."""
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
    others: list[tuple[int, float]] = []
    with context.progress.bar(unit=" steps", desc=str(case)) as bar:
        while rule.state is not State.DONE:
            chunk = run(min(rule.wanted, _steps_of_a_chunk(inner)))
            rule.feed(chunk.step_ns)
            inner += chunk.run_ns
            others.append((len(inner), chunk.others))
            if marker is not None:
                marker.after(chunk.step_ns)
            bar.set_postfix_str(f"{rule.state} {median(chunk.step_ns) / NS_PER_MS:.1f} ms")
            bar.update(len(chunk.step_ns))
    measured, lead = rule.measured, len(rule.warmup)
    marks = Marks([], []) if marker is None else marker.marks(lead, len(measured))
    chunks = [(min(end - lead, len(measured)), round(share, 4)) for end, share in others if end > lead]
    neighbours = Neighbours([end for end, _ in chunks], [share for _, share in chunks])
    inner_ns = tuple(inner[lead : lead + len(measured)])
    return Series(measured, inner_ns, lead, rule.steady, rule.reason or "", marks, neighbours)


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
