"""A series of steps that last what a test says: which of them count, and when there are enough."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssd_core.results.case import Case
from ssd_core.results.parts import Neighbours
from ssd_core.scenarios.budget import QUICK
from ssd_core.scenarios.series import SHARE, Marker, Others, Series, take
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


@pytest.mark.parametrize(("kind", "seconds"), [("throughput", 10), ("input_pipeline", 5)])
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
    assert sum(taken("latency", constant(600), context).step_ns) * 1e-9 == pytest.approx(10, abs=0.6)


def test_slow_steps_get_the_six_that_an_interval_needs_and_lose_only_the_first(context: ContextMaker) -> None:
    series = take(Case("throughput", "fp32", 8), context(), constant(2300))
    assert (series.warmup_steps, len(series.step_ns), series.stopped) == (1, 6, "time limit")


def test_a_quick_series_takes_seconds_and_counts_that_the_user_gives_win(context: ContextMaker) -> None:
    case = Case("latency", "fp32", 1)
    quick = take(case, context(budget=QUICK), constant(300))
    assert sum(quick.step_ns) * 1e-9 < 3
    assert len(take(case, context(budget=QUICK, steps=40, warmup_steps=0), constant(300)).step_ns) == 40


def test_the_bar_moves_and_the_yardstick_runs_several_times_a_second(context: ContextMaker) -> None:
    run = constant(50)
    taken("throughput", run, context)
    assert run.asked[0] == 1, "how long a step takes is not known yet"
    assert max(run.asked[1:]) == 4


def chunk(steps: int, ms: int, others: float = 0.0) -> Durations:
    return Durations([ms * MS] * steps, [ms * MS] * steps, others)


@given(cost_ms=st.integers(1, 60), step_ms=st.integers(1, 400), lost=st.integers(0, 1))
def test_the_yardstick_takes_at_most_its_share_of_the_time(cost_ms: int, step_ms: int, lost: int) -> None:
    asked: list[int] = []

    def yardstick(steps: int) -> list[int]:
        asked.append(steps)
        return [cost_ms * MS] * steps

    marker = Marker(yardstick, cost_ms * MS, lost)
    for _ in range(200):
        marker.after(chunk(2, step_ms))
    marks = marker.marks(0, 400)
    total_ms = 400 * step_ms
    assert sum(asked) * cost_ms + len(asked) * lost * step_ms <= SHARE * total_ms
    # One chunk more than needed may pass between two marks; the first of short runs counts twice.
    needed_ms = cost_ms * (3 if cost_ms < 10 else 1) + lost * step_ms
    assert len(marks.places) >= int(total_ms / (needed_ms / SHARE + 2 * step_ms))
    assert marks.places == sorted(marks.places)


def test_marks_are_kept_with_their_places_among_the_measured_steps(context: ContextMaker) -> None:
    marker = Marker(lambda steps: [25 * MS] * steps, 25 * MS)
    series = take(Case("latency", "int8", 1), context(steps=20, warmup_steps=5), constant(100), marker)
    assert series.warmup_steps == 5
    # Steps are asked for in chunks of 1, 2, 2, ...; 25 ms are 10 % of 2.5 steps.
    assert series.marks.places == [2, 6, 10, 14, 18]
    assert series.marks.durations_ns == [25 * MS] * 5


def test_a_short_yardstick_runs_more_than_once_at_a_time() -> None:
    asked: list[int] = []

    def yardstick(steps: int) -> list[int]:
        asked.append(steps)
        return [2 * MS] * steps

    marker = Marker(yardstick, 2 * MS)
    marker.after(chunk(5, 40))  # 10 % of 200 ms are ten runs; the first counts twice and is not kept
    assert marker.marks(0, 5).places == [5] * 8
    assert asked == [9]


def test_the_yardstick_does_not_run_where_steps_wait_for_their_images() -> None:
    marker = Marker(lambda steps: [2 * MS] * steps, 2 * MS)
    marker.after(Durations([38 * MS] * 5, [40 * MS] * 5))
    assert marker.marks(0, 5).places == []
    marker.after(Durations([40 * MS] * 5, [40 * MS + WAIT_NS] * 5))
    assert marker.marks(0, 10).places == [10] * 18


def test_other_programs_are_kept_for_half_a_second_of_steps_each(context: ContextMaker) -> None:
    series = take(Case("latency", "int8", 1), context(steps=12, warmup_steps=4), constant(100))
    # Chunks begin at steps 0, 1, 3, 5, ...; three of them make half a second, and the first three are mostly warm-up.
    assert series.neighbours == Neighbours([1, 7, 12], [0.0016, 0.007, 0.0126])


def test_shares_are_means_by_time_and_cut_off_only_then() -> None:
    others = Others()
    for one in (chunk(2, 100, -0.1), chunk(1, 300, 0.2), chunk(2, 300, -0.05)):
        others.after(one)
    assert others.neighbours(0, 5) == Neighbours([3, 5], [0.08, 0.0])
    assert Others().neighbours(0, 5) == Neighbours([], [])


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 900), st.floats(-0.5, 1.5)), min_size=1, max_size=30))
def test_every_step_belongs_to_a_chunk(chunks: list[tuple[int, int, float]]) -> None:
    others = Others()
    for one in chunks:
        others.after(chunk(*one))
    steps = sum(count for count, _, _ in chunks)
    assert others.neighbours(0, steps).ends[-1] == steps
