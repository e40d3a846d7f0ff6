"""The gate: judges the ledger entries of one case, and takes more samples if noise hides the answer."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from ssd_core.errors import UserError
from ssd_core.network.layers import multiply_adds
from ssd_core.precisions import REFERENCE
from ssd_core.profiling.yardstick_shape import MULTIPLY_ADDS
from ssd_core.results.case import Case
from ssd_core.results.parts import Interval
from ssd_core.results.run import Run
from ssd_core.results.schema import (
    SPEEDUP,
    YARDSTICK_SHARE,
    AccuracyResult,
    AgainstResult,
    Result,
    ServerResult,
    TimedResult,
)
from ssd_core.stats.bootstrap import estimate
from ssd_core.stats.interleaved import Interleaved
from ssd_core.stats.samples import NS_PER_SECOND
from ssd_core.stats.steadiness import LEAST_SAMPLES
from ssd_core.verdicts.asked import baseline_label, bounds_of
from ssd_core.verdicts.baseline import OUTCOMES, against_baseline
from ssd_core.verdicts.compare import Verdict, few
from ssd_core.verdicts.in_turn import figure_of, judge_in_turn
from ssd_core.verdicts.judgement import Figure, Finding, judge, settle
from ssd_core.verdicts.ledger import Outcome
from ssd_core.verdicts.limits import Thresholds
from ssd_core.verdicts.measured import Measured
from ssd_core.verdicts.series import series_figure

_MORE_NS = 2_000_000_000  # of further steps of the case at a time, if its series is not clear
_LONGEST_ROUND_S = 2.0  # two steps of either; four rounds are the fewest that can be judged
_CHANGE = 1.25  # a shared machine may change its speed by so much between two cases
_BYTES_PER_GB = 1e9


class Turns(Protocol):
    """Two runners, measured in turn for the fewest rounds that can be judged."""

    def grow(self) -> None:
        """Measure until the run is a quarter longer."""

    def interleaved(self) -> Interleaved:
        """The blocks so far."""


class Live(Protocol):
    """A case whose worker process still runs, so that it can take more samples."""

    case: Case

    def run(self, steps: int) -> Sequence[int]:
        """Run more steps; the nanoseconds of each."""

    def measure_on(self) -> TimedResult:
        """Measure one more series, in a new worker; the result of all of them."""

    def in_turn_with_reference(self, reference: Case, title: str) -> AbstractContextManager[Turns]:
        """In the block, measure the case and its fp32 reference in turn."""

    def in_turn_with_yardstick(self, title: str) -> AbstractContextManager[Turns]:
        """In the block, measure the case and the yardstick in turn."""


class Gate:
    """Judges one case after another; a finding ends the case's entry in the ledger."""

    def __init__(self, measured: Measured, thresholds: Thresholds, baseline: Run | None, seconds: float) -> None:
        self._measured = measured
        self._thresholds = thresholds
        self._baseline = baseline
        self._seconds = seconds

    def judge(self, subject: str, result: Result, live: Live | None) -> Result:
        """End every open entry of a case; return its result with the figures that were measured in turn for it."""
        ledger, bounds = self._measured.ledger, bounds_of(result.case, self._thresholds)
        for asked in ledger.open_of(subject):
            try:
                finding = self._finding(asked, bounds.get(asked), result, live)
            except UserError as error:
                ledger.end(subject, asked, Outcome.NOT_JUDGED, str(error))
                continue
            ledger.end(subject, asked, finding.outcome, finding.reason)
            result = result if finding.result is None else finding.result
            if finding.in_turn and finding.figure and isinstance(result, TimedResult):
                figure = Interval(finding.figure.value, finding.figure.low, finding.figure.high)
                result = msgspec.structs.replace(result, in_turn={**result.in_turn, finding.in_turn: figure})
        return result

    def _finding(self, asked: str, bound: float | None, result: Result, live: Live | None) -> Finding:
        if bound is not None:
            if isinstance(result, AccuracyResult):
                return self._of_accuracy(asked, bound, result)
            if isinstance(result, ServerResult):
                return self._of_server(asked, bound, result)
            return self._of_timing(asked, bound, _timed(result), live)
        if self._baseline is not None and asked == baseline_label(self._baseline):
            return against_baseline(self._baseline, result, self._thresholds, live, self._seconds)
        assert isinstance(result, AgainstResult)
        against = result.against
        return Finding(OUTCOMES[Verdict(against.verdict)], f"{against.verdict}: {against.reason}")

    def _of_accuracy(self, limit: str, bound: float, result: AccuracyResult) -> Finding:
        loss = limit == "max_ap_loss"
        return judge(limit, bound, self._measured.ap_loss(result.precision) if loss else Figure.exact(result.ap))

    def _of_server(self, limit: str, bound: float, result: ServerResult) -> Finding:
        if limit == "max_p99_ms":
            return judge(limit, bound, series_figure(limit, result.latencies_ns, 1))
        return judge(limit, bound, Figure.exact(result.rate) if result.searched else None)

    def _of_timing(self, limit: str, bound: float, result: TimedResult, live: Live | None) -> Finding:
        if limit == "min_speedup":
            return self._speedup(limit, bound, result, live)
        if limit == "min_yardstick_share":
            return self._yardstick_share(limit, bound, result, live)
        if limit == "max_peak_memory_gb":
            peak = result.peak_memory_bytes
            return judge(limit, bound, None if peak is None else Figure.exact(peak / _BYTES_PER_GB))
        return self._series(limit, bound, result, live)

    def _speedup(self, limit: str, bound: float, result: TimedResult, live: Live | None) -> Finding:
        """fp32's time per image divided by the case's, both measured in turn.

        If a round takes long and the two series show already that the limit is kept by far, these give the figure.
        """
        wanted = replace(result.case, precision=REFERENCE)
        reference = self._measured.of(wanted)
        if not isinstance(reference, TimedResult):
            return Finding(Outcome.NOT_JUDGED, f"{wanted} has no result")
        apart = _apart(limit, bound, reference, result)
        clear = apart.figure is not None and apart.figure.low >= bound * _CHANGE
        if live is None or (clear and _round_s(reference, result) > _LONGEST_ROUND_S):
            return apart
        images = live.case.images_a_step / reference.case.images_a_step
        with live.in_turn_with_reference(reference.case, f"{limit} {live.case.id}") as turns:
            return replace(self._settle(limit, bound, turns, images), in_turn=SPEEDUP)

    def _yardstick_share(self, limit: str, bound: float, result: TimedResult, live: Live | None) -> Finding:
        """The yardstick's time divided by the case's: measured around the case, and in turn unless that is kept."""
        share, yardstick = result.yardstick_share, result.yardstick
        if share is None or yardstick is None:
            return judge(limit, bound, None)
        around = np.asarray([*yardstick.before_ns, *yardstick.after_ns], dtype=np.float64)
        ratio = figure_of((1, estimate([around])), (-1, estimate(result.samples.arrays)))
        finding = _judge(limit, bound, ratio.scaled(share / ratio.value), result.samples.count)
        if finding.outcome is Outcome.KEPT or live is None:
            return finding
        # A broken limit is checked in turn, too: other load may have started in between.
        scale = multiply_adds() * live.case.images_a_step / MULTIPLY_ADDS
        with live.in_turn_with_yardstick(f"{limit} {live.case.id}") as turns:
            return replace(self._settle(limit, bound, turns, scale), in_turn=YARDSTICK_SHARE)

    def _settle(self, limit: str, bound: float, turns: Turns, scale: float) -> Finding:
        return settle(lambda: judge_in_turn(limit, bound, turns.interleaved(), scale), turns.grow, self._seconds)

    def _series(self, limit: str, bound: float, result: TimedResult, live: Live | None) -> Finding:
        """A figure of the case's own steps; more steps are taken if it is not clear."""
        processes = [list(process) for process in result.samples_ns]

        def measure_on() -> None:
            assert live is not None
            typical_ns = sorted(processes[-1])[len(processes[-1]) // 2]
            processes[-1].extend(live.run(max(1, int(_MORE_NS / typical_ns))))

        def look() -> Finding:
            figure = series_figure(limit, processes, result.case.images_a_step)
            return _judge(limit, bound, figure, sum(map(len, processes)))

        return settle(look, measure_on, 0.0 if live is None else self._seconds)


def _apart(limit: str, bound: float, reference: TimedResult, result: TimedResult) -> Finding:
    """The speed-up by two series that were measured one after the other."""
    figure = figure_of((1, estimate(_of_an_image(reference))), (-1, estimate(_of_an_image(result))))
    return _judge(limit, bound, figure, min(reference.samples.count, result.samples.count))


def _judge(limit: str, bound: float, figure: Figure | None, samples: int) -> Finding:
    """The finding on a figure of so many samples; too noisy to tell if they are too few for an interval."""
    if figure is None or samples >= LEAST_SAMPLES:
        return judge(limit, bound, figure)
    exact = judge(limit, bound, Figure.exact(figure.value))
    return Finding(Outcome.TOO_NOISY, f"{exact.reason}; {few(samples)}")


def _of_an_image(result: TimedResult) -> list[NDArray[np.float64]]:
    return [series / result.case.images_a_step for series in result.samples.arrays]


def _round_s(*results: TimedResult) -> float:
    return sum(2 * result.samples.centre_ns for result in results) / NS_PER_SECOND


def _timed(result: Result) -> TimedResult:
    assert isinstance(result, TimedResult), f"{result.case} has no series of steps"
    return result
