"""Interleaved: two variants measured in turn on one machine, A B B A, so that changes of the machine cancel out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssd_core.errors import UserError
from ssd_core.stats.samples import Samples

LEAST_ROUNDS = 8  # the fewest whose signed-rank test can reach p < 0.01: 2 * 0.5 ** 8 = 0.8 %


@dataclass(frozen=True)
class Interleaved:
    """The blocks of durations (ns) of one pair of workers, in the order they were measured.

    The i-th block of A and the i-th of B were measured next to each other: A first if i is even, B first if it is odd.
    Two such pairs, A B B A, are a round; a single pair at the end is ignored. UserError if A and B differ in their
    number of blocks, for less than one round, and for impossible durations.
    """

    a_blocks: Sequence[Sequence[float]]
    b_blocks: Sequence[Sequence[float]]

    def __post_init__(self) -> None:
        """Refuse blocks that were not measured in turn."""
        if len(self.a_blocks) != len(self.b_blocks):
            raise UserError(f"A has {len(self.a_blocks)} blocks and B {len(self.b_blocks)}: measure them in turn.")
        if len(self.a_blocks) < 2:
            raise UserError("An interleaved comparison needs at least one round, A B B A: measure four blocks or more.")
        Samples.of(*self.a_blocks, *self.b_blocks)

    @property
    def ratios(self) -> NDArray[np.float64]:
        """B/A of each round, `[rounds]`: a linear drift affects its two pairs in opposite ways, and cancels out."""
        a = np.log([np.median(block) for block in self.a_blocks])
        b = np.log([np.median(block) for block in self.b_blocks])
        rounds = len(a) // 2
        ratios: NDArray[np.float64] = np.exp((b - a)[: 2 * rounds].reshape(rounds, 2).mean(axis=1))
        return ratios
