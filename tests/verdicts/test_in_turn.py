"""Limits between two things measured in turn, on simulated machines: how often the answer is right."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from ssd_core.scenarios.interleaved import InterleavedRun
from ssd_core.stats.sequential import FIRST_LOOK
from ssd_core.verdicts.in_turn import judge_in_turn
from ssd_core.verdicts.judgement import Finding, settle
from ssd_core.verdicts.ledger import Outcome

LIMIT = 3.0
LEAST_PAIRS = 2 * FIRST_LOOK
BUDGET_S = 60.0
NS = 1e6


class Machine:
    """A simulated clock, a neighbour that halves the speed for random stretches, and noise on every step."""

    def __init__(self, seed: int, noise: float, busy_share: float = 0.0, stretch_s: float = 3.0) -> None:
        self.now_ns = 0.0
        self._generator = np.random.default_rng(seed)
        self._noise = noise
        self._busy_share = busy_share
        self._stretch_s = stretch_s
        self._busy = False
        self._until_ns = 0.0

    def factor(self) -> float:
        while self.now_ns >= self._until_ns:  # stretches of random length, of which the share is busy
            self._busy = bool(self._generator.random() < self._busy_share)
            self._until_ns += self._generator.exponential(self._stretch_s) * 1e9
        return (2.0 if self._busy else 1.0) * math.exp(self._noise * self._generator.standard_normal())

    def clock(self) -> float:
        return self.now_ns * 1e-9


class Simulated:
    """A runner whose steps last about `ms` on the machine that it shares."""

    def __init__(self, machine: Machine, ms: float) -> None:
        self._machine = machine
        self._step_ns = ms * NS

    def run(self, steps: int) -> Sequence[float]:
        taken = []
        for _ in range(steps):
            taken.append(self._step_ns * self._machine.factor())
            self._machine.now_ns += taken[-1]
        return taken


def speedup(machine: Machine, ratio: float, limit: float = LIMIT) -> Finding:
    """Whether int8 is `limit` times as fast as fp32, where it is `ratio` times as fast."""
    run = InterleavedRun(Simulated(machine, 40.0), Simulated(machine, 40.0 * ratio))
    run.warm_up(blocks=1)
    while run.pairs < LEAST_PAIRS:
        run.pair()
    return settle(lambda: judge_in_turn("min_speedup", limit, run.interleaved()), run.grow, BUDGET_S, machine.clock)


def outcomes(count: int, judge: Callable[[int], Finding]) -> dict[Outcome, int]:
    found = [judge(seed).outcome for seed in range(count)]
    return {outcome: found.count(outcome) for outcome in set(found)}


@pytest.mark.parametrize("busy_share", [0.1, 0.3, 0.5])
def test_a_neighbour_that_halves_the_machine_breaks_no_limit(busy_share: float) -> None:
    """1,000 healthy runs 5 % above their limit, over the three neighbours: at most 1 % end as broken."""
    ended = outcomes(334, lambda seed: speedup(Machine(seed, 0.02, busy_share), 1.05 * LIMIT))
    assert ended.get(Outcome.BROKEN, 0) <= 3, ended
    assert ended[Outcome.KEPT] >= 0.9 * 334, ended


def test_a_breach_of_five_percent_is_found() -> None:
    ended = outcomes(300, lambda seed: speedup(Machine(seed, 0.02), 0.95 * LIMIT))
    assert ended[Outcome.BROKEN] >= 0.95 * 300, ended
    assert Outcome.KEPT not in ended


def test_looking_again_and_again_costs_few_errors_at_the_limit_itself() -> None:
    """Exactly at its limit a run is neither: whatever is decided there is an error, and most runs stay undecided."""
    ended = outcomes(200, lambda seed: speedup(Machine(seed, 0.02), LIMIT))
    assert ended.get(Outcome.BROKEN, 0) <= 0.05 * 200, ended


def test_fewer_rounds_than_the_test_needs_decide_nothing() -> None:
    machine = Machine(0, 0.001)
    run = InterleavedRun(Simulated(machine, 10.0), Simulated(machine, 100.0))
    run.warm_up(blocks=1)
    while run.pairs < LEAST_PAIRS - 2:
        run.pair()
    assert judge_in_turn("min_speedup", LIMIT, run.interleaved()).outcome is Outcome.TOO_NOISY
    run.pair()
    run.pair()
    assert judge_in_turn("min_speedup", LIMIT, run.interleaved()).outcome is Outcome.KEPT


def test_the_scale_counts_the_images_of_a_step() -> None:
    machine = Machine(0, 0.001)
    run = InterleavedRun(
        Simulated(machine, 80.0), Simulated(machine, 40.0)
    )  # int8 in steps of eight images, fp32 of one
    run.warm_up(blocks=1)
    while run.pairs < LEAST_PAIRS:
        run.pair()
    found = judge_in_turn("min_speedup", LIMIT, run.interleaved(), scale=8.0)
    assert found.outcome is Outcome.KEPT
    assert found.reason.startswith("speed-up over fp32 is 4.00 [4.00 to 4.0")


def test_steps_that_all_last_the_same_are_judged_too() -> None:
    machine = Machine(0, 0.0)
    for ratio, outcome in ((4.0, Outcome.KEPT), (2.0, Outcome.BROKEN)):
        assert speedup(machine, ratio).outcome is outcome
