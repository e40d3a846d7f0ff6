"""Throughput and latency: steps of one case, one after the other, between two runs of the yardstick."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, product
from statistics import median
from typing import Any

from ssd_core.results.case import Case
from ssd_core.results.parts import Candidate, Yardstick
from ssd_core.results.schema import LatencyResult, ThroughputResult, TimedResult, timing_of
from ssd_core.scenarios.inference import Inference
from ssd_core.scenarios.interleaved import InterleavedRun, Runner
from ssd_core.scenarios.protocol import Context, Scenario
from ssd_core.scenarios.series import Marker, Series, steadiness_of, take
from ssd_core.scenarios.settings import Settings
from ssd_core.scenarios.supply import supply_of
from ssd_core.scenarios.tuning import tuned
from ssd_core.stats.interleaved import Interleaved
from ssd_core.stats.sequential import FIRST_LOOK
from ssd_core.worker.answers import Durations

_LEAST_PAIRS = 2 * FIRST_LOOK


def throughput_cases(settings: Settings) -> Iterator[Case]:
    """Every batch size, thread count and number of streams, and the tuned case."""
    for precision in settings.precisions:
        yield from batches(settings, "throughput", precision)
        if settings.tune:
            yield Case("throughput", precision, streams=0, tuned=True)


def batches(settings: Settings, kind: str, precision: str) -> Iterator[Case]:
    """Every batch size, thread count and number of streams of one precision."""
    sizes = settings.batch_sizes_of(precision)
    for batch, streams, inter in product(sizes, settings.streams, settings.inter_threads):
        for intra in settings.intra_threads_of(streams):
            yield Case(kind, precision, batch, inter, intra, streams)


def latency_cases(settings: Settings, kind: str = "latency") -> Iterator[Case]:
    """One image at a time, or as many as the graph takes."""
    threads = product(settings.precisions, settings.inter_threads, settings.intra_threads)
    for precision, inter, intra in threads:
        yield Case(kind, precision, settings.batch_of(precision, 1), inter, intra)


class Timed(Scenario):
    """Measures throughput or latency; a tuned case is tuned first, on the images that it will run on."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__(case, context)
        self._tuning: list[Candidate] = []
        self._series: list[Series] = []
        self._yardsticks: list[Yardstick] = []
        self._records = context.timing_records()
        if case.tuned:
            self.case, self._tuning = tuned(case, context, self._records)
        self.inference = Inference(self.case, context)
        self.inference.open()
        self.inference.feed(self._records)

    def measure(self) -> TimedResult:
        """Run until there are enough samples (see `ssd_core.stats.stopping`), in each of --processes workers."""
        for process in range(self.context.settings.processes):
            if process:
                self.inference.restart()
            self._once()
        return self._result()

    def measure_on(self) -> TimedResult:
        """Measure one more series, in a new worker; the result of all of them."""
        self.inference.restart()
        self._once()
        return self._result()

    def _result(self) -> TimedResult:
        series, yardstick = self._series, self._yardsticks[0]
        for other in self._yardsticks[1:]:
            yardstick = yardstick.joined(other)
        peak_bytes = self.inference.worker.status().peak_memory_bytes
        kernels = self.inference.kernels()
        timing = timing_of([one.step_ns for one in series], self.case.images_a_step)
        supply = supply_of(self.inference, timing["images_per_second"])
        if supply:  # it left the worker on dummy tensors
            self.inference.feed(self._records)
            self.inference.run(1)
        of_kind = LatencyResult if self.case.kind == "latency" else ThroughputResult
        return of_kind(
            **self.case.fields,
            **timing,
            **steadiness_of(series),
            neighbours=[one.neighbours for one in series],
            yardstick=yardstick,
            yardstick_share=yardstick.share(tuple(chain(*(one.run_ns for one in series))), self.case.images_a_step),
            onednn_kernels=kernels,
            peak_memory_bytes=peak_bytes,
            tuning=self._tuning,
            **self.inference.depends_on(),
            supply=supply,
        )

    def _once(self) -> None:
        self.inference.worker.reset_peak()
        steps = self.context.settings.budget.yardstick_steps
        before_ns = self.inference.yardstick(steps)
        lost = 1 if self.case.streams > 1 else 0
        marker = Marker(self.inference.yardstick, median(before_ns), steps_lost=lost)
        series = take(self.case, self.context, self._run, marker)
        self._series.append(series)
        self._yardsticks.append(Yardstick.of(before_ns, self.inference.yardstick(steps), [series.marks]))

    def _run(self, steps: int) -> Durations:
        durations = self.inference.worker.run(steps)
        return replace(durations, step_ns=self.inference.series(durations))

    def run(self, steps: int) -> list[int]:
        """Run more steps of the case after it was measured."""
        return self.inference.run(steps)

    @contextmanager
    def in_turn_with_reference(self, reference: Case, title: str) -> "Iterator[Turns]":
        """The case and the reference case, to be measured in turn."""
        with self._in_turn(self.inference.sibling(reference), title) as turns:
            yield turns

    @contextmanager
    def in_turn_with_yardstick(self, title: str) -> "Iterator[Turns]":
        """The case and its yardstick, to be measured in turn."""
        with self._in_turn(YardstickRunner(self.inference), title) as turns:
            yield turns

    @contextmanager
    def _in_turn(self, other: Runner, title: str) -> "Iterator[Turns]":
        run = InterleavedRun(self.inference, other)
        with self.context.progress.bar(unit=" pairs", desc=title) as bar:
            run.warm_up(self.context.settings.warmup_steps, blocks=1)  # both ran minutes ago
            while run.pairs < _LEAST_PAIRS:
                run.pair()
                bar.update()
            yield Turns(run, bar)


@dataclass(frozen=True)
class Turns:
    """An interleaved run with its progress bar."""

    run: InterleavedRun
    bar: Any

    def grow(self) -> None:
        """Measure until the run is a quarter longer."""
        self.run.grow(self.bar.update)

    def interleaved(self) -> Interleaved:
        """The blocks so far."""
        return self.run.interleaved()


@dataclass(frozen=True)
class YardstickRunner:
    """The yardstick of a case as a runner that is measured in turn with it."""

    inference: Inference

    def run(self, steps: int) -> list[int]:
        """The nanoseconds of each of `steps` runs of the convolution."""
        return self.inference.yardstick(steps)
