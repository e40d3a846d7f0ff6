from collections.abc import Sequence

import pytest

from ssd_core.errors import UserError
from ssd_core.scenarios.interleaved import InterleavedRun
from ssd_core.stats.sequential import LOOKS


class Recorded:
    """A runner of fixed durations that notes who ran, and how many steps."""

    def __init__(self, name: str, ms: float, log: list[tuple[str, int]]) -> None:
        self._name = name
        self._ns = ms * 1e6
        self._log = log

    def run(self, steps: int) -> Sequence[float]:
        self._log.append((self._name, steps))
        return [self._ns] * steps


def sides(a_ms: float, b_ms: float) -> tuple[Recorded, Recorded, list[tuple[str, int]]]:
    log: list[tuple[str, int]] = []
    return Recorded("A", a_ms, log), Recorded("B", b_ms, log), log


def test_the_two_take_turns_a_b_b_a() -> None:
    a, b, log = sides(1.0, 2.0)
    run = InterleavedRun(a, b, steps=3)
    for _ in range(4):
        run.pair()
    assert log == [("A", 3), ("B", 3), ("B", 3), ("A", 3)] * 2
    assert run.blocks == ([[1e6] * 3] * 4, [[2e6] * 3] * 4)
    assert run.pairs == 4
    assert run.seconds == pytest.approx(4 * 3 * 0.003)
    assert run.interleaved().ratios.tolist() == pytest.approx([2.0, 2.0])


def test_a_block_of_each_side_lasts_as_long() -> None:
    a, b, log = sides(10.0, 80.0)
    run = InterleavedRun(a, b, block_ns=300_000_000)
    run.warm_up()
    assert log == [("A", 2), ("B", 2), *[("A", 30), ("B", 3)] * 3]
    assert run.warmup_steps == 2 + 3 * 30
    run.pair()
    assert log[-2:] == [("A", 30), ("B", 3)]


def test_a_step_longer_than_a_block_is_a_block() -> None:
    a, b, log = sides(1000.0, 5000.0)
    run = InterleavedRun(a, b, block_ns=300_000_000)
    run.warm_up(blocks=1)
    assert log[2:] == [("A", 1), ("B", 1)]


@pytest.mark.parametrize(("asked", "ran"), [(0, 1), (5, 5)])
def test_the_warm_up_that_was_asked_for(asked: int, ran: int) -> None:
    a, b, log = sides(1.0, 2.0)
    run = InterleavedRun(a, b, steps=4)
    run.warm_up(asked)
    assert log == [("A", ran), ("B", ran)], "a step each at the least: a first one is never like the others"
    assert run.warmup_steps == ran


def test_it_grows_to_the_next_look_in_whole_rounds() -> None:
    a, b, _ = sides(1.0, 1.0)
    run = InterleavedRun(a, b, steps=1)
    lengths, ticks = [], []
    for _ in range(5):
        run.grow(lambda: ticks.append(1))
        lengths.append(run.pairs)
    assert lengths == [2 * rounds for rounds in LOOKS[:5]]
    assert len(ticks) == lengths[-1]
    while run.pairs < 2 * LOOKS[-1]:
        run.pair()
    run.grow()
    assert run.pairs == 2 * 83


def test_an_interruption_between_the_two_leaves_whole_pairs() -> None:
    class Interrupted:
        def run(self, steps: int) -> Sequence[float]:
            raise KeyboardInterrupt

    a, _, _ = sides(1.0, 1.0)
    run = InterleavedRun(a, Interrupted(), steps=1)
    with pytest.raises(KeyboardInterrupt):
        run.pair()
    assert run.blocks == ([], [])
    with pytest.raises(UserError, match="at least one round"):
        run.interleaved()
