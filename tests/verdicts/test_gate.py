"""The gate: each limit kept, broken or not judged, on a case that can be measured on or cannot."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssd_core.coco.matches import CategoryMatches, Matches
from ssd_core.machine import identity
from ssd_core.network.layers import multiply_adds
from ssd_core.profiling.yardstick_shape import MULTIPLY_ADDS
from ssd_core.results.case import Case
from ssd_core.results.parts import Interval, VariantOutcome, Yardstick
from ssd_core.results.run import Run
from ssd_core.results.schema import AgainstResult, Result, TimedResult, timing_of
from ssd_core.stats.interleaved import Interleaved
from ssd_core.stats.percentiles import samples_needed
from ssd_core.verdicts.compare import Verdict
from ssd_core.verdicts.gate import Gate
from ssd_core.verdicts.ledger import Entry, Outcome
from ssd_core.verdicts.limits import Rule, Thresholds
from ssd_core.verdicts.measured import Measured
from tests.typed_results import accuracy, timed

MACHINE = {"cpu_model": "Example 9000", "isa_flags": ["avx512_vnni"], "kernel": "6.1"}
MS = 1_000_000
STEADY = [[10 * MS] * 8]  # at batch 8: 800 images a second, a median of 10 ms
NETWORK_OVER_YARDSTICK = multiply_adds() * 8 / MULTIPLY_ADDS  # multiplications of a step over the convolution's


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "of_this_machine", lambda: MACHINE)


class FakeTurns:
    """Rounds in which the other takes `ratio` times as long; noise hides it until they have grown twice."""

    def __init__(self, ratio: float, noisy: bool) -> None:
        self._ratio = ratio
        self.left = 2 if noisy else 0

    def grow(self) -> None:
        self.left -= 1

    def interleaved(self) -> Interleaved:
        noise = [3.0, 3.0, 1 / 3, 1 / 3] * 4 if self.left > 0 else [1.0] * 16
        return Interleaved([[10.0 * MS]] * 16, [[10.0 * MS * self._ratio * factor] for factor in noise])


class FakeLive:
    """A case that is still open: the others take `ratio` times as long as it, and more steps of it `step_ms` each."""

    def __init__(self, case: Case, ratio: float = 1.0, step_ms: int = 10, noisy: bool = False) -> None:
        self.case = case
        self.turns = FakeTurns(ratio, noisy)
        self.beside: list[object] = []
        self._step_ns = step_ms * MS

    def run(self, steps: int) -> Sequence[int]:
        return [self._step_ns] * steps

    def measure_on(self) -> TimedResult:
        raise AssertionError("a clear comparison takes no further series")

    @contextmanager
    def in_turn_with_reference(self, reference: Case, title: str) -> Iterator[FakeTurns]:
        self.beside.append(reference)
        yield self.turns

    @contextmanager
    def in_turn_with_yardstick(self, title: str) -> Iterator[FakeTurns]:
        self.beside.append("yardstick")
        yield self.turns


def judged(
    asked: str,
    bound: object,
    result: Result,
    live: FakeLive | None = None,
    *,
    before: Sequence[Result] = (),
    matches: dict[str, Matches] | None = None,
    baseline: Run | None = None,
    limits: dict[str, float] | None = None,
) -> tuple[Entry, Result]:
    """How the entry of one question ended, and the result that came of it."""
    measured = Measured(Path("output"), datetime(2026, 3, 4))
    measured.by_test |= {str(one.case): one for one in (*before, result)}
    measured.matches |= matches or {}
    asked_for: Any = limits or ({} if bound is None else {asked: bound})
    thresholds = Thresholds(Path("thresholds.toml"), (Rule(1, {}, asked_for),))
    measured.ledger.ask("case", asked)
    kept = Gate(measured, thresholds, baseline, seconds=60.0).judge("case", result, live)
    assert measured.ledger.open_of("case") == []
    (entry,) = measured.ledger.of("case")
    return entry, kept


def in_turn(result: Result) -> dict[str, Interval]:
    assert isinstance(result, TimedResult)
    return result.in_turn


@pytest.mark.parametrize(("ratio", "outcome"), [(4.0, Outcome.KEPT), (2.0, Outcome.BROKEN)])
def test_a_speedup_is_measured_in_turn_with_fp32_and_kept_in_the_result(ratio: float, outcome: Outcome) -> None:
    result, fp32 = timed(), timed("fp32")
    live = FakeLive(result.case, ratio)
    entry, kept = judged("min_speedup", {"VNNI": 3.0, "AMX": 9.0}, result, live, before=[fp32])
    assert entry.outcome is outcome
    assert live.beside == [fp32.case]
    assert list(in_turn(kept)) == ["speedup"]
    assert in_turn(kept)["speedup"].value == pytest.approx(ratio)
    assert in_turn(result) == {}


def test_a_speedup_is_by_the_image_where_both_are_tuned() -> None:
    result, fp32 = (timed(precision, batch_size=batch, tuned=True) for precision, batch in (("int8", 8), ("fp32", 4)))
    _, kept = judged("min_speedup", {"VNNI": 3.0}, result, FakeLive(result.case, 2.0), before=[fp32])
    assert in_turn(kept)["speedup"].value == pytest.approx(4.0)  # a step of fp32 takes twice as long for half as many


def test_a_speedup_without_fp32_is_not_judged() -> None:
    entry, kept = judged("min_speedup", {"VNNI": 3.0}, timed(), FakeLive(timed().case))
    assert entry.outcome is Outcome.NOT_JUDGED
    assert "throughput fp32-batch8-intra2 has no result" in entry.reason
    assert in_turn(kept) == {}


BY_SERIES = [(6, 40, Outcome.KEPT), (6, 20, Outcome.BROKEN), (5, 40, Outcome.TOO_NOISY)]


@pytest.mark.parametrize(("steps", "fp32_ms", "outcome"), BY_SERIES)
def test_without_more_steps_a_speedup_is_judged_by_the_two_series(steps: int, fp32_ms: int, outcome: Outcome) -> None:
    result, fp32 = timed(samples_ns=[[10 * MS] * steps]), timed("fp32", samples_ns=[[fp32_ms * MS] * 8])
    entry, kept = judged("min_speedup", {"VNNI": 3.0}, result, before=[fp32])
    assert entry.outcome is outcome
    assert in_turn(kept) == {}


@pytest.mark.parametrize(
    ("fp32_ms", "int8_ms", "taken_in_turn"),
    [
        (2000, 300, False),
        (2000, 550, True),  # 3.6, so that a machine that changed its speed may hide a broken limit
        (300, 40, True),  # a round is short
    ],
)
def test_a_speedup_is_not_measured_in_turn_if_that_takes_long_and_the_series_are_clear(
    fp32_ms: int, int8_ms: int, taken_in_turn: bool
) -> None:
    result, fp32 = timed(samples_ns=[[int8_ms * MS] * 8]), timed("fp32", samples_ns=[[fp32_ms * MS] * 6])
    live = FakeLive(result.case, 4.0)
    entry, kept = judged("min_speedup", {"VNNI": 3.0}, result, live, before=[fp32])
    assert (entry.outcome, live.beside) == (Outcome.KEPT, [fp32.case] * taken_in_turn)
    assert list(in_turn(kept)) == ["speedup"] * taken_in_turn


@pytest.mark.parametrize(("steps", "said"), [(6, "kept"), (5, "too noisy to tell: 5 samples cannot")])
def test_a_figure_of_a_few_samples_is_too_noisy(steps: int, said: str) -> None:
    about: dict[str, Any] = {"yardstick": Yardstick.of([MS] * 3, [MS] * 3), "yardstick_share": 0.8}
    for limit, bound in (("min_yardstick_share", 0.5), ("max_median_ms", 50)):
        entry, _ = judged(limit, bound, timed(samples_ns=[[10 * MS] * steps], **about))
        assert f"{entry.outcome}: {entry.reason.rpartition('; ')[2]}".startswith(said)


def test_it_measures_on_until_noise_hides_nothing() -> None:
    live = FakeLive(timed().case, 3.1, noisy=True)
    entry, kept = judged("min_speedup", {"VNNI": 3.0}, timed(), live, before=[timed("fp32")])
    assert entry.outcome is Outcome.KEPT
    assert live.turns.left == 0
    assert in_turn(kept)["speedup"].value == pytest.approx(3.1)


def with_yardstick(share: float) -> TimedResult:
    yardstick = Yardstick.of([5 * MS] * 8, [5 * MS] * 8)
    return timed(samples_ns=STEADY, yardstick=yardstick, yardstick_share=share)


@pytest.mark.parametrize(
    ("around", "in_turn_share", "outcome"),
    [(0.8, None, Outcome.KEPT), (0.4, 0.7, Outcome.KEPT), (0.4, 0.4, Outcome.BROKEN)],
)
def test_a_share_of_the_yardstick_is_measured_in_turn_only_where_it_is_not_kept(
    around: float, in_turn_share: float | None, outcome: Outcome
) -> None:
    result = with_yardstick(around)
    live = FakeLive(result.case, (in_turn_share or 0.1) / NETWORK_OVER_YARDSTICK)
    entry, kept = judged("min_yardstick_share", 0.6, result, live)
    assert entry.outcome is outcome
    assert live.beside == ([] if in_turn_share is None else ["yardstick"])
    shares = [figure.value for name, figure in in_turn(kept).items() if name == "yardstick_share"]
    assert shares == ([] if in_turn_share is None else [pytest.approx(in_turn_share)])


def test_a_share_of_the_yardstick_that_cannot_be_measured_on_is_judged_as_it_is() -> None:
    entry, kept = judged("min_yardstick_share", 0.6, with_yardstick(0.4))
    assert (entry.outcome, in_turn(kept)) == (Outcome.BROKEN, {})
    assert judged("min_yardstick_share", 0.6, timed())[0].outcome is Outcome.NOT_JUDGED


@pytest.mark.parametrize(
    ("limit", "keeps", "breaks"),
    [
        ("max_median_ms", 10.5, 9.5),
        ("min_images_per_second", 790, 810),
        ("max_p99_ms", 10.5, 9.5),
        ("max_p99_over_p50", 1.05, 0.95),
        ("max_peak_memory_gb", 0.6, 0.4),
    ],
)
def test_a_figure_of_the_case_itself_is_kept_or_broken(limit: str, keeps: float, breaks: float) -> None:
    result = timed(samples_ns=[[10 * MS] * samples_needed(99)], peak_memory_bytes=500_000_000)
    for bound, outcome in ((keeps, Outcome.KEPT), (breaks, Outcome.BROKEN)):
        entry, kept = judged(limit, bound, result)
        assert entry.outcome is outcome, entry
        assert kept is result


def test_a_figure_that_is_not_known_is_not_judged() -> None:
    assert judged("max_peak_memory_gb", 1.0, timed())[0].outcome is Outcome.NOT_JUDGED
    assert judged("max_p99_ms", 11.0, timed(samples_ns=STEADY))[0].outcome is Outcome.NOT_JUDGED


@pytest.mark.parametrize(("step_ms", "outcome"), [(10, Outcome.KEPT), (12, Outcome.BROKEN)])
def test_steps_are_added_until_they_carry_a_p99(step_ms: int, outcome: Outcome) -> None:
    result = timed(samples_ns=STEADY)
    entry, kept = judged("max_p99_ms", 11.0, result, FakeLive(result.case, step_ms=step_ms))
    assert entry.outcome is outcome
    assert kept is result, "what was added is not the case's"


@pytest.mark.parametrize(("bound", "outcome"), [(0.3, Outcome.KEPT), (0.4, Outcome.KEPT), (0.5, Outcome.BROKEN)])
def test_ap_is_held_against_its_limit(bound: float, outcome: Outcome) -> None:
    assert judged("min_ap", bound, accuracy(ap=0.4))[0].outcome is outcome


def hitting(hits: bool, images: int = 5) -> Matches:
    """One object in each image, which is hit or not."""
    of_each, true = np.arange(images, dtype=np.int32), np.full((10, images), hits)
    category = CategoryMatches(3, of_each, true, np.zeros_like(true), np.ones(images, np.int32))
    return Matches(np.arange(images), (category,))


@pytest.mark.parametrize(
    ("matches", "outcome"),
    [
        ({"fp32": hitting(True), "int8": hitting(True)}, Outcome.KEPT),
        ({"fp32": hitting(True), "int8": hitting(False)}, Outcome.BROKEN),
        ({"int8": hitting(True)}, Outcome.NOT_JUDGED),
        ({"fp32": hitting(True, 4), "int8": hitting(True)}, Outcome.NOT_JUDGED),  # UserError: of other images
    ],
)
def test_the_loss_of_ap_is_that_of_the_same_images(matches: dict[str, Matches], outcome: Outcome) -> None:
    assert judged("max_ap_loss", 0.01, accuracy(), matches=matches)[0].outcome is outcome


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (Verdict.REGRESSION, Outcome.BROKEN),
        (Verdict.IMPROVEMENT, Outcome.IMPROVED),
        (Verdict.NO_CHANGE, Outcome.KEPT),
        (Verdict.TOO_NOISY, Outcome.TOO_NOISY),
    ],
)
def test_a_case_that_ran_against_a_variant_ends_with_its_verdict(verdict: Verdict, outcome: Outcome) -> None:
    against = VariantOutcome("intra=1", 1.5, 1.4, 1.6, 0.001, str(verdict), "+50.0%", 10, [], {})
    case = Case("against", "int8", 1, 1, 2)
    result = AgainstResult(**case.fields, **timing_of(STEADY, 1), against=against)
    entry, _ = judged("against intra=1", None, result)
    assert (entry.outcome, entry.reason) == (outcome, f"{verdict}: +50.0%")


def steps_of(ms: float) -> TimedResult:
    """Twenty steps that take `ms`, give or take 0.1 %."""
    return timed(samples_ns=[[int(ms * MS * (1 + 0.001 * (number % 3 - 1))) for number in range(21)]])


@pytest.mark.parametrize(("now_ms", "outcome"), [(10.0, Outcome.KEPT), (10.5, Outcome.BROKEN)])
def test_a_case_is_held_against_its_baseline(now_ms: float, outcome: Outcome) -> None:
    baseline = Run(Path(".baselines/main.json"), MACHINE, (steps_of(10.0),))
    entry, kept = judged("baseline main", None, steps_of(now_ms), baseline=baseline)
    assert entry.outcome is outcome, entry
    assert kept == steps_of(now_ms)
