"""Where the demo's scenes and graphs lie in the cache: folders named by a digest of the code that makes them.

Imports no TensorFlow, so that a run can start at once when everything is there.
"""

import hashlib
from functools import cache
from pathlib import Path

from ssd_core.files import cache_folder, is_file, is_folder
from ssd_core.precisions import PRECISIONS as ROWS

PRECISIONS = tuple(ROWS)
_ROOT = Path(__file__).parents[1]
_DRAWING = ("demo/draws.py", "demo/scenes.py", "demo/sprites.py", "coco/categories.py")
_SCENES = (*_DRAWING, "demo/build.py", "coco/example.py", "coco/records.py")
_GRAPHS = (
    *("demo/build.py", "demo/draws.py", "demo/learnt.npz", "demo/learnt.py", "demo/sprites.py", "demo/weights.py"),
    *("coco/categories.py", "network/anchors.py", "network/build.py", "network/detections.py", "network/layers.py"),
    *("network/variant.py", "graph/bfloat16.py", "graph/contract.py", "graph/export.py"),
    *("graph/normalization.py", "graph/quantize.py", "graph/ranges.py", "graph/rewrite.py", "graph/simplify.py"),
    "graph/view.py",
)


def scenes() -> Path:
    """The folder of validation scenes: `val2017/*.jpg` and `annotations/instances_val2017.json`, in COCO's layout."""
    return cache_folder() / f"scenes-{code_digest(_SCENES)}"


def annotations() -> Path:
    """The ground truth of the validation scenes."""
    return scenes() / "annotations" / "instances_val2017.json"


def records() -> Path:
    """The folder of the validation scenes' TFRecords."""
    return scenes() / "records"


def graph(precision: str) -> Path:
    """The frozen graph of a precision."""
    return cache_folder() / f"graphs-{code_digest(_GRAPHS)}" / f"ssdvgg16_{precision}_demo.pb"


def complete() -> bool:
    """Whether everything is there. Each part appears whole or not at all."""
    return is_file(annotations()) and is_folder(records()) and all(is_file(graph(p)) for p in PRECISIONS)


@cache
def code_digest(sources: tuple[str, ...]) -> str:
    """A digest of source files of this package, named from its root, or of all those in a folder."""
    digest = hashlib.sha256()
    for name in sources:
        path = _ROOT / name
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            digest.update(file.name.encode() + b"\0" + (file.read_bytes() if file.is_file() else b""))
    return digest.hexdigest()[:12]
