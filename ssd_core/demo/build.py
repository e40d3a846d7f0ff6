"""Makes the parts of the demo that the cache lacks: scenes with their records, and graphs; each whole or not at all."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from ssd_core.coco.records import write_records
from ssd_core.demo import learnt, places
from ssd_core.demo.scenes import write_scenes
from ssd_core.demo.weights import weights_of
from ssd_core.files import CACHE_VARIABLE, cache_folder, locked, writable_folder
from ssd_core.graph.bfloat16 import to_bfloat16
from ssd_core.graph.export import fp32_graph
from ssd_core.graph.frozen import write_graph
from ssd_core.graph.quantize import quantize_with

VALIDATION_SCENES = 120
_PRODUCER = 2129  # TensorFlow 2.19.1, the oldest that works
_FIRST_VALIDATION_SEED = 1_000_000  # far from the seeds that training and calibration use


def build() -> None:
    """Make what is missing, with progress bars. A second process waits for the first."""
    with _alone():
        if not (places.annotations().is_file() and places.records().is_dir()):
            _build_scenes()
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


def _build_graphs() -> None:
    shipped = learnt.read()
    fp32 = fp32_graph(weights_of(shipped))
    fp32.versions.producer = _PRODUCER  # TensorFlow writes its own, which would change the sha256 with each release
    with tqdm(total=len(places.PRECISIONS), desc="graphs", unit=" graphs", leave=False) as bar:
        for precision, graph in (
            ("fp32", fp32),
            ("bf16", to_bfloat16(fp32)[0]),
            ("int8", quantize_with(fp32, shipped.ranges)),
        ):
            write_graph(graph, places.graph(precision))
            bar.update()
