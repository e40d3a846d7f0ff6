"""Two runners measured in turn, A B B A, in blocks of steps, so that what the machine does meets both."""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from ssd_core.stats.interleaved import Interleaved, in_turn

BLOCK_NS = 300_000_000  # of steps between two changes of turn
WARMUP_BLOCKS = 3
GROWTH = 1.25  # a run that is not clear goes on until it is a quarter longer: each look more is a chance to err
_FIRST_STEPS = 2  # which show how long a step takes


class Runner(Protocol):
    """What runs steps and is idle when it returns."""

    def run(self, steps: int) -> Sequence[float]:
        """The nanoseconds of each of `steps` steps."""


class InterleavedRun:
    """The blocks of A and of B so far. `warm_up` once, then `pair` as often as is needed.

    `steps` fixes how many steps make a block of either side; without it a block of each side lasts `block_ns`.
    """

    def __init__(self, a: Runner, b: Runner, *, steps: int | None = None, block_ns: int = BLOCK_NS) -> None:
        self._sides = (a, b)
        self._block_ns = block_ns
        self._steps = (1, 1) if steps is None else (steps, steps)
        self._fixed = steps is not None
        self.blocks: tuple[list[list[float]], list[list[float]]] = ([], [])
        self.warmup_steps = 0

    def warm_up(self, warmup_steps: int | None = None, blocks: int = WARMUP_BLOCKS) -> None:
        """Run both sides in, for `warmup_steps` or `blocks` blocks each, and find how many steps make a block."""
        if not self._fixed:
            first = [min(side.run(_FIRST_STEPS)) for side in self._sides]
            a, b = (max(1, int(self._block_ns / step_ns)) for step_ns in first)
            self._steps = (a, b)
            self.warmup_steps = _FIRST_STEPS
        if warmup_steps is not None:
            for side in self._sides:
                side.run(max(1, warmup_steps))
            self.warmup_steps += max(1, warmup_steps)
            return
        for _ in range(blocks):
            for side, steps in zip(self._sides, self._steps, strict=True):
                side.run(steps)
        self.warmup_steps += blocks * max(self._steps)

    def pair(self) -> None:
        """Measure one more block of each: A first where the pairs so far are even, B first where they are odd."""
        order = (0, 1) if in_turn(self.pairs) == "A" else (1, 0)
        taken = {index: list(self._sides[index].run(self._steps[index])) for index in order}
        for index, block in taken.items():  # both or none: an interruption between the two leaves whole pairs
            self.blocks[index].append(block)

    def grow(self, on_pair: Callable[[], object] = lambda: None) -> None:
        """Measure on until the run is longer by `GROWTH`, in whole rounds of two pairs."""
        wanted = 2 * math.ceil(self.pairs * GROWTH / 2)
        while self.pairs < max(wanted, 2):
            self.pair()
            on_pair()

    @property
    def pairs(self) -> int:
        """How many blocks each side has."""
        return len(self.blocks[0])

    @property
    def seconds(self) -> float:
        """The time that both sides' blocks lasted."""
        return sum(ns for side in self.blocks for block in side for ns in block) * 1e-9

    def interleaved(self) -> Interleaved:
        """The blocks, to be compared; UserError before there is one round."""
        return Interleaved(*self.blocks)
