"""Eleven drawn images, among them a greyscale and a CMYK one, in three shards."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssd_core.coco import records

MODES = ["RGB"] * 9 + ["L", "CMYK"]


@pytest.fixture(scope="session")
def jpeg_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """00.jpg … 10.jpg: soft colours, each of its own size."""
    folder = tmp_path_factory.mktemp("jpegs")
    for n, mode in enumerate(MODES):
        coarse = np.random.default_rng(n).integers(0, 256, (6, 8, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((320 + 16 * n, 240 + 8 * n), Image.Resampling.BICUBIC)
        picture.convert(mode).save(folder / f"{n:02d}.jpg", quality=95)
    return folder


@pytest.fixture
def shards(jpeg_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The images as TFRecords of 4, 4 and 3."""
    images = [
        {"id": n, "file_name": f"{n:02d}.jpg", "width": 320 + 16 * n, "height": 240 + 8 * n} for n in range(len(MODES))
    ]
    annotations_file = tmp_path / "instances.json"
    annotations_file.write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    monkeypatch.setattr(records, "IMAGES_PER_SHARD", 4)
    summary = records.write_records(
        jpeg_folder, annotations_file, tmp_path / "data", "val", include_unannotated=True, processes=1, progress=False
    )
    return list(summary.shards)
