"""The log of a run in upstream's format, one file per precision, so that parsers of upstream's logs can read it."""

from pathlib import Path

from ssd_core.files import writable_folder
from ssd_core.results.case import NO_PRECISION
from ssd_core.results.schema import AccuracyResult, Result, TimedResult


def lines_of(result: Result) -> list[str]:
    """Upstream's lines for a case: batch size and throughput, latency at batch 1, or the 12 numbers of COCO.

    Upstream had no profile, no input pipeline alone and no other runtimes, so these have no lines.
    """
    if isinstance(result, AccuracyResult):
        return list(result.accuracy_lines)
    if not isinstance(result, TimedResult) or result.precision == NO_PRECISION:
        return []
    case = result.case
    lines = [f"Batch size = {case.batch_size}", f"Throughput: {result.images_per_second:.3f} images/sec"]
    if case.streams > 1:
        lines.insert(1, f"Streams = {case.streams}")
    if case.images_a_step == 1:
        lines.append(f"Latency: {result.latency_ms['mean']:.3f} ms")
    return [*lines, f"Ran inference with batch size {case.batch_size}"]


def append(result: Result, folder: Path, stamp: str) -> None:
    """Write a case's lines as soon as it is done, so that an interrupted run keeps its lines."""
    if not (lines := lines_of(result)):
        return
    path = path_of(result.precision, folder, stamp)
    text = [f"# {result.kind} {result.case.id}", *lines, f"Log location {path}"]
    with (writable_folder(folder) / path.name).open("a") as stream:
        stream.write("\n".join(text) + "\n")


def path_of(precision: str, folder: Path, stamp: str) -> Path:
    """The file of a precision, named as upstream named it."""
    return folder / f"benchmark_ssd_vgg16_inference_{precision}_{stamp}.log"
