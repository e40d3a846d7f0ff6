import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ssd_core.coco.annotations import load
from ssd_core.errors import UserError


def test_a_file_in_its_own_order(coco: Any) -> None:
    coco.document["images"].reverse()
    coco.write()
    instances = load(coco.annotations)
    assert [i.file_name for i in instances.images] == [f"{n}.jpg" for n in range(10, 0, -1)]
    assert instances.id_of_file["3.jpg"] == 103
    assert [a.id for a in instances.of_image[103]] == [30, 31]
    assert instances.of_image.keys() == {100 + n for n in range(1, 9)}
    assert instances.annotations[0].box == tuple(coco.document["annotations"][0]["bbox"])
    assert [a.is_crowd for a in instances.of_image[105]] == [True, True]


def test_the_real_file(coco_mini: Any) -> None:
    instances = load(coco_mini.annotations)
    assert (len(instances.images), len(instances.annotations), len(instances.of_image)) == (79, 624, 79)
    assert sum(a.is_crowd for a in instances.annotations) == 5
    assert len(instances.category_ids) == 80


def set_first(part: str, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document[part][0].update(changes)


def repeat_first(part: str, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document[part].append(document[part][0] | changes)


BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], tuple[str, ...]]] = {
    "no images": (lambda d: d.pop("images"), ("no 'images'", "COCO")),
    "no annotations": (lambda d: d.pop("annotations"), ("no 'annotations'",)),
    "no categories": (lambda d: d.pop("categories"), ("no 'categories'",)),
    "images no list": (lambda d: d.update(images={"a": 1}), ("'images'",)),
    "images of numbers": (lambda d: d.update(images=[1]), ("'images'",)),
    "image id twice": (repeat_first("images", file_name="other.jpg"), ("other.jpg", "id 101", "twice")),
    "image file twice": (repeat_first("images", id=7), ("1.jpg", "id 7", "twice")),
    "image without file_name": (set_first("images", file_name=""), ("image 101", "'file_name'")),
    "image without width": (set_first("images", width=None), ("id 101", "'1.jpg'", "'width'")),
    "image of no size": (set_first("images", height=0), ("1.jpg", "40x0")),
    "annotation twice": (repeat_first("annotations"), ("annotation 10", "twice")),
    "annotation without id": (set_first("annotations", id="a"), ("image_id 101", "'a'", "'id'")),
    "annotation of unknown image": (set_first("annotations", image_id=5), ("annotation 10", "image 5", "'images'")),
    "annotation of unlisted category": (
        set_first("annotations", category_id=2),
        ("annotation 10", "1.jpg", "category 2", "the file's 'categories'"),
    ),
    "annotation of no COCO category": (
        lambda d: (
            d["categories"].append({"id": 12, "name": "street sign"}),
            set_first("annotations", category_id=12)(d),
        ),
        ("annotation 10", "1.jpg", "category 12", "80 categories"),
    ),
    "category of another name": (set_first("categories", name="cat"), ("category 1", "'cat'", "'person'")),
    "box of three": (set_first("annotations", bbox=[1, 2, 3]), ("annotation 10", "1.jpg", "[1, 2, 3]", "four numbers")),
    "box with NaN": (set_first("annotations", bbox=[1, 2, 3, float("nan")]), ("annotation 10", "nan")),
    "box right of image": (
        set_first("annotations", bbox=[30, 2, 11.5, 3]),
        ("annotation 10", "1.jpg", "40x30", "inside"),
    ),
    "box below image": (set_first("annotations", bbox=[3, 2, 11, 30]), ("annotation 10", "inside")),
    "box left of image": (set_first("annotations", bbox=[-2, 2, 11, 3]), ("annotation 10", "inside")),
    "box of negative width": (set_first("annotations", bbox=[3, 2, -1, 3]), ("annotation 10", "inside")),
    "area no number": (set_first("annotations", area="x"), ("annotation 10", "area 'x'")),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_one_sentence(coco: Any, name: str) -> None:
    spoil, words = BAD[name]
    spoil(coco.document)
    coco.write()
    with pytest.raises(UserError) as caught:
        load(coco.annotations)
    message = str(caught.value)
    assert str(coco.annotations) in message
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert message.endswith(".")


def test_a_box_may_stand_out_by_a_pixel(coco: Any) -> None:
    coco.document["annotations"][0]["bbox"] = [30, 2, 10.9, 3]
    coco.document["annotations"][1]["bbox"] = [-0.5, 2, 0, 3]
    coco.write()
    assert load(coco.annotations).annotations[0].box == (30, 2, 10.9, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe\xfa", "not JSON"),
        (b"[1]", "list"),
        (None, "No such file"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "instances.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=words) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_area_is_the_boxes_where_none_is_given(coco: Any) -> None:
    del coco.document["annotations"][0]["area"]
    coco.document["annotations"][0]["bbox"] = [1, 2, 3, 4]
    coco.annotations.write_text(json.dumps(coco.document))
    assert load(coco.annotations).annotations[0].area == 12
