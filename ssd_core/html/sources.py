"""Sources: finds, reads and checks the detections of a run, their ground truth and their images."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ssd_core.coco import annotations
from ssd_core.coco.annotations import Instances
from ssd_core.coco.average_precision import average_precision
from ssd_core.coco.boxes import Boxes
from ssd_core.coco.evaluate import ANNOTATED_ONLY
from ssd_core.coco.fast import fast_matches
from ssd_core.coco.matches import Matches
from ssd_core.coco.results import of_images, read_results
from ssd_core.demo import places
from ssd_core.errors import UserError
from ssd_core.files import is_folder
from ssd_core.images.dataset import Records, read_records
from ssd_core.images.stored import stored_images
from ssd_core.results.run import Run
from ssd_core.results.schema import AccuracyResult

_ROUNDING = 1e-9  # of AP, which is a mean of some 80,000 terms


@dataclass(frozen=True)
class Sources:
    """Folders and files that the user named; None: where the run left them."""

    detections: Path | None = None
    data: Path | None = None
    annotations: Path | None = None
    required: bool = False
    """Whether something missing is a mistake of the user's."""


@dataclass(frozen=True)
class Evaluated:
    """What one run detected, by precision, with the matches that its AP is computed from, and the ground truth."""

    run: Run
    instances: Instances
    image_ids: tuple[int, ...]
    detected: Mapping[str, Mapping[int, Boxes]]
    matches: Mapping[str, Matches]
    records: Records | None
    why_no_records: str = ""
    """Why they are not used, if they are not."""


def evaluated(run: Run, sources: Sources) -> Evaluated:
    """The detections of a run, evaluated again; UserError if they are missing, or are not those of the run."""
    results = [one for one in run.results if isinstance(one, AccuracyResult)]
    if not results:
        raise UserError(f"{run.path} has no accuracy, so there are no detections to draw: leave --detections out.")
    folder = sources.detections or run.path.parent
    first = results[0]
    records, why_not = _records(first, sources)
    instances = annotations.load(_annotations(first, records, why_not, sources))
    image_ids = _image_ids(first, instances, records)
    detected, matches = {}, {}
    for result in results:
        path = folder / _file_of(result, run)
        found = read_results(path)
        if unknown := set(found.image_ids.tolist()) - set(image_ids):
            raise UserError(f"{path} has detections in image {min(unknown)}, which was not evaluated: name another.")
        own = fast_matches(found, instances, image_ids)
        ap = average_precision(own)
        if abs(ap - result.ap) > _ROUNDING:
            raise UserError(
                f"{path} has an AP of {ap:.9g} and {run.path} one of {result.ap:.9g}: name the folder of this run's"
                " own detections with --detections, and their annotations with --annotations-file."
            )
        detected[result.precision], matches[result.precision] = of_images(found), own
    why = f"the records {why_not}: name those that were evaluated with --data-location" if why_not else ""
    return Evaluated(run, instances, tuple(image_ids), detected, matches, records, why)


def _file_of(result: AccuracyResult, run: Run) -> str:
    if result.detections_file is None:
        raise UserError(
            f"{run.path} does not name its file of detections: an older version wrote it, so measure again."
        )
    return Path(result.detections_file).name


def _records(result: AccuracyResult, sources: Sources) -> tuple[Records | None, str]:
    """The records that were evaluated; or none, and why: they are gone, or are others by now."""
    data = result.data
    folder = sources.data or (Path(data.origin) if data and data.origin not in ("", "demo") else None)
    if folder is None:
        folder = places.records()
    if sources.data is None and not is_folder(folder):
        return None, "are not there any more"
    records = read_records(folder, sources.annotations or _demo_annotations(folder))
    if data is None or data.digest in (None, records.digest):
        return records, ""
    if sources.data is not None:
        raise UserError(
            f"{folder} holds other records than those that were evaluated: name these with --data-location."
        )
    return None, "are others by now"


def _demo_annotations(folder: Path) -> Path | None:
    return places.annotations() if folder == places.records() else None


def _annotations(result: AccuracyResult, records: Records | None, why_not: str, sources: Sources) -> Path:
    if sources.annotations is not None:
        return sources.annotations
    if records is None:
        origin = result.data.origin if result.data else "the data"
        raise UserError(f"The records of {origin} {why_not}: name those that were evaluated with --data-location.")
    return records.annotations()


def _image_ids(result: AccuracyResult, instances: Instances, records: Records | None) -> list[int]:
    """The ids of the images that were evaluated: all that the protocol names, or the first in the records."""
    annotated = result.protocol == ANNOTATED_ONLY
    ids = [image.id for image in instances.images if not annotated or image.id in instances.of_image]
    if result.images in (None, len(ids)):
        return ids
    if records is None:
        raise UserError("The records are not those of the run any more, so the images that it saw are not known.")
    names = [name for name, _ in stored_images(records.shards)][: result.images]
    if unknown := [name for name in names if name not in instances.id_of_file]:
        raise UserError(f"{instances.path} does not know the image {unknown[0]}: name the file that does.")
    return [instances.id_of_file[name] for name in names]
