"""Stopping: when the warm-up of a case ends, and when it has enough samples.

Nothing here runs or waits. The measuring loop feeds its durations and reads what to do next, so simulated series can
test the rule.
"""

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum

import numpy as np

from ssd_core.errors import UserError
from ssd_core.stats.samples import NS_PER_SECOND, checked_ns
from ssd_core.stats.steadiness import RELATIVE_WIDTH, WINDOW, enough, is_steady, warmup_of

TIME_LIMIT_S = 30.0  # per case, with its warm-up: a dozen steps of the slowest default case on two cores
WARMUP_SHARE = 0.5  # of the time limit; a series that is not steady by then is measured anyway, and marked
LEAST_STEPS = 30  # before the confidence interval may end a case: a dozen noisy samples can agree by luck
LEAST_TIME_S = 5.0  # likewise: other tenants' load and clock rates change within seconds
GROWTH = 1.1  # the rule looks again when the series is 10 % longer; each further look is a chance to stop by luck


class State(StrEnum):
    """What the measuring loop is doing."""

    WARMING = "warming"
    MEASURING = "measuring"
    DONE = "done"


class StopRule:
    """Decides when one series is done; feed it durations until `state` is DONE.

    `warmup_steps` and `steps` fix how many durations are left out and how many are kept. Without `warmup_steps` the
    warm-up ends as `steadiness` says, or at half of `time_limit_s`. Without `steps` measuring ends at `time_limit_s`.
    It ends sooner if the series is steady and the 95 % interval of its median is no wider than `relative_width` of the
    median, but not before `at_least` samples and `least_time_s` seconds.

    `reach` are useful numbers of samples, such as the 662 of a p99. The largest that fits into `reach_s` seconds is
    measured: the series does not end before it, even if that takes longer than `time_limit_s`. UserError for a negative
    count, no step, and a time limit that is not positive.
    """

    def __init__(
        self,
        *,
        warmup_steps: int | None = None,
        steps: int | None = None,
        time_limit_s: float = TIME_LIMIT_S,
        relative_width: float = RELATIVE_WIDTH,
        at_least: int = LEAST_STEPS,
        least_time_s: float = LEAST_TIME_S,
        reach: Sequence[int] = (),
        reach_s: float = TIME_LIMIT_S,
    ) -> None:
        if warmup_steps is not None and warmup_steps < 0:
            raise UserError(f"--warmup-steps {warmup_steps} is negative: give 0 or more.")
        if steps is not None and steps < 1:
            raise UserError(f"--steps {steps} measures nothing: give 1 or more.")
        if not (math.isfinite(time_limit_s) and time_limit_s > 0):
            raise UserError(f"A time limit of {time_limit_s} s measures nothing: give a positive number of seconds.")
        self._warmup_steps = warmup_steps
        self._steps = steps
        self._time_limit_s = time_limit_s
        self._relative_width = relative_width
        self._at_least = at_least
        self._least_time_s = least_time_s
        self._reach = reach
        self._reach_s = reach_s
        self._durations: list[int] = []
        self._next_look = WINDOW
        self._start = warmup_steps
        self.elapsed_s = 0.0
        self.state = State.WARMING
        self.reason: str | None = None
        self.steady = False

    @property
    def warmup(self) -> tuple[int, ...]:
        """The durations of the warm-up, which are left out, in nanoseconds."""
        return tuple(self._durations[: self._start])

    @property
    def measured(self) -> tuple[int, ...]:
        """The measured durations, in nanoseconds; none during the warm-up."""
        if self._start is None:
            return ()
        return tuple(self._durations[self._start : None if self._steps is None else self._start + self._steps])

    @property
    def wanted(self) -> int:
        """How many steps to run before the next `feed`: up to the next look, within the time limit."""
        count = len(self._durations)
        if self.state is State.DONE:
            return 0
        if self._steps is not None and self._start is not None:
            return self._start + self._steps - count
        if count == 0:  # how long a step takes is not known yet
            return 1
        in_time = math.ceil((self._time_limit_s - self.elapsed_s) / self._step_s)
        to_reach = self._reached - len(self.measured)
        return max(1, min(self._next_look - count, max(in_time, to_reach)))

    def feed(self, durations_ns: Iterable[float]) -> None:
        """Take the next durations, in order; durations after the end are ignored.

        UserError for a NaN, zero or negative duration.
        """
        if self.state is State.DONE:
            return
        self._durations.extend(checked_ns(durations_ns))
        self.elapsed_s = sum(self._durations) / NS_PER_SECOND
        if self._steps is not None:
            self._count(self._steps)
        elif len(self._durations) >= self._next_look or self.elapsed_s >= self._time_limit_s:
            self._look()

    def _count(self, steps: int) -> None:
        """With fixed steps, only the end of the warm-up may be open."""
        if self._start is None and len(self._durations) >= self._next_look:
            self._start = warmup_of(self._durations).end
            self._schedule()
        if self._start is None and self._half_time:
            self._start = self._forced_start
        if self._start is not None and len(self._durations) > self._start:
            self.state = State.MEASURING
            if len(self._durations) >= self._start + steps:
                self._finish("fixed steps")

    def _look(self) -> None:
        """Without fixed steps, search the end of the warm-up again, because a longer series shows it better."""
        self._schedule()
        if self._warmup_steps is None:
            self._start = warmup_of(self._durations).end
            if self._start is None and self._half_time:
                self._start = self._forced_start
        if self._start is None or len(self._durations) <= self._start:
            self.state = State.WARMING
            return
        self.state = State.MEASURING
        if self._knows_enough(self.measured):
            self._finish(f"interval of the median within {100 * self._relative_width:g} %")
        elif self.elapsed_s >= self._time_limit_s and len(self.measured) >= self._reached:
            self._finish("time limit")

    def _knows_enough(self, measured: tuple[int, ...]) -> bool:
        return (
            len(measured) >= max(self._at_least, self._reached)
            and sum(measured) >= self._least_time_s * NS_PER_SECOND
            and enough(measured, self._relative_width)
            and is_steady(measured)
        )

    @property
    def _step_s(self) -> float:
        """How long a step typically takes."""
        return float(np.median(self._durations)) / NS_PER_SECOND

    @property
    def _reached(self) -> int:
        """The largest useful number of samples that fits into its time, after the warm-up; 0 if none fits."""
        lead_s = sum(self.warmup) / NS_PER_SECOND
        return max((count for count in self._reach if lead_s + count * self._step_s <= self._reach_s), default=0)

    @property
    def _forced_start(self) -> int:
        """Where measuring starts if nothing is quiet. Of too few steps to look for a warm-up, the first is left out."""
        count = len(self._durations)
        return count // 2 if count >= WINDOW else min(1, count - 1)

    @property
    def _half_time(self) -> bool:
        """Whether the warm-up has used its share of the time; the later half of the series is then measured anyway."""
        return self.elapsed_s >= WARMUP_SHARE * self._time_limit_s

    def _schedule(self) -> None:
        self._next_look = max(len(self._durations) + 1, math.ceil(GROWTH * len(self._durations)))

    def _finish(self, reason: str) -> None:
        self.state, self.reason, self.steady = State.DONE, reason, is_steady(self.measured)
