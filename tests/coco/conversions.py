"""A conversion as the tests start it, and what it leaves in its folder."""

import os
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from ssd_core.coco import records
from ssd_core.coco.records import Summary, write_records


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def four_a_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "IMAGES_PER_SHARD", 4)


def convert(coco: Any, out: Path, **options: Any) -> Summary:
    return write_records(coco.images, coco.annotations, out, "val", **{"processes": 1, "progress": False} | options)


def examples(*shards: Path) -> list[dict[str, list[Any]]]:
    """Feature name -> values, for each record."""
    found = []
    for serialized in tf.data.TFRecordDataset([os.fsencode(s) for s in shards]).as_numpy_iterator():
        features = tf.train.Example.FromString(serialized).features.feature
        found.append(
            {k: list(getattr(f, f.WhichOneof("kind")).value) for k, f in features.items() if f.WhichOneof("kind")}
        )
    return found


HIDDEN = [".val-records.json", ".val-records.lock"]


def hidden(folder: Path) -> list[str]:
    """All that is in a folder, where no shard is."""
    return sorted(path.name for path in folder.iterdir())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name.startswith("val-")}
