"""Tuning: a search for the streams, threads and batch size that give the most images a second.

It is the same for every runtime: each candidate is opened, and runs for a second, or less with `--quick`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ssd_core.images.dataset import Records
from ssd_core.results import parts
from ssd_core.results.case import Case
from ssd_core.scenarios.budget import FULL
from ssd_core.scenarios.inference import Inference
from ssd_core.scenarios.protocol import Context
from ssd_core.scenarios.settings import Settings
from ssd_core.scenarios.setup import Setup, stream_counts

BATCH_SIZES = FULL.tuned_batch_sizes
GAIN = 0.01  # the next batch size is tried only if the last one gained more than this
_SECONDS = 1e-9


@dataclass(frozen=True)
class Candidate:
    """A setup and the images of one batch."""

    setup: Setup
    batch_size: int

    def __str__(self) -> str:
        """As in `streams 2 batch 4`."""
        return f"{self.setup} batch {self.batch_size}"


@dataclass(frozen=True)
class Tuned:
    """The tried candidates in order, at least one, with their images a second."""

    rates: Mapping[Candidate, float]

    @property
    def best(self) -> Candidate:
        """The fastest candidate, the first of several."""
        return max(self.rates, key=lambda candidate: self.rates[candidate])


def search(
    setups: Sequence[Setup],
    batch_sizes: Sequence[int],
    measure: Callable[[Candidate], float],
    longest_step_s: float = math.inf,
) -> Tuned:
    """Search the best setup for the middle batch size, then the best batch size for it, until neither changes.

    `batch_sizes` ascend. All setups are tried, because they are few. Other batch sizes are tried upwards, else
    downwards, as long as each gains more than `GAIN`, and none whose step would take over `longest_step_s` at the best
    rate so far. Each candidate is measured once.
    """
    rates: dict[Candidate, float] = {}

    def rate(setup: Setup, place: int) -> float:
        candidate = Candidate(setup, batch_sizes[place])
        if candidate not in rates:
            rates[candidate] = measure(candidate)
        return rates[candidate]

    def possible(setup: Setup, place: int) -> bool:
        if not 0 <= place < len(batch_sizes):
            return False
        images = max(1, setup.streams) * batch_sizes[place]
        return images <= longest_step_s * max(rates.values())

    def climb(setup: Setup, start: int) -> int:
        for way in (1, -1):
            place = start
            while possible(setup, place + way) and rate(setup, place + way) > rate(setup, place) * (1 + GAIN):
                place += way
            if place != start:
                return place
        return start

    place, tried = (len(batch_sizes) - 1) // 2, set[int]()
    while place not in tried:
        tried.add(place)
        tryable = [setup for setup in setups if possible(setup, place)] if rates else setups
        setup = max(tryable, key=lambda setup: rate(setup, place))
        place = climb(setup, place)
    return Tuned(rates)


def searched(
    inference: Inference,
    setups: Sequence[Setup],
    batch_sizes: Sequence[int],
    records: Records | None,
    context: Context,
) -> Tuned:
    """The search on a real inference, on records or dummy tensors. It stays as the last candidate left it."""
    seen: list[Setup] = []
    budget = context.settings.budget
    candidate_ns = budget.candidate_s / _SECONDS
    with context.progress.bar(
        unit=" candidates", desc=f"tuning {inference.network.backend} {inference.case.precision}"
    ) as bar:

        def rate(candidate: Candidate) -> float:
            bar.set_postfix_str(str(candidate))
            opened = inference.open(candidate.setup, candidate.batch_size)
            inference.feed(records)
            warm = opened.streams > 1  # a worker leaves out the first round of several streams
            if not warm and seen[-1:] != [candidate.setup]:  # the first batch of a new session takes long
                inference.worker.run(1)
                warm = True
            seen.append(candidate.setup)
            steps_ns = inference.worker.run(1).step_ns
            steps = math.ceil(candidate_ns / steps_ns[0])
            if not warm:
                steps_ns = inference.worker.run(steps).step_ns
            elif steps > 1:
                steps_ns += inference.worker.run(steps - 1).step_ns
            inference.worker.pause()
            bar.update()
            return inference.images_a_step * len(steps_ns) / (sum(steps_ns) * _SECONDS)

        return search(setups, batch_sizes, rate, budget.candidate_step_s)


def tuned(case: Case, context: Context, records: Records | None) -> tuple[Case, list[parts.Candidate]]:
    """A tuned case with the best counts, and all tried candidates in order."""
    settings, inference = context.settings, Inference(case, context)
    setups = setups_of(settings)
    fixed_batch = inference.open(setups[0]).fixed_batch
    batch_sizes = list(settings.budget.tuned_batch_sizes) if fixed_batch is None else [fixed_batch]
    if "batch_size" in settings.given:
        batch_sizes = sorted(settings.batch_sizes)
    tuning = searched(inference, setups, batch_sizes, records, context)
    best, setup = tuning.best, tuning.best.setup
    tried = [
        parts.Candidate(
            candidate.setup.streams,
            candidate.setup.num_inter_threads,
            candidate.setup.num_intra_threads,
            candidate.batch_size,
            images_per_second,
        )
        for candidate, images_per_second in tuning.rates.items()
    ]
    inter, intra = setup.num_inter_threads, setup.num_intra_threads
    best_case = Case(case.kind, case.precision, best.batch_size, inter, intra, setup.streams, tuned=True)
    return best_case, tried


def setups_of(settings: Settings) -> Sequence[Setup]:
    """The setups to try: those of the given lists, else streams that share the CPUs evenly."""
    return [
        Setup(streams, inter, intra)
        for streams in (settings.streams if "streams" in settings.given else stream_counts(settings.cpus))
        for inter in settings.inter_threads
        for intra in settings.intra_threads_of(streams)
    ]
