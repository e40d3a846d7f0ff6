"""The peers' models of a frozen fp32 graph: made once, kept in the cache under a digest of all they are made from.

Imports neither TensorFlow nor a peer, so that a run can start at once when everything is there. `python -m
ssd_core.backends.models GRAPH [DATA_LOCATION]` makes what is missing, in a process that ends before anything is timed.
"""

import hashlib
import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ssd_core import quiet
from ssd_core.backends.registry import PEERS, require, versions
from ssd_core.demo.places import code_digest
from ssd_core.errors import UserError
from ssd_core.files import cache_folder, replacing, sha256_of
from ssd_core.images.shards import find_shards
from ssd_core.images.tfrecord import record_spans
from ssd_core.machine import identity

CENTERS = "centers.npy"
CALIBRATION_IMAGES = 32  # as many as `python -m ssd_core quantize` takes
ROOT = Path(__file__).parents[1]
_SOURCES = (
    *("backends", "graph", "network", "images"),
    *("coco/categories.py", "demo/inputs.py", "demo/draws.py", "demo/scenes.py", "demo/sprites.py"),
)
_MAKING = ("numpy", "pillow")  # packages that prepare the calibration images, besides TensorFlow


def folder_of(graph: Path, data_location: Path | None) -> Path:
    """Where the models of a graph lie, or will: a folder named by the graph, the images, the versions and our code.

    UserError for a data location without records.
    """
    used = versions() | identity.versions() | {name: metadata.version(name) for name in _MAKING}
    images = None if data_location is None else _records_digest(data_location)
    made_from = (sha256_of(graph), images, sorted(used.items()), code_digest(_SOURCES))
    return cache_folder() / f"peers-{hashlib.sha256(repr(made_from).encode()).hexdigest()[:12]}"


def _records_digest(folder: Path) -> str:
    """A digest of the calibration records: of their content, not of their path."""
    digest = hashlib.sha256()
    spans = ((shard, *span) for shard in find_shards(folder) for span in record_spans(shard))
    for shard, offset, length in islice(spans, CALIBRATION_IMAGES):
        with shard.open("rb") as stream:
            stream.seek(offset)
            digest.update(hashlib.sha256(stream.read(length)).digest())
    return digest.hexdigest()


def complete(folder: Path) -> bool:
    """Whether all models are there. The file `made` is written last."""
    return (folder / "made").is_file()


def make(graph: Path, data_location: Path | None) -> Path:
    """Make every model of a frozen fp32 graph and return their folder.

    int8 ones are calibrated on the first images of the user's records, or on the scenes that the demo's int8 graph is
    calibrated on. UserError for a graph that is not one of ours.
    """
    require()
    folder = folder_of(graph, data_location)
    if complete(folder):
        return folder
    quiet.import_tensorflow()  # 6 s, which models that are there do not wait for; so with all that imports it
    from ssd_core.backends.raw_network import network_of
    from ssd_core.graph.frozen import read_graph

    network = network_of(read_graph(graph))
    images = _calibration_images(data_location)
    with replacing(folder / CENTERS) as temporary, temporary.open("wb") as stream:
        np.save(stream, network.centers)
    for peer in PEERS:
        import_module(peer.module).make(network, images, folder)
    with replacing(folder / "made") as temporary:
        temporary.write_text(f"{graph}\n")
    return folder


def _calibration_images(data_location: Path | None) -> list[npt.NDArray[np.float32]]:
    """The images [1, 300, 300, 3], one by one."""
    if data_location is not None:
        from ssd_core.images.calibration import calibration_images as of_records

        return list(of_records(data_location, CALIBRATION_IMAGES, 1))
    from ssd_core.demo.inputs import calibration_images as of_scenes

    return [batch[i : i + 1] for batch in of_scenes() for i in range(len(batch))]


def main(arguments: Sequence[str]) -> int:
    """Make the models of the graph that is named, with progress bars; the exit status."""
    if not 1 <= len(arguments) <= 2:
        print(f"usage: python -m {__spec__.name} GRAPH [DATA_LOCATION]", file=sys.stderr)
        return 2
    graph, *location = arguments
    try:
        print(f"the models are in {make(Path(graph), Path(location[0]) if location else None)}")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
