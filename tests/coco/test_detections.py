"""Files of detections are read and checked; boxes become those that detections are compared by."""

from pathlib import Path

import numpy as np
import pytest

from ssd_core.coco.annotations import Annotation
from ssd_core.coco.detections import NOTHING, as_results, of_images, of_truth, read_results
from ssd_core.coco.evaluate import write_results
from ssd_core.errors import UserError

FOUND = [
    {"image_id": 7, "category_id": 90, "bbox": [1.5, 2.0, 10.0, 20.0], "score": 0.5},
    {"image_id": 7, "category_id": 1, "bbox": [0.0, 0.0, 4.0, 4.0], "score": 0.25},
    {"image_id": 9, "category_id": 3, "bbox": [5.0, 6.0, 7.0, 8.0], "score": 1.0},
]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_results(FOUND, tmp_path / "found.json")
    read = read_results(tmp_path / "found.json")
    assert as_results(read) == FOUND
    images = of_images(read)
    assert list(images) == [7, 9]
    assert images[7].classes.tolist() == [80, 1]
    assert images[7].scores.tolist() == [0.5, 0.25]
    assert images[7].boxes.tolist() == [[2.0, 1.5, 22.0, 11.5], [0.0, 0.0, 4.0, 4.0]]  # ymin, xmin, ymax, xmax


def test_an_image_without_detections_has_empty_arrays() -> None:
    assert NOTHING.boxes.shape == (0, 4)
    assert NOTHING.classes.shape == NOTHING.scores.shape == (0,)


def test_crowds_are_no_objects() -> None:
    objects = [Annotation(n, 1, 1, (0.0, 0.0, 2.0, 2.0), 4.0, is_crowd=n == 1) for n in range(3)]
    assert of_truth(objects).scores.tolist() == [1.0, 1.0]
    assert np.array_equal(of_truth([]).boxes, NOTHING.boxes)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{}", "holds no detections in COCO's results format"),
        (b"[1]", "holds no detections"),
        (b'[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3], "score": 1}]', r"length 4.*\$\[0\]\.bbox"),
        (b'[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": NaN}]', "holds no detections"),
        (b'[{"image_id": 1, "category_id": 12, "bbox": [1, 2, 3, 4], "score": 1}]', "has the category 12"),
        (b"\xff", "holds no detections"),
        (b'[{"image_id": -1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}]', "holds no detections"),
        (b'[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3e300, 4], "score": 1}]', r"above 1e\+09"),
    ],
)
def test_other_content_is_refused(content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_results(path)
