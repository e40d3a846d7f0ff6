"""Other runtimes: the same network and images, measured in turn with ours, and the detections of each."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from ssd_core.backends import models
from ssd_core.backends.protocol import Scope
from ssd_core.backends.registry import BACKENDS, OURS, PEERS, versions
from ssd_core.coco.agreement import agreement
from ssd_core.errors import UserError
from ssd_core.precisions import REFERENCE
from ssd_core.results.case import Case
from ssd_core.results.parts import PeerFigures, PeerSetting, PeerSpeeds, Question, Ratio
from ssd_core.results.schema import PeersAccuracyResult, PeersResult
from ssd_core.scenarios.accuracy import BATCH, Evaluation
from ssd_core.scenarios.inference import Inference, Network, data_of, runs_on
from ssd_core.scenarios.interleaved import InterleavedRun
from ssd_core.scenarios.protocol import Context, Scenario
from ssd_core.scenarios.settings import Settings
from ssd_core.scenarios.setup import Setup, stream_counts
from ssd_core.scenarios.timed import latency_cases
from ssd_core.scenarios.tuning import BATCH_SIZES, Tuned, searched
from ssd_core.verdicts.in_turn import compare_interleaved
from ssd_core.verdicts.kernels import is_native
from ssd_core.worker.answers import ImageDetections

_LEAD_STEPS = 3  # of a turn, at most, that are not counted: their images were prepared in another's turn
_TURN_NS = 400_000_000
TURNS = 16  # eight rounds A B C, C B A: the fewest whose interval is given


def cases(settings: Settings) -> Iterator[Case]:
    """The latency cases."""
    return latency_cases(settings, "peers")


def accuracy_cases(settings: Settings) -> Iterator[Case]:
    """One per precision: detections do not depend on thread counts."""
    seen = {case.precision: case for case in latency_cases(settings, "peers_accuracy")}
    yield from seen.values()


@dataclass(frozen=True)
class Turn:
    """A runtime as a runner that is measured in turn with others."""

    inference: Inference

    def run(self, steps: int) -> list[float]:
        """Run `steps` counted steps after up to three uncounted ones; the runtime is idle afterwards."""
        lead = min(_LEAD_STEPS, steps) if self.inference.fed else 1
        return [float(ns) for ns in self.inference.run(lead + steps)[lead:]]


class Peers(Scenario):
    """Our network and each peer's, all open at once with their best settings. Only one runs at a time."""

    def __init__(self, case: Case, context: Context, question: Question = "latency", scope: Scope = "network") -> None:
        super().__init__(case, context)
        self.question = question
        self.scope = scope
        self.inferences = {name: network_of(name, case, context, scope) for name in runtimes_of(case)}
        # The scope `network` runs on dummy tensors, the scope `detections` on the records.
        self._records = context.images() if scope == "detections" else None

    def measure(self) -> PeersResult:
        """Open each with its best settings, and measure all in turn."""
        start, settings = time.perf_counter(), self.context.settings
        tuned = {name: self._open(name, inference) for name, inference in self.inferences.items()}
        turns = [Turn(inference) for inference in self.inferences.values()]
        steps = None if settings.steps is None else max(1, settings.steps // TURNS)
        run = InterleavedRun(*turns, steps=steps, block_ns=_TURN_NS)
        title = f"{self.question} {self.scope} {self.case.id}"
        with self.context.progress.bar(total=TURNS, unit=" turns", desc=title) as bar:
            run.warm_up(settings.warmup_steps, blocks=1)
            while run.pairs < TURNS:
                run.pair()
                bar.update()
        figures = {
            name: _figures(inference, blocks, tuned[name])
            for (name, inference), blocks in zip(self.inferences.items(), run.blocks, strict=True)
        }
        ours = self.inferences[OURS]
        return PeersResult(
            **self.case.fields,
            peers=PeerSpeeds(self.question, self.scope, figures, self._ratios(run)),
            peers_versions=versions(),
            duration_s=time.perf_counter() - start,
            data=data_of(self._records),
            **runs_on(ours.worker.status()),
        )

    def _open(self, name: str, inference: Inference) -> Tuned | None:
        """Open a runtime: for one image at a time, or with the best of a search that both scopes share."""
        batch_size = inference.batch_size
        if self.question == "latency":
            inference.open(Setup.shared(self.case, 1), batch_size)
            inference.feed(self._records)
            return None
        shared, key = self.context.shared, ("tuned", name, self.case)
        if key not in shared:
            fixed = self.context.settings.fixed_batches.get(self.case.precision) if name == OURS else None
            streams = [(streams, 1) for streams in stream_counts(self.case.num_intra_threads)]
            setups = [Setup.shared(self.case, *counts) for counts in (*streams, *BACKENDS[name].own_settings)]
            sizes = BATCH_SIZES if fixed is None else (fixed,)
            shared[key] = searched(inference, setups, sizes, None, self.context)
        tuned: Tuned = shared[key]
        inference.open(tuned.best.setup, tuned.best.batch_size)
        inference.feed(self._records)
        return tuned

    def _ratios(self, run: InterleavedRun) -> dict[str, Ratio]:
        """Each peer's time per image divided by ours."""
        names = list(self.inferences)
        ratios = {}
        for place, name in enumerate(names):
            if name != OURS:
                comparison = compare_interleaved([run.interleaved(names.index(OURS), place)])
                images = self.inferences[OURS].images_a_step / self.inferences[name].images_a_step
                ends = (comparison.ratio, comparison.low, comparison.high)
                ratio, low, high = (end and end * images for end in ends)
                assert ratio is not None
                ratios[name] = Ratio(ratio, low, high)
        return ratios


class PeersAccuracy(Scenario):
    """The detections of each runtime in all images: the 12 numbers, and the agreement with our fp32."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__(case, context)
        self._records = context.images()
        self._evaluation = Evaluation(self._records, context)

    def measure(self) -> PeersAccuracyResult:
        """Run every image through each runtime once."""
        start = time.perf_counter()
        reference = self._detected(OURS, replace(self.case, precision=REFERENCE))
        reference_ap = self._evaluation.evaluate(reference, f"{REFERENCE}_{OURS}").AP
        numbers: dict[str, dict[str, float | None]] = {}
        for name in runtimes_of(self.case):
            images = self._detected(name, self.case)
            accuracy = self._evaluation.evaluate(images, f"{self.case.precision}_{name}")
            numbers[name] = {
                **accuracy.numbers(),
                "AP_share": accuracy.AP / reference_ap if reference_ap > 0 else None,
                "agreement": agreement(*([image.detections for image in of] for of in (reference, images))),
                "images": accuracy.images,
            }
        return PeersAccuracyResult(
            **self.case.fields,
            peers_accuracy=numbers,
            peers_versions=versions(),
            duration_s=time.perf_counter() - start,
            data=data_of(self._records),
        )

    def _detected(self, name: str, case: Case) -> list[ImageDetections]:
        """A runtime's detections, made once per run."""
        shared, key = self.context.shared, ("detected", name, case)
        if key not in shared:
            inference = network_of(name, case, self.context, "detections")
            batch_size = self.context.settings.batch_of(case.precision, BATCH) if name == OURS else BATCH
            inference.open(Setup.shared(case, 1), batch_size)
            inference.feed(self._records)
            shared[key] = self._evaluation.detect(inference, f"{case} {name}")
        detected: list[ImageDetections] = shared[key]
        return detected


def runtimes_of(case: Case) -> list[str]:
    """Ours, then each peer that has the case's precision; UserError if this CPU has no instructions for it."""
    if not is_native(case.precision):
        raise UserError(f"This CPU has no {case.precision} instructions: leave {case.precision} out of --precision.")
    return [OURS, *(peer.name for peer in PEERS if case.precision in peer.precisions)]


def network_of(name: str, case: Case, context: Context, scope: Scope) -> Inference:
    """A runtime's network, not open yet. A peer takes any batch; ours may be limited to its graph's batch."""
    if name == OURS:
        return Inference(case, context, Network(scope=scope))
    folder = models_of(_fp32(context), context)
    return Inference(replace(case, batch_size=1), context, Network(name, scope, models=folder))


def models_of(graph: Path, context: Context) -> Path:
    """The folder of a graph's models, made in a process of its own if it is missing; UserError if that fails."""
    location = context.settings.data_location
    folder = models.folder_of(graph, location)
    if not models.complete(folder):
        words = [str(graph.absolute()), *([str(location.absolute())] if location else [])]
        with context.progress.uncaptured():
            print("\nMaking the peers' models, once (about a minute):", flush=True)
            command = [sys.executable, "-m", models.__name__, *words]
            status = subprocess.run(command, check=False, cwd=models.ROOT.parent).returncode
        if status != 0 or not models.complete(folder):
            raise UserError(f"The peers' models could not be made (status {status}): the lines above say why.")
    return folder


def _fp32(context: Context) -> Path:
    given = context.settings.graphs
    if given and REFERENCE not in given:
        raise UserError(
            f"The peers' models are made from the fp32 graph: give the one that {next(iter(given.values()))} was"
            " made from as well, with --in-graph fp32=PATH."
        )
    return context.graphs.of(REFERENCE).path


def _figures(inference: Inference, blocks: list[list[float]], tuned: Tuned | None) -> PeerFigures:
    opened, setup, images = inference.opened, inference.setup, inference.images_a_step
    assert opened is not None
    turns_ns = [[ns / images for ns in block] for block in blocks]
    return PeerFigures(
        ns_an_image=median(ns for turn in turns_ns for ns in turn),
        setting=PeerSetting(inference.batch_size, setup.streams, setup.requests_a_stream, opened.streams),
        tried_images_per_second={str(tried): rate for tried, rate in tuned.rates.items()} if tuned else {},
        graph_sha256=opened.sha256,
        graph_ops=opened.operation_counts,
        samples_ns=turns_ns,
    )
