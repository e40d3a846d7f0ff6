"""Runners measured in turn, A B C, C B A, in blocks of steps, so that changes of the machine affect all alike."""

from collections.abc import Callable, Sequence
from typing import Protocol

from ssd_core.stats.interleaved import Interleaved
from ssd_core.stats.sequential import next_look

BLOCK_NS = 200_000_000  # of steps per turn
WARMUP_BLOCKS = 3
_FIRST_STEPS = 2  # they show how long a step takes


class Runner(Protocol):
    """Runs steps, and is idle when it returns."""

    def run(self, steps: int) -> Sequence[float]:
        """The nanoseconds of each of `steps` steps."""


class InterleavedRun:
    """The blocks of each runner so far, in the order of the runners. `warm_up` once, then `pair` as often as needed.

    `steps` fixes the number of steps in a block of any runner; without it a block of each lasts `block_ns`.
    """

    def __init__(self, *runners: Runner, steps: int | None = None, block_ns: int = BLOCK_NS) -> None:
        self._runners = runners
        self._block_ns = block_ns
        self._steps = [steps or 1] * len(runners)
        self._fixed = steps is not None
        self.blocks: tuple[list[list[float]], ...] = tuple([] for _ in runners)
        self.warmup_steps = 0

    def warm_up(self, warmup_steps: int | None = None, blocks: int = WARMUP_BLOCKS) -> None:
        """Warm up all, for `warmup_steps` steps or `blocks` blocks each, and find the number of steps in a block."""
        if not self._fixed:
            shortest_ns = [min(runner.run(_FIRST_STEPS)) for runner in self._runners]
            self._steps = [max(1, int(self._block_ns / step_ns)) for step_ns in shortest_ns]
            self.warmup_steps = _FIRST_STEPS
        if warmup_steps is not None:
            for runner in self._runners:
                runner.run(max(1, warmup_steps))
            self.warmup_steps += max(1, warmup_steps)
            return
        for _ in range(blocks):
            for runner, steps in zip(self._runners, self._steps, strict=True):
                runner.run(steps)
        self.warmup_steps += blocks * max(self._steps)

    def pair(self) -> None:
        """Measure one more block of each: forwards if the number of pairs so far is even, backwards if it is odd."""
        order = range(len(self._runners))
        taken = {i: list(self._runners[i].run(self._steps[i])) for i in (order, order[::-1])[self.pairs % 2]}
        for index, block in taken.items():  # all or none: an interruption leaves whole pairs
            self.blocks[index].append(block)

    def grow(self, on_pair: Callable[[], object] = lambda: None) -> None:
        """Measure until the next look, in whole rounds of two pairs."""
        wanted = 2 * next_look(self.pairs // 2)
        while self.pairs < wanted:
            self.pair()
            on_pair()

    @property
    def pairs(self) -> int:
        """How many blocks each runner has."""
        return len(self.blocks[0])

    @property
    def seconds(self) -> float:
        """The total time of all runners' blocks."""
        return sum(ns for blocks in self.blocks for block in blocks for ns in block) * 1e-9

    def interleaved(self, a: int = 0, b: int = 1) -> Interleaved:
        """The blocks of two runners, by their places, to be compared; UserError before the first round is complete."""
        return Interleaved(self.blocks[a], self.blocks[b])
