import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from ssd_core.errors import UserError
from ssd_core.stats.interleaved import LEAST_ROUNDS, Interleaved
from ssd_core.stats.sequential import FIRST_LOOK
from ssd_core.verdicts.compare import Verdict
from ssd_core.verdicts.in_turn import compare_interleaved
from tests.simulated import bimodal, drifting, lognormal

STEPS = 5  # in a block


def interleaved(machine: NDArray[np.int64], slowdown: float) -> Interleaved:
    """What A and B take in turn on a machine whose steps last `machine`, which is the same for both."""
    blocks = {"A": [], "B": []}  # type: dict[str, list[list[float]]]
    upcoming = iter(machine.reshape(-1, STEPS))
    for index in range(len(machine) // STEPS // 2):
        first = "AB"[index % 2]
        for side in (first, "B" if first == "A" else "A"):
            blocks[side].append((next(upcoming) * (1 + slowdown * (side == "B"))).tolist())
    return Interleaved(blocks["A"], blocks["B"])


def machine(kind: str, seed: int, rounds: int = 25) -> NDArray[np.int64]:
    generator = np.random.default_rng(seed)
    count = 4 * STEPS * rounds
    if kind == "lognormal":
        return lognormal(generator, count, noise=0.03)
    if kind == "drifting":
        return drifting(generator, count, wander=0.03, dwell=100, slope=0.3)
    return bimodal(generator, count, gap=0.1, share=0.3, dwell=30)


@pytest.mark.parametrize("kind", ["lognormal", "drifting", "bimodal"])
def test_twenty_a_a_runs_have_no_regression_and_twenty_slowdowns_are_found(kind: str) -> None:
    """On machines so unsteady that one run after the other could not tell."""
    same = [compare_interleaved([interleaved(machine(kind, seed), 0.0)]).verdict for seed in range(20)]
    slower = [compare_interleaved([interleaved(machine(kind, seed), 0.10)]).verdict for seed in range(20)]
    assert Verdict.REGRESSION not in same
    assert same.count(Verdict.NO_CHANGE) >= 18
    assert slower == [Verdict.REGRESSION] * 20


def test_the_interval_covers_on_a_drifting_machine() -> None:
    covered = 0
    for seed in range(300):
        found = compare_interleaved([interleaved(machine("drifting", seed), 0.05)])
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 1.05 <= found.high
    assert covered >= binom.ppf(0.001, 300, 0.95)


def test_a_straight_drift_cancels() -> None:
    straight = np.rint(20e6 * np.exp(np.linspace(0, 1, 400))).astype(np.int64)
    # Durations of 20 ms and more in whole nanoseconds: each block's median is off by half of one.
    assert interleaved(straight, 0.0).ratios == pytest.approx(1, rel=2 * 0.5 / 20e6)
    assert interleaved(straight, 0.5).ratios == pytest.approx(1.5, rel=2 * 0.5 / 20e6)


def test_pairs_of_workers_are_put_together() -> None:
    workers = [interleaved(machine("lognormal", seed), 0.08) for seed in range(3)]
    found = compare_interleaved(workers)
    assert found.verdict is Verdict.REGRESSION
    # Blocks' medians of 5 at 3 % noise, two a round, and the median of 3 * 25 rounds: 0.03 * 1.25^2 / sqrt(5 * 75)
    # = 0.0024; four of them.
    assert found.ratio == pytest.approx(1.08, abs=0.01)


def test_a_left_over_pair_counts_for_nothing() -> None:
    a, b = [[10.0]] * 5, [[20.0]] * 4 + [[90.0]]
    assert Interleaved(a, b).ratios == pytest.approx([2, 2])


@pytest.mark.parametrize(("rounds", "slowdown"), [(FIRST_LOOK - 1, 1.0), (LEAST_ROUNDS - 1, 0.03)])
def test_too_few_rounds_decide_nothing(rounds: int, slowdown: float) -> None:
    found = compare_interleaved([interleaved(machine("lognormal", 1, rounds), slowdown)])
    assert found.verdict is Verdict.TOO_NOISY
    assert f"at least {LEAST_ROUNDS}" in found.reason


@pytest.mark.parametrize("rounds", [FIRST_LOOK, LEAST_ROUNDS])
def test_a_clear_case_is_decided_after_a_few_rounds(rounds: int) -> None:
    found = compare_interleaved([interleaved(machine("lognormal", 1, rounds), 1.0)])
    assert found.verdict is Verdict.REGRESSION
    assert found.low is not None
    assert found.low > 1.9


def test_equal_blocks_are_equal() -> None:
    found = compare_interleaved([Interleaved([[5]] * 40, [[5]] * 40)])
    assert (found.ratio, found.verdict, found.p_value) == (1, Verdict.NO_CHANGE, 1)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([[1]] * 4, [[1]] * 3),
        ([[1]], [[1]]),
        ([], []),
        ([[1], []], [[1], [1]]),
        ([[1], [math.nan]], [[1], [1]]),
        ([[1], [0]], [[1], [1]]),
    ],
)
def test_impossible_blocks_are_refused(a: list[list[float]], b: list[list[float]]) -> None:
    with pytest.raises(UserError):
        Interleaved(a, b)


def test_no_workers_and_impossible_limits_are_refused() -> None:
    with pytest.raises(UserError):
        compare_interleaved([])
    with pytest.raises(UserError):
        compare_interleaved([interleaved(machine("lognormal", 1), 0.0)], limit=-1.0)
