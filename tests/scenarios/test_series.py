"""A series of steps that last what a test says: which of them count, and when there are enough."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssd_core.results.case import Case
from ssd_core.results.parts import Neighbours
from ssd_core.scenarios.budget import QUICK
from ssd_core.scenarios.series import SHARE, Marker, Series, take
from ssd_core.stats.percentiles import samples_needed
from ssd_core.worker.answers import Durations
from tests.scenarios.contexts import ContextMaker

MS = 1_000_000
WAIT_NS = 7


class Steps:
    """Steps whose session.run lasts a time that depends on their number, after a wait for their images."""

    def __init__(self, run_ns: Callable[[int], int]) -> None:
        self._run_ns = run_ns
        self.asked: list[int] = []

    def __call__(self, steps: int) -> Durations:
        first = sum(self.asked)
        self.asked.append(steps)
        run_ns = [self._run_ns(number) for number in range(first, first + steps)]
        return Durations(run_ns, [ns + WAIT_NS for ns in run_ns], first / 1000)


def constant(ms: int) -> Steps:
    return Steps(lambda _: ms * MS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the context keeps nothing
@given(warmup=st.integers(0, 20), steps=st.integers(1, 40))
def test_fixed_steps_are_those_after_the_warm_up(context: ContextMaker, warmup: int, steps: int) -> None:
    run = Steps(lambda number: 50 * MS + number)
    series = take(Case("throughput", "int8", 1), context(steps=steps, warmup_steps=warmup), run)
    run_ns = tuple(50 * MS + number for number in range(warmup, warmup + steps))
    assert series.run_ns == run_ns
    assert series.step_ns == tuple(ns + WAIT_NS for ns in run_ns)
    assert (series.warmup_steps, series.stopped) == (warmup, "fixed steps")


def taken(kind: str, run: Steps, context: ContextMaker) -> Series:
    return take(Case(kind, "int8", 1), context(warmup_steps=0), run)


def test_a_clear_series_ends_after_some_seconds_of_steps(context: ContextMaker) -> None:
    series = taken("throughput", constant(100), context)
    assert series.stopped == "interval of the median within 1 %"
    assert series.steady
    assert 5 <= sum(series.step_ns) * 1e-9 < 10


def test_latency_goes_on_until_its_samples_carry_a_p99(context: ContextMaker) -> None:
    assert len(taken("throughput", constant(20), context).step_ns) < samples_needed(99)
    latency = taken("latency", constant(20), context)
    assert len(latency.step_ns) >= samples_needed(99)
    assert latency.stopped == "interval of the median within 1 %"


@pytest.mark.parametrize(("kind", "seconds"), [("throughput", 12), ("input_pipeline", 5)])
def test_a_series_that_is_not_clear_ends_at_its_kinds_time_limit(
    kind: str, seconds: int, context: ContextMaker
) -> None:
    unclear = Steps(lambda number: (100 if number % 2 else 400) * MS)  # whose median is anything in between
    series = taken(kind, unclear, context)
    assert series.stopped == "time limit"
    assert sum(series.step_ns) * 1e-9 == pytest.approx(seconds, abs=0.5)


def test_latency_goes_on_only_for_a_percentile_that_fits_into_its_time(context: ContextMaker) -> None:
    """In 32 s there is time for the 130 steps of a p95 at 200 ms, for the 64 of a p90 at 400 ms, for none at 600 ms."""
    for ms, steps in ((200, 130), (400, 64)):
        assert steps <= len(taken("latency", constant(ms), context).step_ns) < 1.2 * steps
    assert sum(taken("latency", constant(600), context).step_ns) * 1e-9 == pytest.approx(12, abs=0.6)


def test_slow_steps_get_the_six_that_an_interval_needs_and_lose_only_the_first(context: ContextMaker) -> None:
    series = take(Case("throughput", "fp32", 8), context(), constant(2300))
    assert (series.warmup_steps, len(series.step_ns), series.stopped) == (1, 6, "time limit")


def test_a_quick_series_takes_seconds_and_counts_that_the_user_gives_win(context: ContextMaker) -> None:
    case = Case("latency", "fp32", 1)
    quick = take(case, context(budget=QUICK), constant(300))
    assert sum(quick.step_ns) * 1e-9 < 3
    assert len(take(case, context(budget=QUICK, steps=40, warmup_steps=0), constant(300)).step_ns) == 40


def test_the_bar_moves_every_half_second(context: ContextMaker) -> None:
    run = constant(100)
    taken("throughput", run, context)
    assert run.asked[0] == 1, "how long a step takes is not known yet"
    assert max(run.asked[1:]) == 5


@given(cost_ms=st.integers(1, 60), step_ms=st.integers(1, 400), lost=st.integers(0, 1))
def test_the_yardstick_takes_at_most_its_share_of_the_time(cost_ms: int, step_ms: int, lost: int) -> None:
    marker = Marker(lambda steps: [cost_ms * MS] * steps, cost_ms * MS, lost)
    for _ in range(200):
        marker.after([step_ms * MS] * 2)
    marks = marker.marks(0, 400)
    cost_ns = (cost_ms + lost * step_ms) * MS
    total_ns = 400 * step_ms * MS
    assert len(marks.places) * cost_ns <= SHARE * total_ns
    # One chunk more than needed may pass between two marks.
    assert len(marks.places) >= int(total_ns / (cost_ns / SHARE + 2 * step_ms * MS))
    assert marks.places == sorted(set(marks.places))


def test_marks_are_kept_with_their_places_among_the_measured_steps(context: ContextMaker) -> None:
    marker = Marker(lambda _: [9 * MS], 9 * MS)
    series = take(Case("latency", "int8", 1), context(steps=20, warmup_steps=5), constant(100), marker)
    assert series.warmup_steps == 5
    # Steps are asked for in chunks of 1, 5, 5, ...; 9 ms are 3 % of three of them.
    assert series.marks.places == [1, 6, 11, 16, 20]
    assert series.marks.durations_ns == [9 * MS] * 5


def test_other_programs_are_kept_chunk_by_chunk_of_the_measured_steps(context: ContextMaker) -> None:
    series = take(Case("latency", "int8", 1), context(steps=12, warmup_steps=4), constant(100))
    # Chunks begin at steps 0, 1, 6 and 11; the first is wholly warm-up, and the last is cut short.
    assert series.neighbours == Neighbours([2, 7, 12], [0.001, 0.006, 0.011])
