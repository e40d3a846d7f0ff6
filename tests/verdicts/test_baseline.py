"""Against a baseline: a comparison that is not clear goes on with further series."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssd_core.machine import identity
from ssd_core.results.run import Run
from ssd_core.results.schema import TimedResult
from ssd_core.verdicts.baseline import against_baseline
from ssd_core.verdicts.judgement import Finding
from ssd_core.verdicts.ledger import Outcome
from ssd_core.verdicts.limits import Rule, Thresholds
from tests.typed_results import timed

MACHINE: dict[str, Any] = {"cpu_model": "Example 9000", "isa_flags": ["avx512_vnni"], "kernel": "6.1"}
MS = 1_000_000
THRESHOLDS = Thresholds(Path("thresholds.toml"), (Rule(1, {}, {"max_slowdown": 0.03}),))


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "of_this_machine", lambda: MACHINE)


def swinging(ms: float, swing: float, seed: int, processes: int) -> TimedResult:
    """Series of sixty steps of about `ms`, in each process at a level of its own."""
    generator = np.random.default_rng(seed)
    levels = [0.0, 1.0, -1.0, 0.2, -0.2, 0.1, -0.1, 0.0][:processes]
    series = [ms * MS * np.exp(swing * level + 0.01 * generator.standard_normal(60)) for level in levels]
    return timed(samples_ns=[one.astype(int).tolist() for one in series])


class FakeGrowing:
    """Gives the results that a test says, one after the other."""

    def __init__(self, *results: TimedResult) -> None:
        self.left = list(results)

    def measure_on(self) -> TimedResult:
        return self.left.pop(0)


def found(result: TimedResult, live: FakeGrowing | None, seconds: float = 60.0) -> Finding:
    baseline = Run(Path(".baselines/main.json"), MACHINE, (swinging(10.0, 0.01, 1, 8),))
    return against_baseline(baseline, result, THRESHOLDS, live, seconds)


NOISY = swinging(10.0, 0.3, 4, 3)


@pytest.mark.parametrize(("ms", "outcome"), [(10.0, Outcome.KEPT), (11.5, Outcome.BROKEN)])
def test_it_ends_with_the_first_series_that_makes_it_clear(ms: float, outcome: Outcome) -> None:
    clear = swinging(ms, 0.01, 2, 8)
    live = FakeGrowing(swinging(ms, 0.3, 3, 4), clear, swinging(ms, 0.01, 5, 8))
    finding = found(NOISY, live)
    assert finding.outcome is outcome
    assert finding.result is clear
    assert len(live.left) == 1


def test_a_clear_one_takes_no_further_series() -> None:
    finding = found(swinging(11.5, 0.01, 2, 8), FakeGrowing())
    assert (finding.outcome, finding.result) == (Outcome.BROKEN, None)


@pytest.mark.parametrize(("live", "seconds"), [(None, 60.0), (FakeGrowing(), 0.0)])
def test_without_time_or_a_worker_it_stays_unclear(live: FakeGrowing | None, seconds: float) -> None:
    finding = found(NOISY, live, seconds)
    assert (finding.outcome, finding.result) == (Outcome.TOO_NOISY, None)


def steps_of(ms: float) -> TimedResult:
    """Twenty steps that take `ms`, give or take 0.1 %."""
    return timed(samples_ns=[[int(ms * MS * (1 + 0.001 * (number % 3 - 1))) for number in range(21)]])


@pytest.mark.parametrize(
    ("now_ms", "max_slowdown", "machine", "outcome"),
    [
        (10.0, None, MACHINE, Outcome.KEPT),
        (10.5, None, MACHINE, Outcome.BROKEN),  # by 5 %, where 3 % pass unless a limit says more
        (10.5, 0.1, MACHINE, Outcome.KEPT),
        (8.0, None, MACHINE, Outcome.IMPROVED),
        (10.0, None, {**MACHINE, "cpu_model": "Another"}, Outcome.INCOMPARABLE),
        (10.0, None, {**MACHINE, "kernel": "6.2"}, Outcome.INCOMPARABLE),
        (10.0, None, {**MACHINE, "governor": "powersave"}, Outcome.KEPT),  # which this machine does not tell
    ],
)
def test_a_case_is_no_worse_than_its_baseline_on_the_same_machine(
    now_ms: float, max_slowdown: float | None, machine: Any, outcome: Outcome
) -> None:
    baseline = Run(Path(".baselines/main.json"), machine, (steps_of(10.0),))
    limits = {} if max_slowdown is None else {"max_slowdown": max_slowdown}
    thresholds = Thresholds(Path("thresholds.toml"), (Rule(1, {}, limits),))
    finding = against_baseline(baseline, steps_of(now_ms), thresholds, None, 0.0)
    assert finding.outcome is outcome, finding
