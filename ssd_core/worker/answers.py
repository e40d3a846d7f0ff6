"""What a worker answers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssd_core.graph.contract import Detections
from ssd_core.profiling.layers import Node


@dataclass(frozen=True)
class Durations:
    """Nanoseconds, one for each step: `run_ns` of session.run alone, `step_ns` with the wait for the batch.

    A step is one batch; with several streams it is one of each, and both are the whole step.
    """

    run_ns: list[int]
    step_ns: list[int]
    others: float = 0.0
    """The share of the worker's CPUs' time that other programs took meanwhile; rough if that was short."""


@dataclass(frozen=True)
class Trace:
    """Nanoseconds of each traced step's session.run, and the nodes that ran in it, in order of their start."""

    step_ns: list[int]
    nodes: list[Node]


@dataclass(frozen=True)
class ImageDetections:
    """The detections of one image of the records; height and width are those of its file."""

    filename: str
    height: int
    width: int
    detections: Detections


@dataclass(frozen=True)
class WorkerStatus:
    """What a worker runs on, as the kernel and the installed packages report it."""

    pid: int
    peak_memory_bytes: int
    allocator: str
    allocator_path: str | None
    cpus: tuple[int, ...]
    memory_policy: str
    memory_nodes: tuple[int, ...]
    versions: dict[str, str | None]


def split_images(
    filenames: list[str],
    shapes: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    classes: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
    boxes: npt.NDArray[np.float32],
) -> Iterator[ImageDetections]:
    """Cut a batch's rows [sum of counts] into its images."""
    ends = np.cumsum(counts).tolist()
    for filename, (height, width), start, end in zip(filenames, shapes.tolist(), [0, *ends[:-1]], ends, strict=True):
        detections = Detections(classes[start:end], scores[start:end], boxes[start:end])
        yield ImageDetections(filename, height, width, detections)
