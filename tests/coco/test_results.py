"""Detections become COCO's results, and files of them are written, read and checked."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.coco import results as module
from ssd_core.coco.results import Results, of_images, places_of, read_results, to_results, write_results
from ssd_core.errors import UserError
from tests.coco.test_evaluate import Box, Found, found
from tests.rounding import UNIT

FOUND: list[dict[str, Any]] = [
    {"image_id": 7, "category_id": 90, "bbox": [1.5, 2.0, 10.0, 20.0], "score": 0.5},
    {"image_id": 7, "category_id": 1, "bbox": [0.0, 0.0, 4.0, 4.0], "score": 0.25},
    {"image_id": 9, "category_id": 3, "bbox": [5.0, 6.0, 7.0, 8.0], "score": 1.0},
]


def test_parts_of_results_are_put_together_in_order() -> None:
    results = Results.of(FOUND)
    parts = [results.at(slice(0, 1)), results.at(slice(1, 1)), results.at(np.array([1, 2]))]
    assert list(Results.joined(parts).rows()) == FOUND
    assert list(Results.joined([]).rows()) == []


@given(st.lists(st.sampled_from([1, 2, 3, 90])))
def test_places_are_those_of_each_id_in_order(ids: list[int]) -> None:
    places = places_of(np.array(ids, np.int64))
    assert {of: those.tolist() for of, those in places.items()} == {
        of: [place for place, one in enumerate(ids) if one == of] for of in ids
    }


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_a_file_that_is_written_in_pieces_is_that_of_the_whole(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ROWS", 2)
    rows = [FOUND[n % 3] for n in range(count)]
    write_results(Results.of(rows), tmp_path / "found.json")
    assert (tmp_path / "found.json").read_text() == json.dumps(rows, separators=(",", ":"))
    assert list(read_results(tmp_path / "found.json").rows()) == rows


def test_a_mistake_far_down_in_a_file_has_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ROWS", 2)
    (tmp_path / "found.json").write_text(json.dumps([*FOUND, {**FOUND[0], "score": "high"}]))
    with pytest.raises(UserError, match=r"`\$\[1\]\.score`, counted from entry 2\): measure again"):
        read_results(tmp_path / "found.json")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_results(Results.of(FOUND), tmp_path / "found.json")
    read = read_results(tmp_path / "found.json")
    assert list(read.rows()) == FOUND
    assert len(read) == 3
    images = of_images(read)
    assert list(images) == [7, 9]
    assert images[7].classes.tolist() == [80, 1]
    assert images[7].scores.tolist() == [0.5, 0.25]
    assert images[7].boxes.tolist() == [[2.0, 1.5, 22.0, 11.5], [0.0, 0.0, 4.0, 4.0]]  # ymin, xmin, ymax, xmax


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{}", "holds no detections in COCO's results format"),
        (b"[1]", "holds no detections"),
        (b'[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3], "score": 1}]', r"length 4.*\$\[0\]\.bbox"),
        (b'[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": NaN}]', "holds no detections"),
        (b'[{"image_id": 1, "category_id": 12, "bbox": [1, 2, 3, 4], "score": 1}]', "has the category 12"),
        (b"\xff", "holds no detections"),
        (
            b'[{"image_id": 9223372036854775808, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}]',
            "holds no detections",
        ),
        (b'[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3e300, 4], "score": 1}]', r"above 1e\+09"),
    ],
)
def test_other_content_is_refused(content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_results(path)


def test_seed_rounding_cuts_adds_one_and_drops_what_is_empty() -> None:
    detections = found((12, 0.98765, (0.1, 0.2, 0.55, 0.6)), (1, 0.5, (0.5, 0.5, 0.501, 0.9)))
    rounded = to_results([detections], [7], [(100, 201)], upstream_rounding=True)
    # ymin 10, xmin 40.2, ymax 55, xmax 120.6 become 11, 41, 56, 121; the second is 50..50.1 high, so 51..51
    assert list(rounded.rows()) == [
        {"image_id": 7, "category_id": 13, "bbox": [41.0, 11.0, 80.0, 45.0], "score": 0.988}
    ]
    exact = list(to_results([detections], [7], [(100, 201)]).rows())
    assert exact[0]["bbox"] == pytest.approx([40.2, 10, 80.4, 45])
    assert exact[0]["score"] == pytest.approx(0.98765)
    assert exact[1]["bbox"] == pytest.approx([100.5, 50, 80.4, 0.1])
    assert [r["category_id"] for r in exact] == [13, 1]


@given(
    height=st.integers(1, 1000),
    width=st.integers(1, 1000),
    fractions=st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=5),
)
def test_coco_boxes_come_back_from_fractions(height: int, width: int, fractions: list[Box]) -> None:
    boxes = np.array([(x * width, y * height, w * (1 - x) * width, h * (1 - y) * height) for x, y, w, h in fractions])
    x, y, w, h = boxes.T
    corners = np.stack([y / height, x / width, (y + h) / height, (x + w) / width], axis=1).astype(np.float32)
    detections = Found(np.ones(len(boxes), np.int64), np.ones(len(boxes), np.float32), corners)
    back = to_results([detections], [1], [(height, width)]).boxes
    # An edge is a float32 fraction times a float32 size, two roundings; a side is the difference of two edges. Written
    # are thousandths.
    np.testing.assert_allclose(back, boxes, atol=2 * 2 * UNIT * max(height, width) + 0.0005, rtol=0)
    for result in to_results([detections], [1], [(height, width)], upstream_rounding=True).rows():
        assert result["bbox"] == [int(v) for v in result["bbox"]]
        assert result["bbox"][0] + result["bbox"][2] <= width + 1


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((0, 0.5, (0, 0, 1, 1)), "label 0 for image 7"),
        ((81, 0.5, (0, 0, 1, 1)), "label 81"),
        ((1, float("nan"), (0, 0, 1, 1)), "no finite number for image 7"),
        ((1, 0.5, (0, 0, float("inf"), 1)), "no finite number"),
    ],
)
def test_what_is_no_detection_is_refused(row: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        to_results([found((1, 0.5, (0, 0, 1, 1)), row)], [7], [(10, 10)])


def test_results_file_is_coco_json_and_whole(tmp_path: Path) -> None:
    results = to_results([found((1, 0.25, (0, 0, 0.5, 0.5)))], [7], [(10, 20)])
    write_results(results, tmp_path / "new" / "detections.json")
    assert json.loads((tmp_path / "new" / "detections.json").read_text()) == [
        {"image_id": 7, "category_id": 1, "bbox": [0, 0, 10, 5], "score": 0.25}
    ]
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written to"):
        write_results(results, tmp_path / "file" / "detections.json")
