"""A small COCO folder to convert and to evaluate on: drawn here, or the 79 real images where they are."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.coco.conversions import four_a_shard as four_a_shard  # fixtures
from tests.coco.conversions import out as out

COCO_MINI = Path(__file__).resolve().parents[2].parent / "shared" / "coco_mini"
CATEGORIES = [{"id": 1, "name": "person"}, {"id": 13, "name": "stop sign"}, {"id": 90, "name": "toothbrush"}]


@dataclass(frozen=True)
class Coco:
    """A folder of images and its annotations, which can be changed and written again."""

    images: Path
    annotations: Path
    document: dict[str, Any]

    def write(self) -> None:
        self.annotations.write_text(json.dumps(self.document))


MakeCoco = Callable[..., Coco]


@pytest.fixture
def make_coco(tmp_path: Path) -> MakeCoco:
    """`make_coco(count, unannotated=0, size=(40, 30))`: 1.jpg … with one or two boxes each, the last ones with none."""

    def make(count: int, unannotated: int = 0, size: tuple[int, int] = (40, 30)) -> Coco:
        folder = tmp_path / "images"
        folder.mkdir(exist_ok=True)
        random = np.random.default_rng(count)
        width, height = size
        images, annotations = [], []
        for n in range(1, count + 1):
            pixels = random.integers(0, 256, (height, width, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{n}.jpg", quality=90)
            images.append({"id": 100 + n, "file_name": f"{n}.jpg", "width": width, "height": height})
            for k in range(1 + n % 2 if n <= count - unannotated else 0):
                x, y = random.uniform(0, width / 2), random.uniform(0, height / 2)
                w, h = random.uniform(1, width / 2), random.uniform(1, height / 2)
                annotations.append(
                    {
                        "id": 10 * n + k,
                        "image_id": 100 + n,
                        "category_id": CATEGORIES[(n + k) % 3]["id"],
                        "bbox": [x, y, w, h],
                        "area": w * h * 0.8,
                        "iscrowd": int(n % 5 == 0),
                    }
                )
        document = {"images": images, "annotations": annotations, "categories": [dict(c) for c in CATEGORIES]}
        coco = Coco(folder, tmp_path / "instances.json", document)
        coco.write()
        return coco

    return make


@pytest.fixture
def coco(make_coco: MakeCoco) -> Coco:
    """Ten images, the last two without annotations."""
    return make_coco(10, unannotated=2)


@pytest.fixture(scope="session")
def coco_mini() -> Coco:
    """79 images of COCO val2017, as they are."""
    path = COCO_MINI / "annotations" / "instances_val2017.json"
    if not path.is_file():
        pytest.skip("the 79 images of COCO are not beside the repository")
    return Coco(COCO_MINI / "val2017", path, json.loads(path.read_text()))
