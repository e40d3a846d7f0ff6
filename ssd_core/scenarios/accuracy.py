"""Accuracy: detections of a whole set of images, and their 12 COCO numbers."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ssd_core.coco import annotations
from ssd_core.coco.annotations import Instances
from ssd_core.coco.evaluate import Accuracy, evaluate, ids_of_files
from ssd_core.coco.results import Results, to_results, write_results
from ssd_core.graph.alike import alike
from ssd_core.images.dataset import Records
from ssd_core.results.case import Case
from ssd_core.results.parts import Replacement
from ssd_core.results.schema import AccuracyResult
from ssd_core.scenarios.inference import Inference, Network
from ssd_core.scenarios.protocol import Context, Scenario
from ssd_core.scenarios.settings import Settings
from ssd_core.worker.answers import ImageDetections

BATCH = 8  # images a step unless the user chooses
UPSTREAM_ROUNDING = "whole pixels plus one and three decimals of a score, as upstream did"
OWN_ROUNDING = "a thousandth of a pixel, six decimals of a score"


def cases(settings: Settings) -> Iterator[Case]:
    """One per precision: AP depends on no count."""
    batch = settings.batch_sizes[-1] if "batch_size" in settings.given else BATCH
    threads = settings.inter_threads[-1], settings.intra_threads[-1]
    for precision in settings.precisions:
        yield Case("accuracy", precision, settings.batch_of(precision, batch), *threads)


class AccuracyScenario(Scenario):
    """Runs every image through the network once, or the first ones with `--quick`, and evaluates the detections."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__(case, context)
        self.inference = Inference(case, context)
        self.inference.open()
        self._records = context.images().first(context.settings.budget.accuracy_images)
        self.inference.feed(self._records)
        self._evaluation = Evaluation(self._records, context)

    def measure(self) -> AccuracyResult:
        """The 12 numbers, and the effect of replacing the post-processing, if it was replaced."""
        start = time.perf_counter()
        detected = self._evaluation.detect(self.inference, str(self.case))
        accuracy = self._evaluation.evaluate(detected, self.case.precision)
        duration_s = time.perf_counter() - start
        self.context.matches[self.case.precision] = accuracy.matches
        depends_on = self.inference.depends_on()
        return AccuracyResult(
            **self.case.fields,
            accuracy=accuracy.numbers(),
            accuracy_lines=accuracy.lines(),
            images=accuracy.images,
            images_in_file=accuracy.images_in_file,
            duration_s=duration_s,
            protocol=accuracy.protocol,
            rounding=self._evaluation.rounding,
            detections_file=self._evaluation.file_of(self.case.precision).name,
            **depends_on,
            postprocess=self._replacement(detected, accuracy) if depends_on["postprocess_ms"] else None,
        )

    def _replacement(self, detected: Sequence[ImageDetections], after: Accuracy) -> Replacement:
        """The detections of the graph's own post-processing, compared with those of ours."""
        network = Network(graph=self.inference.graph, fast=False)
        original = Inference(replace(self.case, batch_size=1), self.context, network)
        original.open()
        original.feed(self._records)
        images = self._evaluation.detect(original, f"{self.case} as it was")
        before = self._evaluation.evaluate(images, f"{self.case.precision}_original")
        agreement = alike(*([image.detections for image in of] for of in (images, detected)))
        return Replacement(agreement, before.AP, after.AP)


def evaluated(
    results: Results, instances: Instances, image_ids: Sequence[int], bar_of: Callable[..., AbstractContextManager[Any]]
) -> Accuracy:
    """The 12 numbers; a bar, which takes tqdm's keywords, moves with each category."""
    with bar_of(total=len(instances.category_ids), unit=" categories", desc="COCO evaluation") as bar:
        return evaluate(results, instances, image_ids, bar.update)


class Evaluation:
    """Detects in all images of some records, and evaluates the detections."""

    def __init__(self, records: Records, context: Context) -> None:
        self._records = records
        self._context = context
        self._instances = annotations.load(records.annotations())

    def detect(self, inference: Inference, title: str) -> list[ImageDetections]:
        """The detections in each image of the records."""
        images: list[ImageDetections] = []
        with self._context.progress.bar(total=self._records.images, unit=" images", desc=title) as bar:
            for image in inference.detect():
                images.append(image)
                bar.update()
        return images

    def evaluate(self, images: Sequence[ImageDetections], name: str) -> Accuracy:
        """The 12 numbers of these detections; `detections_NAME_STAMP.json` keeps them in COCO's results format."""
        ids, results = self.results(images)
        write_results(results, self.file_of(name))
        return evaluated(results, self._instances, ids, self._context.progress.bar)

    def results(self, images: Sequence[ImageDetections]) -> tuple[list[int], Results]:
        """The ids of the images, and their detections as COCO's results."""
        ids = ids_of_files(self._instances, [image.filename for image in images])
        shapes = [(image.height, image.width) for image in images]
        rounding = self._context.settings.upstream_rounding
        return ids, to_results([image.detections for image in images], ids, shapes, rounding)

    def file_of(self, name: str) -> Path:
        """Where the detections of this name are kept."""
        return self._context.folder / f"detections_{name}_{self._context.stamp}.json"

    @property
    def rounding(self) -> str:
        """How detections are rounded before they are evaluated."""
        return UPSTREAM_ROUNDING if self._context.settings.upstream_rounding else OWN_ROUNDING
