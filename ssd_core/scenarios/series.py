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

SHARE = 0.1  # of a case's time for the yardstick between its steps
WAITING = 0.01  # of a step's time; less is the call itself
_CHUNK_NS = 200_000_000  # of steps per request to the worker: a machine's speed changes within a second
_SHORT_NS = 10_000_000  # a yardstick below this takes half as long again just after the network's steps
_OTHERS_NS = 500_000_000  # of steps per share of other programs: the kernel counts in ticks of 10 ms


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
    those under way are left out. The first of short runs is not kept.
    """

    def __init__(self, yardstick: Callable[[int], Sequence[int]], cost_ns: float, steps_lost: int = 0) -> None:
        self._yardstick = yardstick
        self._cost_ns = cost_ns
        self._steps_lost = steps_lost
        self._lead_in = 1 if cost_ns < _SHORT_NS else 0
        self._steps = 0
        self._since_ns = 0
        self._marks: list[tuple[int, int]] = []

    def after(self, chunk: Durations) -> None:
        """Take note of a chunk of steps, and run the yardstick as often as its share of the time since allows.

        It does not run where steps wait for their images: these would arrive meanwhile, and the next step wait less.
        """
        self._steps += len(chunk.step_ns)
        self._since_ns += sum(chunk.step_ns)
        waited_ns = sum(chunk.step_ns) - sum(chunk.run_ns)
        left_ns = SHARE * self._since_ns - self._steps_lost * median(chunk.step_ns)
        runs = int(left_ns / self._cost_ns) - 2 * self._lead_in
        if runs > 0 and waited_ns <= WAITING * sum(chunk.step_ns):
            durations_ns = self._yardstick(self._lead_in + runs)[self._lead_in :]
            self._marks += [(self._steps, ns) for ns in durations_ns]
            self._since_ns = 0

    def marks(self, first: int, count: int) -> Marks:
        """Those of `count` steps from the `first` one, the yardstick just before them included."""
        kept = [(place - first, ns) for place, ns in self._marks if 0 <= place - first <= count]
        return Marks([place for place, _ in kept], [ns for _, ns in kept], self._lead_in)


class Others:
    """Keeps what other programs took of the CPUs, for every `_OTHERS_NS` of steps or a little more."""

    def __init__(self) -> None:
        self._steps = 0
        self._since: list[tuple[int, float]] = []
        self._chunks: list[tuple[int, float]] = []

    def after(self, chunk: Durations) -> None:
        """Take note of a chunk of steps."""
        self._steps += len(chunk.step_ns)
        self._since.append((sum(chunk.step_ns), chunk.others))
        if sum(ns for ns, _ in self._since) >= _OTHERS_NS:
            self._close()

    def _close(self) -> None:
        mean = sum(ns * share for ns, share in self._since) / sum(ns for ns, _ in self._since)
        self._chunks.append((self._steps, round(min(1.0, max(0.0, mean)), 4)))
        self._since = []

    def neighbours(self, first: int, count: int) -> Neighbours:
        """Those of `count` steps from the `first` one."""
        if self._since:
            self._close()
        chunks = [(min(end - first, count), share) for end, share in self._chunks if end > first]
        return Neighbours([end for end, _ in chunks], [share for _, share in chunks])


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
    others = Others()
    with context.progress.bar(unit=" steps", desc=str(case)) as bar:
        while rule.state is not State.DONE:
            chunk = run(min(rule.wanted, _steps_of_a_chunk(inner)))
            rule.feed(chunk.step_ns)
            inner += chunk.run_ns
            others.after(chunk)
            if marker is not None:
                marker.after(chunk)
            bar.set_postfix_str(f"{rule.state} {median(chunk.step_ns) / NS_PER_MS:.1f} ms")
            bar.update(len(chunk.step_ns))
    measured, lead = rule.measured, len(rule.warmup)
    marks = Marks([], []) if marker is None else marker.marks(lead, len(measured))
    inner_ns = tuple(inner[lead : lead + len(measured)])
    return Series(
        measured, inner_ns, lead, rule.steady, rule.reason or "", marks, others.neighbours(lead, len(measured))
    )


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
