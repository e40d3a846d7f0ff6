"""Accuracy by shards: a shard's detections as a part, and the 12 numbers of all parts, as one process gives them."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from tqdm import tqdm

from ssd_core import __version__
from ssd_core.coco import annotations
from ssd_core.coco.evaluate import Accuracy
from ssd_core.coco.part import DETECTIONS, DetectionsPart, Placed, check_file, folder_of, grouped, write_part
from ssd_core.coco.results import Results, read_results, write_results
from ssd_core.errors import UserError
from ssd_core.files import sha256_of, writable_folder
from ssd_core.machine import identity
from ssd_core.results.case import Case
from ssd_core.results.result import Result
from ssd_core.results.schema import AccuracyResult, PartResult, as_info, of_info
from ssd_core.scenarios.accuracy import AccuracyScenario, Evaluation, evaluated
from ssd_core.scenarios.inference import Inference
from ssd_core.scenarios.protocol import Context, Scenario

_SHARED = "parts"  # in the context, for the cases of a run


def accuracy_scenario(case: Case, context: Context) -> Scenario:
    """The scenario of an accuracy case: of all images here, of a shard of them, or of shards on other machines."""
    if context.settings.portion is not None:
        return AccuracyPart(case, context)
    return AccuracyScenario(case, context) if context.shards is None else AccuracyOfParts(case, context)


class AccuracyPart(Scenario):
    """Runs one shard of the images through the network, and writes its detections as a part."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__(case, context)
        portion = context.settings.portion
        assert portion is not None
        self._portion = portion
        self.inference = Inference(case, context)
        self.inference.open()
        self._whole = context.images()
        # Shards begin where batches do, so that each batch has the images that it has in one process.
        self._records = self._whole.at(portion.range(self._whole.images, case.batch_size))
        self.inference.feed(self._records)
        self._evaluation = Evaluation(self._records, context)

    def measure(self) -> PartResult:
        """Detect and write the part; it has no AP."""
        start = time.perf_counter()
        detected = self._evaluation.detect(self.inference, f"{self.case} {self._portion}")
        ids, results = self._evaluation.results(detected)
        folder = writable_folder(folder_of(self.context.folder, f"detections_{self.case.precision}", self._portion))
        write_results(results, folder / DETECTIONS)
        result = PartResult(
            **self.case.fields,
            number=self._portion.number,
            of=self._portion.of,
            images=len(ids),
            rounding=self._evaluation.rounding,
            part=folder.name,
            duration_s=time.perf_counter() - start,
            **self.inference.depends_on(),
        )
        machine = identity.of_this_machine()
        part = DetectionsPart(
            name=self.case.precision,
            number=self._portion.number,
            of=self._portion.of,
            whole=self._of_whole(result, machine),
            sha256=sha256_of(folder / DETECTIONS),
            image_ids=ids,
            result=as_info(result),
            identity=machine,
            annotations_file=str(self._records.annotations().absolute()),
        )
        write_part(folder, part)
        return result

    def _of_whole(self, result: PartResult, machine: dict[str, Any]) -> dict[str, Any]:
        """What the numbers depend on. AP depends on no thread count; the batch decides where shards begin."""
        return {
            "graph_sha256": result.graph_sha256,
            "postprocess": "replaced" if result.postprocess_ms else "own",
            "data_digest": self._whole.digest,
            "images": self._whole.images,
            "annotations_sha256": sha256_of(self._records.annotations()),
            "batch_size": self.case.batch_size,
            "rounding": result.rounding,
            "versions": result.versions,
            "version": __version__,
            # Other kernels add in another order, so that the last digits differ.
            "cpu_model": machine["cpu_model"],
            "max_cpu_isa": os.environ.get(identity.ISA_LIMIT),
        }


class AccuracyOfParts(Scenario):
    """Lets other machines run the shards, and evaluates their parts together."""

    def measure(self) -> AccuracyResult:
        """The 12 numbers of all parts of the case's precision."""
        assert self.context.shards is not None
        if _SHARED not in self.context.shared:
            self.context.shared[_SHARED] = grouped(self.context.shards())
        start = time.perf_counter()
        groups: dict[str, list[Placed]] = self.context.shared[_SHARED]
        parts = next(group for group in groups.values() if group[0].part.name == self.case.precision)
        file = self.context.folder / f"detections_{self.case.precision}_{self.context.stamp}.json"
        merged = merge_detections(parts, file, bar_of=self.context.progress.bar)
        self.context.matches[self.case.precision] = merged.accuracy.matches
        duration_s = (merged.result.duration_s or 0.0) + time.perf_counter() - start
        return msgspec.structs.replace(merged.result, duration_s=duration_s)


@dataclass(frozen=True)
class Merged:
    """The detections of all parts, evaluated."""

    result: AccuracyResult
    accuracy: Accuracy
    identity: dict[str, Any]
    """Of the first part's machine."""


def merge_detections(
    parts: Sequence[Placed],
    file: Path,
    annotations_file: Path | None = None,
    bar_of: Callable[..., AbstractContextManager[Any]] = tqdm,
) -> Merged:
    """Evaluate the detections of all parts of a run, which are in order; `file` keeps them in COCO's results format.

    The annotations are those that the parts were written with, unless others are named that are the same. UserError if
    they are not, or if a file is not what its shard wrote.
    """
    of = [_detections(placed) for placed in parts]
    first, ids = of[0], [image_id for part in of for image_id in part.image_ids]
    path = annotations_file or Path(first.annotations_file)
    if sha256_of(path) != first.whole["annotations_sha256"]:
        raise UserError(f"{path} does not hold the annotations of these parts: give theirs with --annotations-file.")
    if len(ids) != first.whole["images"]:
        raise UserError(
            f"The parts of {first.title} hold {len(ids)} of {first.whole['images']} images: run them again."
        )
    for placed, part in zip(parts, of, strict=True):
        check_file(placed.folder / DETECTIONS, part.sha256)
    results = Results.joined([read_results(placed.folder / DETECTIONS) for placed in parts])
    write_results(results, file)
    accuracy = evaluated(results, annotations.load(path), ids, bar_of)
    return Merged(_result(of, accuracy, file), accuracy, first.identity)


def _detections(placed: Placed) -> DetectionsPart:
    assert isinstance(placed.part, DetectionsPart)
    return placed.part


def _result(parts: Sequence[DetectionsPart], accuracy: Accuracy, file: Path) -> AccuracyResult:
    """The result that one process gives, with the seconds of all."""
    of = [_of_info(part) for part in parts]
    shared = {name: getattr(of[0], name) for name in Result.__struct_fields__}
    data = of[0].data
    return AccuracyResult(
        **shared | {"data": data and msgspec.structs.replace(data, images=sum(one.images for one in of))},
        accuracy=accuracy.numbers(),
        accuracy_lines=accuracy.lines(),
        images=accuracy.images,
        images_in_file=accuracy.images_in_file,
        duration_s=sum(one.duration_s for one in of),
        protocol=accuracy.protocol,
        rounding=of[0].rounding,
        detections_file=file.name,
    )


def _of_info(part: DetectionsPart) -> PartResult:
    try:
        result = of_info(part.result)
    except msgspec.ValidationError as error:
        where = f"The part {part.number}/{part.of} of {part.title}"
        raise UserError(f"{where} is damaged ({error}): run its shard again.") from error
    assert isinstance(result, PartResult)
    return result
