"""A/B in one run: each case and its variant in turn, A B B A, in two workers on the same machine."""

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np

from ssd_core.errors import UserError
from ssd_core.results.case import Case
from ssd_core.results.parts import VariantOutcome
from ssd_core.results.schema import AgainstResult, timing_of
from ssd_core.scenarios.inference import Inference, Network
from ssd_core.scenarios.interleaved import InterleavedRun
from ssd_core.scenarios.protocol import Context, Graph, Scenario
from ssd_core.scenarios.settings import Settings, UntilClear
from ssd_core.scenarios.timed import batches
from ssd_core.scenarios.variant import parse
from ssd_core.stats.interleaved import LEAST_ROUNDS
from ssd_core.stats.steadiness import is_steady
from ssd_core.verdicts.compare import Verdict
from ssd_core.verdicts.in_turn import PAIR_SPREAD, clear, compare_interleaved, compare_until_clear

_LEAST_PAIRS = 20  # pairs of blocks: ten rounds A B B A, two more than the test needs
_LOOK_EVERY = 4  # pairs; each further look is a chance to stop by luck
_TIME_LIMIT_S = 40.0  # of both together
_MOST_ROUNDS = 40  # of one pair of workers for git bisect
_WIDTH = 0.02  # the ratio is known well enough when its interval is no wider


def cases(settings: Settings) -> Iterator[Case]:
    """The throughput cases without the tuned ones."""
    for precision in settings.precisions:
        yield from batches(settings, "against", precision)


class Against(Scenario):
    """A case's inference and its variant's, with the same input, run in turn."""

    result_type: type[AgainstResult] = AgainstResult

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__(case, context)
        if not context.settings.against:
            raise UserError("there is nothing to run against: give --against")
        self._variant = parse(context.settings.against)
        graph = Graph(self._variant.graph, str(self._variant.graph)) if self._variant.graph else None
        own_change, other_change = self._variant.sides
        self._own = Inference(case, context, variant=own_change)
        self._other = Inference(self._variant.of_case(case), context, Network(graph=graph), other_change)
        for inference in (self._own, self._other):
            inference.open()
            inference.feed(context.timing_records())

    def measure(self) -> AgainstResult:
        """Run both until their ratio is known, or clearly beyond the limit, or for 40 s; for git bisect until clear."""
        asked = self.context.settings.until_clear
        with self.context.progress.bar(unit=" pairs", desc=f"against {self._variant.text} {self.case.id}") as bar:
            runs = [self._run(bar.update)] if asked is None else self._until_clear(asked, bar.update)
        pairs = [run.interleaved() for run in runs]
        comparison = compare_interleaved(pairs) if asked is None else compare_until_clear(pairs, asked.limit)
        own_ns = [[int(ns) for block in run.blocks[1] for ns in block] for run in runs]
        outcome = VariantOutcome(
            variant=self._variant.text,
            ratio=comparison.ratio,
            low=comparison.low,
            high=comparison.high,
            p_value=comparison.p_value,
            verdict=str(comparison.verdict),
            reason=comparison.reason,
            rounds=sum(run.pairs // 2 for run in runs),
            samples_ns=[block for run in runs for block in run.blocks[0]],
            depends_on=msgspec.to_builtins(self._other.depends_on()),
        )
        return self.result_type(
            **self.case.fields,
            **timing_of(own_ns, self._images_a_sample),
            warmup_steps=sum(run.warmup_steps for run in runs),
            steady=all(map(is_steady, own_ns)),
            stopped="both measured in turn",
            **self._own.depends_on(),
            against=outcome,
        )

    def _started(self) -> InterleavedRun:
        """A run of both, warmed up."""
        settings = self.context.settings
        steps = None if settings.steps is None else max(1, settings.steps // _LEAST_PAIRS)
        run = InterleavedRun(self._other, self._own, steps=steps)
        run.warm_up(None if settings.steps is None else settings.warmup_steps)
        return run

    def _run(self, on_pair: Callable[[], object]) -> InterleavedRun:
        run = self._started()
        while not self._enough(run):
            run.pair()
            on_pair()
        return run

    def _until_clear(self, asked: UntilClear, on_pair: Callable[[], object]) -> list[InterleavedRun]:
        """Runs of new workers each, because what a process happens to get, such as its memory, stays with it."""
        start, runs = time.monotonic(), list[InterleavedRun]()
        while True:
            run = self._started()
            while not _settled(run):
                run.pair()
                on_pair()
            runs.append(run)
            verdict = compare_until_clear([run.interleaved() for run in runs], asked.limit).verdict
            if verdict is not Verdict.TOO_NOISY or time.monotonic() - start >= asked.seconds:
                return runs
            with ThreadPoolExecutor() as both:
                list(both.map(Inference.restart, (self._other, self._own)))

    def _elapsed_s(self, run: InterleavedRun) -> float:
        return run.seconds

    @property
    def _time_limit_s(self) -> float:
        return _TIME_LIMIT_S

    @property
    def _images_a_sample(self) -> int:
        return self.case.images_a_step

    def _enough(self, run: InterleavedRun) -> bool:
        fixed = self.context.settings.steps is not None
        if not fixed and run.pairs and not run.pairs % 2 and clear(np.log(run.interleaved().ratios)):
            return True
        if run.pairs < _LEAST_PAIRS or run.pairs % _LOOK_EVERY:
            return False
        if fixed:
            return True
        ratio = compare_interleaved([run.interleaved()])
        known = ratio.low is not None and ratio.high is not None and ratio.high / ratio.low - 1 <= _WIDTH
        return known or self._elapsed_s(run) >= self._time_limit_s


def _settled(run: InterleavedRun) -> bool:
    """Whether more rounds of this pair of workers would say less than new workers do."""
    if run.pairs % 2 or run.pairs < 2 * LEAST_ROUNDS:
        return False
    logs = np.log(run.interleaved().ratios)
    return len(logs) >= _MOST_ROUNDS or float(logs.std(ddof=1)) / math.sqrt(len(logs)) <= PAIR_SPREAD / 2
