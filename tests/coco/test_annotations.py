import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.coco.annotations import load
from ssd_core.coco.evaluate import Accuracy, evaluate
from ssd_core.coco.results import Results
from ssd_core.errors import UserError


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A small file that is right, for what changes a copy of it."""
    path = tmp_path_factory.mktemp("plain") / "instances.json"
    box = {"image_id": 7, "category_id": 1, "bbox": [1, 2, 8, 9], "area": 72, "iscrowd": 0}
    image = {"file_name": "7.jpg", "width": 40, "height": 30}
    document = {
        "images": [image | {"id": 7}, image | {"id": 8, "file_name": "8.jpg"}],
        "annotations": [box | {"id": 1}, box | {"id": 2, "image_id": 8}],
        "categories": [{"id": 1, "name": "person"}],
    }
    return SimpleNamespace(annotations=path, document=document)


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


def test_outlines_take_no_memory_but_the_file_s(plain: SimpleNamespace, tmp_path: Path) -> None:
    """As bytes and as text; a list of numbers as short as these takes six times as much."""
    one = plain.document["annotations"][0] | {"segmentation": [[1.25] * 10_000]}
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(plain.document | {"annotations": [one | {"id": number} for number in range(100)]}))
    tracemalloc.start()
    try:
        assert len(load(path).annotations) == 100
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 3 * path.stat().st_size


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
    "images of numbers": (lambda d: d["images"].insert(2, 17), ("entry 2", "'images'", "17")),
    "images no objects": (lambda d: d.update(images=None), ("'images'", "list")),
    "image id twice": (repeat_first("images", file_name="other.jpg"), ("other.jpg", "id 101", "twice")),
    "image file twice": (repeat_first("images", id=7), ("1.jpg", "id 7", "twice")),
    "image without file_name": (set_first("images", file_name=""), ("image 101", "'file_name'")),
    "image without width": (lambda d: d["images"][0].pop("width"), ("id 101", '"1.jpg"', "no 'width'")),
    "image with a width of null": (set_first("images", width=None), ("id 101", '"1.jpg"', "null for 'width'")),
    "image with a width in quotes": (
        set_first("images", width="40"),
        ("id 101", "\"40\" for 'width'", "without quotes"),
    ),
    "image with half a pixel": (set_first("images", width=40.5), ("id 101", "40.5 for 'width'")),
    "image id in quotes": (set_first("images", id="101"), ('id "101"', "'id'", "without quotes")),
    "image id of true": (set_first("images", id=True), ("true for 'id'",)),
    "image id of infinity": (set_first("images", id=float("inf")), ("Infinity for 'id'",)),
    "image id of NaN": (set_first("images", id=float("nan")), ("NaN for 'id'",)),
    "image id beyond 63 bits": (set_first("images", id=2**63), (f"{2**63} for 'id'",)),
    "image id that a float does not tell": (set_first("images", id=1e17), ("1e+17 for 'id'",)),
    "image twice by another spelling": (repeat_first("images", id=7, file_name="./1.jpg"), ("./1.jpg", "twice")),
    "image of an absolute name": (
        set_first("images", file_name="/data/1.jpg"),
        ("image 101", "/data/1.jpg", "relative"),
    ),
    "image outside": (set_first("images", file_name="a/../../1.jpg"), ("image 101", "a/../../1.jpg", "'..'")),
    "image of no possible name": (set_first("images", file_name="1\0.jpg"), ("image 101", "no file can have")),
    "image of half a character": (set_first("images", file_name="1\ud800.jpg"), ("image 101", "no file can have")),
    "image of no size": (set_first("images", height=0), ("1.jpg", "40x0")),
    "annotation twice": (repeat_first("annotations"), ("annotation 10", "twice")),
    "annotation without id": (set_first("annotations", id="a"), ("image_id 101", '"a"', "'id'")),
    "annotation of an image in quotes": (set_first("annotations", image_id="101"), ("id 10", "\"101\" for 'image_id'")),
    "annotation of a category in quotes": (
        set_first("annotations", category_id="13"),
        ("id 10", '"13" for \'category_id'),
    ),
    "annotation without box": (lambda d: d["annotations"][0].pop("bbox"), ("annotation 10", "four numbers")),
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
    "category of another name": (set_first("categories", name="cat"), ("category 1", '"cat"', "person")),
    "category of two names": (lambda d: d["categories"].insert(0, {"id": 1, "name": "cat"}), ("category 1", '"cat"')),
    "category of no name": (lambda d: d["categories"][0].pop("name"), ("category 1", "person")),
    "no category": (lambda d: d["categories"].clear(), ("annotation 10", "the file's 'categories'")),
    "box of three": (set_first("annotations", bbox=[1, 2, 3]), ("annotation 10", "1.jpg", "[1, 2, 3]", "four numbers")),
    "box with NaN": (set_first("annotations", bbox=[1, 2, 3, float("nan")]), ("annotation 10", "NaN")),
    "box with infinity": (set_first("annotations", bbox=[1, 2, 3, float("inf")]), ("annotation 10", "Infinity")),
    "box in quotes": (
        set_first("annotations", bbox=["1", "2", "3", "4"]),
        ("annotation 10", '["1", "2"', "four numbers"),
    ),
    "box beyond every float": (set_first("annotations", bbox=[1, 2, 3, 10**400]), ("annotation 10", "1000", "…")),
    "box of true": (set_first("annotations", bbox=[1, 2, 3, True]), ("annotation 10", "true")),
    "box right of image": (
        set_first("annotations", bbox=[30, 2, 11.5, 3]),
        ("annotation 10", "1.jpg", "40x30", "inside"),
    ),
    "box below image": (set_first("annotations", bbox=[3, 2, 11, 30]), ("annotation 10", "inside")),
    "box left of image": (set_first("annotations", bbox=[-2, 2, 11, 3]), ("annotation 10", "inside")),
    "box of negative width": (set_first("annotations", bbox=[3, 2, -1, 3]), ("annotation 10", "inside")),
    "area no number": (set_first("annotations", area="x"), ("annotation 10", 'area "x"')),
    "area in quotes": (set_first("annotations", area="12"), ("annotation 10", 'area "12"')),
    "area below 0": (set_first("annotations", area=-1), ("annotation 10", "area -1", "0 or more")),
    "area of NaN": (set_first("annotations", area=float("nan")), ("annotation 10", "area NaN")),
    "crowd in quotes": (set_first("annotations", iscrowd="0"), ("annotation 10", "'iscrowd' \"0\"", "0 or 1")),
    "crowd in words": (set_first("annotations", iscrowd="false"), ("annotation 10", '"false"', "0 or 1")),
    "crowd of two": (set_first("annotations", iscrowd=2), ("annotation 10", "'iscrowd' 2")),
    "crowd of a list": (set_first("annotations", iscrowd=[]), ("annotation 10", "'iscrowd' []")),
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
        (b"[" * 100_000, "not JSON"),
        (b'{"images": [' + b"9" * 5000 + b"]}", "not JSON"),
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


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"annotations file .* cannot be read \(Is a directory\)"):
        load(tmp_path)


def test_a_category_that_coco_has_not_may_have_any_name(coco: Any) -> None:
    coco.document["categories"] += [{"id": 12, "name": float("nan")}, {"id": 91}, {"id": 92, "name": ["a"]}]
    coco.write()
    assert load(coco.annotations).category_ids == (1, 13, 90, 12, 91, 92)


def test_numbers_and_flags_may_be_written_otherwise(coco: Any) -> None:
    expected = load(coco.annotations)
    for image in coco.document["images"]:
        image |= {key: float(image[key]) for key in ("id", "width", "height")}
    for annotation in coco.document["annotations"]:
        annotation |= {key: float(annotation[key]) for key in ("id", "image_id", "category_id")}
        annotation["iscrowd"] = bool(annotation["iscrowd"])
    for category in coco.document["categories"]:
        category["id"] = float(category["id"])
    coco.write()
    assert load(coco.annotations) == expected
    assert all(type(image.id) is int for image in load(coco.annotations).images)


@pytest.mark.parametrize("left_out", [True, False])
def test_what_may_be_missing(coco: Any, left_out: bool) -> None:
    first = coco.document["annotations"][0] | {"bbox": [1, 2, 3, 4], "area": None, "iscrowd": None}
    coco.document["annotations"][0] = (
        {key: value for key, value in first.items() if value is not None} if left_out else first
    )
    coco.write()
    found = load(coco.annotations).annotations[0]
    assert (found.area, found.is_crowd) == (12, False)


@pytest.mark.parametrize("name", ["a/b/1.jpg", "./1.jpg", "caf\udce9.jpg", "café.jpg", "..1.jpg", "a..b/1.jpg", " "])
def test_names_are_taken_as_they_are(coco: Any, name: str) -> None:
    coco.document["images"][0]["file_name"] = name
    coco.write()
    image = load(coco.annotations).images[0]
    assert image.file_name == name
    assert os.fsencode(image.path(Path("/data"))) == b"/data/" + os.fsencode(str(Path(name)))


def test_bytes_that_are_not_utf_8_are_as_on_disk(coco: Any) -> None:
    coco.document["images"][0]["file_name"] = "caf\udce9.jpg"  # as os.listdir and json.dump write b"caf\xe9.jpg"
    coco.write()
    assert load(coco.annotations).images[0].encoded_name == b"caf\xe9.jpg"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([10**400, -(2**63), 1e300, "0"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)
FIELDS = {
    "images": ("id", "file_name", "width", "height"),
    "annotations": ("id", "image_id", "category_id", "bbox", "area", "iscrowd"),
    "categories": ("id", "name"),
}


def answer(path: Path) -> str | Accuracy:
    """The sentence that refuses a file, or what comes of it where nothing is detected."""
    try:
        instances = load(path)
        return evaluate(Results.of([]), instances, [image.id for image in instances.images])
    except UserError as error:
        return str(error)


@given(data=st.data())
def test_whatever_a_field_holds_is_understood_or_refused_in_a_sentence(data: st.DataObject, plain: Any) -> None:
    part = data.draw(st.sampled_from(sorted(FIELDS)))
    document = json.loads(json.dumps(plain.document))
    value = data.draw(VALUES)
    place = data.draw(st.sampled_from(["field", "entry", "list"]))
    if place == "field":
        document[part][0][data.draw(st.sampled_from(FIELDS[part]))] = value
    elif place == "entry":
        document[part][0] = value
    else:
        document[part] = value
    path = plain.annotations.with_name("changed.json")
    path.write_text(json.dumps(document))
    found = answer(path)
    if isinstance(found, str):
        assert found.endswith(".")
        assert "\n" not in found
    else:
        assert all(number == -1 or 0 <= number <= 1 for number in found.numbers().values())
