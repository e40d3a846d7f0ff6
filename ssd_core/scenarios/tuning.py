"""Tuning: a search for the streams, threads and batch size that give the most images a second.

It is the same for every runtime: each candidate is opened, and runs for a second.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from ssd_core.images.dataset import Records
from ssd_core.results import parts
from ssd_core.results.case import Case
from ssd_core.scenarios.inference import Inference
from ssd_core.scenarios.protocol import Context
from ssd_core.scenarios.settings import Settings
from ssd_core.scenarios.setup import Setup, stream_counts

BATCH_SIZES = (1, 2, 4, 8, 16)
GAIN = 0.01  # the next batch size is tried only if the last one gained more than this
CANDIDATE_S = 1.0  # of steps to time a candidate, after one warm-up step
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


def search(setups: Sequence[Setup], batch_sizes: Sequence[int], measure: Callable[[Candidate], float]) -> Tuned:
    """Search the best setup for the middle batch size, then the best batch size for it, until neither changes.

    `batch_sizes` ascend. All setups are tried, because they are few. Batch sizes are tried upwards, else downwards, as
    long as each gains more than `GAIN`. Each candidate is measured once.
    """
    rates: dict[Candidate, float] = {}

    def rate(setup: Setup, place: int) -> float:
        candidate = Candidate(setup, batch_sizes[place])
        if candidate not in rates:
            rates[candidate] = measure(candidate)
        return rates[candidate]

    def climb(setup: Setup, start: int) -> int:
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


def searched(
    inference: Inference,
    setups: Sequence[Setup],
    batch_sizes: Sequence[int],
    records: Records | None,
    context: Context,
) -> Tuned:
    """The search on a real inference, on records or dummy tensors. It stays as the last candidate left it."""
    seen: list[Setup] = []
    with context.progress.bar(
        unit="candidate", desc=f"tuning {inference.network.backend} {inference.case.precision}"
    ) as bar:

        def rate(candidate: Candidate) -> float:
            bar.set_postfix_str(str(candidate))
            inference.open(candidate.setup, candidate.batch_size)
            if seen[-1:] != [candidate.setup]:  # first batches of new sessions take long, and pausing waits for them
                inference.feed(records)
                inference.worker.run(1)
                seen.append(candidate.setup)
            inference.feed(records)
            steps_ns = inference.worker.run(1).step_ns
            steps = ceil(CANDIDATE_S / (steps_ns[0] * _SECONDS))
            if inference.opened is None or inference.opened.streams == 1:
                steps_ns = inference.worker.run(steps).step_ns
            elif steps > 1:  # the first round was left out already
                steps_ns += inference.worker.run(steps - 1).step_ns
            inference.worker.pause()
            bar.update()
            return inference.images_a_step * len(steps_ns) / (sum(steps_ns) * _SECONDS)

        return search(setups, batch_sizes, rate)


def tuned(case: Case, context: Context, records: Records | None) -> tuple[Case, list[parts.Candidate]]:
    """A tuned case with the best counts, and all tried candidates in order."""
    settings, inference = context.settings, Inference(case, context)
    setups = setups_of(settings)
    fixed_batch = inference.open(setups[0]).fixed_batch
    batch_sizes = list(BATCH_SIZES) if fixed_batch is None else [fixed_batch]
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
