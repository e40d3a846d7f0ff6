"""Tuning: the streams, threads and batch size that give the most images a second, found by trying a few of them.

Every runtime is searched so. Nothing here runs: the search asks a callback for the rate of each candidate, so that a
made-up machine shows what it does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

BATCH_SIZES = (1, 2, 4, 8, 16)
GAIN = 0.01  # a step up or down the batch sizes has to gain more than this for the next to be tried


@dataclass(frozen=True)
class Setup:
    """How a graph is opened: sessions side by side, and the threads of each."""

    streams: int
    num_inter_threads: int
    num_intra_threads: int

    def __str__(self) -> str:
        """As in `streams 2`."""
        return f"streams {self.streams}"


S = TypeVar("S")  # what a runtime is opened with: a Setup, or its own


@dataclass(frozen=True)
class Candidate(Generic[S]):
    """A setup and the images of one batch."""

    setup: S
    batch_size: int

    def __str__(self) -> str:
        """As in `streams 2 batch 4`."""
        return f"{self.setup} batch {self.batch_size}"


@dataclass(frozen=True)
class Tuned(Generic[S]):
    """What was tried, in order, with its images a second; at least one."""

    rates: Mapping[Candidate[S], float]

    @property
    def best(self) -> Candidate[S]:
        """The fastest of them, the first of several."""
        return max(self.rates, key=lambda candidate: self.rates[candidate])


def stream_counts(cpus: int) -> tuple[int, ...]:
    """The powers of two up to the CPUs, and their number."""
    return tuple(sorted({cpus, *(1 << power for power in range(cpus.bit_length()))}))


def search(setups: Sequence[S], batch_sizes: Sequence[int], measure: Callable[[Candidate[S]], float]) -> Tuned[S]:
    """Look for the best setup at the middle batch size, for the best batch size in it, and so on until neither moves.

    `batch_sizes` ascend. Setups are all tried, since opening them is what takes long and there are few; batch sizes
    upwards, else downwards, as long as that gains `GAIN`. Each candidate is measured once.
    """
    rates: dict[Candidate[S], float] = {}

    def rate(setup: S, place: int) -> float:
        candidate = Candidate(setup, batch_sizes[place])
        if candidate not in rates:
            rates[candidate] = measure(candidate)
        return rates[candidate]

    def climb(setup: S, start: int) -> int:
        for way in (1, -1):
            place = start
            while 0 <= place + way < len(batch_sizes) and rate(setup, place + way) > rate(setup, place) * (1 + GAIN):
                place += way
            if place != start:
                return place
        return start

    place, tried = (len(batch_sizes) - 1) // 2, set[int]()
    while place not in tried:
        tried.add(place)
        setup = max(setups, key=lambda setup: rate(setup, place))
        place = climb(setup, place)
    return Tuned(rates)
