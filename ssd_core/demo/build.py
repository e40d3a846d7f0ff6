"""Makes the parts of the demo that the cache lacks: scenes, records, weights, graphs; each whole or not at all."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ssd_core.coco.records import write_records
from ssd_core.demo import places
from ssd_core.demo.model import calibration_images, make_weights
from ssd_core.demo.scenes import write_scenes
from ssd_core.files import CACHE_VARIABLE, cache_folder, locked, replacing, writable_folder
from ssd_core.graph.bfloat16 import to_bfloat16
from ssd_core.graph.export import fp32_graph
from ssd_core.graph.frozen import write_graph
from ssd_core.graph.quantize import quantize

VALIDATION_SCENES = 240
_FIRST_VALIDATION_SEED = 1_000_000  # far from the seeds that training uses
CALIBRATION_SCENES = 24
FIRST_CALIBRATION_SEED = 2_000_000


def build() -> None:
    """Make what is missing, with progress bars. A second process waits for the first."""
    with _alone():
        if not (places.annotations().is_file() and places.records().is_dir()):
            _build_scenes()
        if not places.weights().is_file():
            _build_weights()
        if not all(places.graph(precision).is_file() for precision in places.PRECISIONS):
            _build_graphs()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the cache's lock."""
    folder = writable_folder(cache_folder(), f"set {CACHE_VARIABLE} to another folder")

    def taken() -> None:
        print(f"Another process makes the demo in {folder}: waiting for it.", file=sys.stderr, flush=True)

    with locked(folder / ".lock", taken):
        yield


def _build_scenes() -> None:
    target = places.scenes()
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
        temporary = Path(folder) / target.name
        annotations = write_scenes(temporary, VALIDATION_SCENES, _FIRST_VALIDATION_SEED)
        write_records(temporary / "val2017", annotations, temporary / "records", "val")
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)


def _build_weights() -> None:
    weights = make_weights()
    with replacing(places.weights()) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **weights)


def _build_graphs() -> None:
    with np.load(places.weights()) as stored:
        fp32 = fp32_graph(dict(stored))
    write_graph(fp32, places.graph("fp32"))
    bf16, _ = to_bfloat16(fp32)
    write_graph(bf16, places.graph("bf16"))
    int8, _ = quantize(fp32, calibration_images(FIRST_CALIBRATION_SEED, CALIBRATION_SCENES))
    write_graph(int8, places.graph("int8"))
