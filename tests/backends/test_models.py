"""The models in the cache."""

import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from ssd_core.backends import models, registry
from ssd_core.demo import places
from ssd_core.images.tfrecord import masked_crc32c
from ssd_core.machine import identity
from tests.sources import ROOT, reached_from


def test_every_model_is_made_once(thin_models: Path, thin_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSD_VGG16_CACHE", str(thin_models.parent))
    names = {path.name for path in thin_models.iterdir()}
    assert {"openvino_fp32.xml", "openvino_fp32.bin", "openvino_int8.xml", "onnxruntime_int8.onnx"} <= names
    assert not [name for name in names if name.startswith(".") or name.endswith(".pb")], "nothing half-written"
    made = (thin_models / "made").stat().st_mtime_ns
    assert models.make(thin_path, None) == thin_models
    assert (thin_models / "made").stat().st_mtime_ns == made


# These check, name, time, read or write, or make other parts of the demo: they decide nothing of a model.
NEUTRAL = {"errors.py", "files.py", "quiet.py", "precisions.py", "demo/places.py", "demo/backbone.py", "demo/heads.py"}
NEUTRAL |= {"coco/annotations.py", "coco/example.py", "coco/journal.py", "coco/records.py"}
NEUTRAL |= {f"machine/{name}.py" for name in ("affinity", "cgroup", "cpu_time", "identity")}
NEUTRAL |= {"backends/protocol.py"}


def listed() -> set[str]:
    """The sources in the key, folders spelt out."""
    named = [ROOT / name for name in models._SOURCES]
    assert all(path.exists() for path in named)
    files = (file for path in named for file in (path.glob("*.py") if path.is_dir() else [path]))
    return {str(file.relative_to(ROOT)) for file in files}


def test_all_that_is_imported_in_the_making_is_in_the_key() -> None:
    peers = [peer.module.removeprefix("ssd_core.").replace(".", "/") + ".py" for peer in registry.PEERS]
    reached = reached_from(["backends/models.py", *peers])
    assert {"graph/raw.py", "graph/view.py", "network/detections.py", "backends/onnx_model.py"} <= reached
    assert reached - NEUTRAL <= listed()


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that stands for a graph, in a cache of its own; the peers' packages have versions wherever they are."""
    monkeypatch.setattr(models, "versions", lambda: {"openvino": "1"})
    monkeypatch.setenv("SSD_VGG16_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "graph.pb"
    path.write_bytes(b"graph")
    places.code_digest.cache_clear()
    yield path
    places.code_digest.cache_clear()


@pytest.mark.parametrize("name", sorted(listed()))
def test_a_source_that_changes_makes_them_anew(
    name: str, graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "code"
    for source in listed():
        (code / source).parent.mkdir(parents=True, exist_ok=True)
        (code / source).write_bytes((ROOT / source).read_bytes())
    before = models.folder_of(graph, None)
    monkeypatch.setattr(places, "_ROOT", code)
    places.code_digest.cache_clear()
    assert models.folder_of(graph, None) == before, "wherever it lies"
    with (code / name).open("a") as stream:
        stream.write("# changed\n")
    places.code_digest.cache_clear()
    assert models.folder_of(graph, None) != before


def test_another_graph_or_version_makes_them_anew(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = {models.folder_of(graph, None)}
    graph.write_bytes(b"another")
    folders.add(models.folder_of(graph, None))
    monkeypatch.setattr(models, "versions", lambda: {"openvino": "2"})
    folders.add(models.folder_of(graph, None))
    monkeypatch.setattr(identity, "versions", lambda: {"tensorflow": "tensorflow 1.15"})
    folders.add(models.folder_of(graph, None))
    assert len(folders) == 4


def write_records(folder: Path, *contents: bytes) -> Path:
    """A shard of these records, whose data has no checksum worth the name: nobody looks at it here."""
    folder.mkdir()
    with (folder / "val-00000-of-00001").open("wb") as stream:
        for data in contents:
            length = struct.pack("<Q", len(data))
            stream.write(length + struct.pack("<I", masked_crc32c(length)) + data + bytes(4))
    return folder


def test_images_are_known_by_what_they_hold_not_by_where_they_lie(graph: Path, tmp_path: Path) -> None:
    first = [b"image %d" % number for number in range(models.CALIBRATION_IMAGES)]
    records = write_records(tmp_path / "a", *first)
    folder = models.folder_of(graph, records)
    assert models.folder_of(graph, write_records(tmp_path / "b", *first, b"never calibrated on")) == folder
    assert models.folder_of(graph, write_records(tmp_path / "c", *first[:-1], b"other")) != folder
    assert models.folder_of(graph, write_records(tmp_path / "d", *first[:-1])) != folder
    assert models.folder_of(graph, None) != folder
    shutil.rmtree(records)
    write_records(records, b"other", *first[1:])
    assert models.folder_of(graph, records) != folder, "the same path with other images"
