"""The search on made-up machines: what it never does, and what it finds."""

import math
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.backends.protocol import OpenGraph, Opening
from ssd_core.results.case import Case
from ssd_core.scenarios.budget import QUICK
from ssd_core.scenarios.settings import Settings
from ssd_core.scenarios.setup import Setup, stream_counts
from ssd_core.scenarios.tuning import BATCH_SIZES, Candidate, Tuned, search, setups_of, tuned
from ssd_core.worker import pool
from ssd_core.worker.answers import Durations
from tests.scenarios.contexts import ContextMaker

SETUPS = [Setup(1, 1, 4), Setup(2, 1, 2), Setup(4, 1, 1)]


def tried(
    rate: Callable[[Candidate], float], batches: tuple[int, ...] = BATCH_SIZES, longest_step_s: float = math.inf
) -> tuple[Tuned, list[Candidate]]:
    asked: list[Candidate] = []

    def measure(candidate: Candidate) -> float:
        asked.append(candidate)
        return rate(candidate)

    return search(SETUPS, batches, measure, longest_step_s), asked


@given(
    rates=st.lists(st.floats(0.01, 1000), min_size=15, max_size=15),
    batches=st.lists(st.integers(1, 64), min_size=1, max_size=5, unique=True).map(lambda b: tuple(sorted(b))),
)
def test_the_best_is_no_slower_than_anything_tried_and_nothing_is_tried_twice(
    rates: list[float], batches: tuple[int, ...]
) -> None:
    machine = dict(zip([Candidate(s, b) for s in SETUPS for b in batches], rates, strict=False))
    found, asked = tried(machine.__getitem__, batches)
    assert len(set(asked)) == len(asked)
    assert list(found.rates) == asked
    assert machine[found.best] == max(machine[candidate] for candidate in asked)
    assert {candidate.setup for candidate in asked} == set(SETUPS), "no setup is left out"


@given(st.sampled_from(SETUPS), st.sampled_from(BATCH_SIZES))
def test_a_single_peak_is_found(setup: Setup, batch: int) -> None:
    """Each step away from the peak costs a tenth, in streams as in batches."""

    def rate(candidate: Candidate) -> float:
        steps = abs(SETUPS.index(candidate.setup) - SETUPS.index(setup))
        steps += abs(BATCH_SIZES.index(candidate.batch_size) - BATCH_SIZES.index(batch))
        return float(0.9**steps)

    assert tried(rate)[0].best == Candidate(setup, batch)


def test_streams_are_looked_at_again_where_the_batch_moved() -> None:
    """Two streams are best at batch 1 only, and batch 1 is best in any."""

    def rate(candidate: Candidate) -> float:
        few = candidate.batch_size == 1
        return (3.0 if candidate.setup.streams == 2 else 2.0) if few else 1.0 - 0.1 * candidate.batch_size / 16

    assert tried(rate)[0].best == Candidate(SETUPS[1], 1)


def test_batches_grow_only_while_that_gains_a_hundredth() -> None:
    rates = {1: 1.0, 2: 1.0, 4: 1.0, 8: 1.005, 16: 2.0}
    found, asked = tried(lambda candidate: rates[candidate.batch_size] / candidate.setup.streams)
    assert {candidate.batch_size for candidate in asked} == {2, 4, 8}, "one step each way, and no more"
    assert found.best == Candidate(SETUPS[0], 8)


def test_no_batch_is_tried_whose_step_would_take_too_long() -> None:
    """At 4 images a second, 8 images take 2 s and 16 take 4 s."""
    _, asked = tried(lambda candidate: 4 + candidate.batch_size / 10, longest_step_s=2.5)
    assert max(candidate.setup.streams * candidate.batch_size for candidate in asked[len(SETUPS) :]) == 8


def test_one_batch_size_leaves_the_setups() -> None:
    _, asked = tried(lambda candidate: 1.0, (3,))
    assert asked == [Candidate(setup, 3) for setup in SETUPS]


def test_stream_counts_double_up_to_the_cpus() -> None:
    assert stream_counts(1) == (1,)
    assert stream_counts(2) == (1, 2)
    assert stream_counts(6) == (1, 2, 4, 6)
    assert stream_counts(8) == (1, 2, 4, 8)


@given(st.integers(1, 512))
def test_stream_counts_begin_with_one_and_end_with_all(cpus: int) -> None:
    counts = stream_counts(cpus)
    assert (counts[0], counts[-1]) == (1, cpus)
    assert all(before < after <= 2 * before for before, after in pairwise(counts))


TUNED = Case("throughput", "int8", streams=0, tuned=True)
IMAGE_NS = 10_000_000


class MadeUp:
    """A worker that takes 10 ms an image, a little less in batches of 2, and half of that with two streams."""

    def __init__(self, fixed_batch: int | None = None) -> None:
        self.fixed_batch = fixed_batch
        self.asked: list[tuple[Any, ...]] = []
        self._streams = self._batch = 0

    def open(self, opening: Opening) -> OpenGraph:
        self._streams = opening.streams
        threads = opening.num_inter_threads, opening.num_intra_threads
        self.asked.append(("open", opening.streams, *threads))
        return OpenGraph("batched", self.fixed_batch, {}, "", *threads, opening.streams)

    def feed_dummy(self, batch_size: int) -> None:
        self._batch = batch_size
        self.asked.append(("feed", batch_size))

    def status(self) -> Any:
        return SimpleNamespace(allocator="malloc", allocator_path=None)

    def pause(self) -> None: ...

    def run(self, steps: int) -> Durations:
        self.asked.append(("run", steps))
        step_ns = IMAGE_NS * self._batch  # of all streams together
        step_ns = step_ns * 9 // 10 if self._batch == 2 else step_ns
        return Durations([step_ns] * steps, [step_ns] * steps)


def tuned_on(context: ContextMaker, monkeypatch: pytest.MonkeyPatch, worker: MadeUp, **settings: Any) -> Any:
    monkeypatch.setattr(pool, "Worker", lambda _: worker)
    return tuned(TUNED, context(tune=True, **settings), None)


THREE = {"streams": (1, 2), "intra_threads": (3,)}
GIVEN = {"streams", "num_intra_threads"}


def test_the_case_becomes_the_best_and_all_that_was_tried_is_kept(
    context: ContextMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, kept = tuned_on(context, monkeypatch, MadeUp(), **THREE, given=GIVEN)
    assert case == Case("throughput", "int8", 2, 1, 3, streams=2, tuned=True)
    assert case.id == "int8-tuned"
    assert [(one.streams, one.batch_size) for one in kept] == [(1, 4), (2, 4), (2, 8), (2, 2), (2, 1), (1, 2)]
    rates = [one.images_per_second for one in kept]
    assert rates == pytest.approx([100, 200, 200, 200 / 0.9, 200, 100 / 0.9])


def test_a_candidate_is_warmed_up_and_run_for_a_second(context: ContextMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = MadeUp()
    tuned_on(context, monkeypatch, worker, **THREE, batch_sizes=(4,), given={*GIVEN, "batch_size"})
    once, twice = ("open", 1, 1, 3), ("open", 2, 1, 3)
    first = ("feed", 4), ("run", 1)
    assert worker.asked[1:] == [
        *(once, *first, ("run", 1), ("run", 24)),
        *(twice, *first, ("run", 24)),
    ]


def test_a_batch_is_warmed_up_in_a_session_that_ran_another(
    context: ContextMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = MadeUp()
    given = {*GIVEN, "batch_size"}
    tuned_on(context, monkeypatch, worker, streams=(1,), intra_threads=(3,), batch_sizes=(4, 5), given=given)
    assert worker.asked[-4:] == [("open", 1, 1, 3), ("feed", 5), ("run", 1), ("run", 20)]


def test_a_quick_search_tries_streams_only(context: ContextMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    _, kept = tuned_on(context, monkeypatch, MadeUp(), **THREE, given=GIVEN, budget=QUICK)
    assert [(one.streams, one.batch_size) for one in kept] == [(1, 1), (2, 1)]


def test_a_fixed_batch_leaves_streams_and_threads(context: ContextMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    case, kept = tuned_on(context, monkeypatch, MadeUp(fixed_batch=1), streams=(1, 2), given={"streams"})
    assert [(one.streams, one.batch_size) for one in kept] == [(1, 1), (2, 1)]
    assert (case.batch_size, case.streams) == (1, 2)


def test_streams_share_the_cpus_unless_lists_are_given() -> None:
    assert setups_of(Settings(cpus=6)) == [Setup(1, 1, 6), Setup(2, 1, 3), Setup(4, 1, 1), Setup(6, 1, 1)]
    given = Settings(streams=(3,), inter_threads=(1, 2), intra_threads=(5,), given=frozenset(GIVEN))
    assert setups_of(given) == [Setup(3, 1, 5), Setup(3, 2, 5)]


def test_candidates_have_names_for_the_progress_bar() -> None:
    assert str(Candidate(Setup(2, 1, 1), 4)) == "streams 2 batch 4"
    assert str(Setup(0, 1, 2, 2)) == "its own streams, 2 requests each"
