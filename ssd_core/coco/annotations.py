"""An instances file of COCO, read and checked: images, and the boxes in them.

Format: https://cocodataset.org/#format-data, object detection. Segmentations are ignored.
"""

import json
import os
import posixpath
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ssd_core.coco.categories import NAME_OF_ID
from ssd_core.errors import UserError
from ssd_core.files import reading
from ssd_core.garbage import not_collected

BOX_SLACK_PIXELS = 1.0  # COCO's own boxes are rounded sums; a box further outside belongs to another image

_LARGEST = 2**63 - 1  # of an id or a size, as pycocotools and TFRecords hold it
_SHOWN = 60  # characters of a wrong value that a message shows
_LARGEST_OF_FLOAT = 2**53  # above it a float cannot hold every whole number

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Image:
    """An image as the file describes it; sizes in pixels.

    `file_name` is relative to the folder of the images. Bytes of it that are not UTF-8 are lone surrogates, as Python
    reads a folder (PEP 383).
    """

    id: int
    file_name: str
    height: int
    width: int

    @property
    def encoded_name(self) -> bytes:
        """The file's name as it is on disk."""
        return self.file_name.encode(errors="surrogateescape")

    def path(self, folder: Path) -> Path:
        """The file in a folder, whatever the locale's encoding is."""
        return folder / os.fsdecode(self.encoded_name)


@dataclass(frozen=True, slots=True)
class Annotation:
    """One object: `box` is (x, y, width, height) in pixels, `area` (square pixels) that of its outline."""

    id: int
    image_id: int
    category_id: int
    box: tuple[float, float, float, float]
    area: float
    is_crowd: bool


@dataclass(frozen=True)
class Instances:
    """A whole instances file, in the file's own order; `category_ids` are the categories that it lists."""

    path: Path
    images: tuple[Image, ...]
    annotations: tuple[Annotation, ...]
    category_ids: tuple[int, ...]

    @cached_property
    def of_image(self) -> dict[int, tuple[Annotation, ...]]:
        """Image id -> its annotations, for each image that has any."""
        return _grouped(self.annotations, lambda annotation: annotation.image_id)

    @cached_property
    def of_category(self) -> dict[int, tuple[Annotation, ...]]:
        """Category id -> its annotations, for each category that has any."""
        return _grouped(self.annotations, lambda annotation: annotation.category_id)

    @cached_property
    def id_of_file(self) -> dict[str, int]:
        """File name -> image id."""
        return {image.file_name: image.id for image in self.images}


def load(path: Path) -> Instances:
    """Read an instances file; UserError describes the first error in it in one sentence.

    Whole numbers may be written as 1.0, and flags as false and true; a number in quotes is refused. A missing area is
    the box's, a missing `iscrowd` is 0.
    """
    with not_collected():
        return _loaded(_read(path), path)


def _loaded(document: dict[str, Any], path: Path) -> Instances:
    images: dict[int, Image] = {}
    file_names: set[str] = set()
    for entry in _entries(document, "images", path):
        image = _image(entry, path)
        same_file = posixpath.normpath(image.file_name)
        if image.id in images or same_file in file_names:
            raise UserError(
                f"{path} lists the image {image.file_name} (id {image.id}) twice, by its name or its id:"
                " remove one of the two entries from its 'images'."
            )
        images[image.id] = image
        file_names.add(same_file)

    category_ids = {_category(entry, path): None for entry in _entries(document, "categories", path)}
    annotations: dict[int, Annotation] = {}
    for entry in _entries(document, "annotations", path):
        annotation = _annotation(entry, path, images, category_ids)
        if annotation.id in annotations:
            raise UserError(f"{path} lists annotation {annotation.id} twice: remove one of the two entries.")
        annotations[annotation.id] = annotation
    return Instances(path, tuple(images.values()), tuple(annotations.values()), tuple(category_ids))


def _grouped(annotations: Sequence[Annotation], key: Callable[[Annotation], int]) -> dict[int, tuple[Annotation, ...]]:
    grouped: dict[int, list[Annotation]] = {}
    for annotation in annotations:
        grouped.setdefault(key(annotation), []).append(annotation)
    return {of: tuple(those) for of, those in grouped.items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        with (
            reading(f"The annotations file {path}", "give the path of a COCO instances file"),
            path.open("rb") as stream,
        ):
            document = json.load(stream, object_hook=_without_outline)
    except (ValueError, RecursionError) as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise UserError(f"{path} is not JSON ({error}): give the path of a COCO instances file.") from error
    if not isinstance(document, dict):
        raise UserError(f"{path} holds a JSON {type(document).__name__}, not an object: it is no COCO instances file.")
    return document


def _without_outline(entry: dict[str, Any]) -> dict[str, Any]:
    """Let go of the outline of an object as soon as it is read: it takes most of the file."""
    entry.pop("segmentation", None)
    return entry


def _entries(document: dict[str, Any], key: str, path: Path) -> Iterator[Entry]:
    """The entries of a list, which lets go of each when the next one is taken."""
    entries = document.get(key)
    if not isinstance(entries, list):
        what = f"has no '{key}' list" if key not in document else f"has something else than a list for its '{key}'"
        raise UserError(f"{path} {what}: give an instances file in COCO's format, such as instances_val2017.json.")
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise UserError(
                f"{path}: entry {place} of its '{key}' is {_short(entry)}, not an object: remove or correct it."
            )
        entries[place] = None
        yield entry


def _image(entry: Entry, path: Path) -> Image:
    image_id, file_name = _integer(entry, "id", path), entry.get("file_name")
    if not isinstance(file_name, str) or not file_name:
        raise UserError(f"{path}: image {image_id} has no 'file_name': add the name of its JPEG file.")
    if posixpath.isabs(file_name) or ".." in file_name.split("/"):
        raise UserError(
            f"{path}: image {image_id} has the 'file_name' {file_name}, which may lie outside of the folder of images:"
            " write it relative to that folder, without '..'."
        )
    if "\0" in file_name or not _is_encodable(file_name):
        raise UserError(
            f"{path}: image {image_id} has the 'file_name' {file_name!r}, which no file can have: correct it."
        )
    height, width = (_integer(entry, key, path) for key in ("height", "width"))
    if height < 1 or width < 1:
        raise UserError(f"{path}: image {file_name} is said to be {width}x{height} pixels: correct its size.")
    return Image(image_id, file_name, height, width)


def _category(entry: Entry, path: Path) -> int:
    """A category's id; UserError when COCO has another name for it."""
    category_id = _integer(entry, "id", path)
    name = NAME_OF_ID.get(category_id)
    if name is not None and entry.get("name") != name:
        raise UserError(
            f"{path} calls category {category_id} {_short(entry.get('name'))} where COCO calls it {name}:"
            " number its categories as COCO's instances files do."
        )
    return category_id


def _annotation(entry: Entry, path: Path, images: Mapping[int, Image], category_ids: Collection[int]) -> Annotation:
    annotation_id, image_id = _integer(entry, "id", path), _integer(entry, "image_id", path)
    image = images.get(image_id)
    if image is None:
        raise UserError(
            f"{path}: annotation {annotation_id} is of image {image_id}, which is not in 'images':"
            " add the image or remove the annotation."
        )

    def where() -> str:
        return f"{path}: annotation {annotation_id} of image {image.file_name}"

    category_id = _integer(entry, "category_id", path)
    if category_id not in category_ids or category_id not in NAME_OF_ID:
        lists = "COCO's 80 categories" if category_id in category_ids else "the file's 'categories'"
        raise UserError(f"{where()} is of category {category_id}, which is not in {lists}: correct or remove it.")
    numbers = entry.get("bbox")
    if not isinstance(numbers, list) or len(numbers) != 4 or not all(map(_is_number, numbers)):
        raise UserError(
            f"{where()} has the box {_short(numbers)}: a box is four numbers, [x, y, width, height] in pixels."
        )
    x, y, width, height = map(float, numbers)
    outside = max(-x, -y, x + width - image.width, y + height - image.height)
    if outside > BOX_SLACK_PIXELS or width < 0 or height < 0:
        raise UserError(
            f"{where()} has the box [{x:g}, {y:g}, {width:g}, {height:g}] (x, y, width, height), which is not inside"
            f" the image of {image.width}x{image.height} pixels: correct the box or the image's size."
        )
    area = entry.get("area")
    if area is None:
        area = width * height
    if not _is_number(area) or area < 0:
        raise UserError(f"{where()} has the area {_short(area)}: give it as a number of square pixels, 0 or more.")
    is_crowd = entry.get("iscrowd")
    if is_crowd not in (None, 0, 1):
        raise UserError(f"{where()} has the 'iscrowd' {_short(is_crowd)}: give it as 0 or 1, without quotes.")
    return Annotation(annotation_id, image_id, category_id, (x, y, width, height), float(area), bool(is_crowd))


def _integer(entry: Entry, key: str, path: Path) -> int:
    value = entry.get(key)
    if type(value) is int and abs(value) <= _LARGEST:  # as nearly all are: a file has millions
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST_OF_FLOAT:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LARGEST:
        about = ", ".join(f"{name} {_short(entry[name])}" for name in ("id", "file_name", "image_id") if name in entry)
        what = f"{_short(value)} for '{key}'" if key in entry else f"no '{key}'"
        raise UserError(f"{path}: the entry with {about or 'no id'} has {what}: give a whole number, without quotes.")
    return value


def _is_number(value: object) -> bool:
    """Whether it is a number that a float can hold."""
    return (type(value) is float or type(value) is int) and abs(value) <= sys.float_info.max  # JSON has no others


def _is_encodable(name: str) -> bool:
    try:
        name.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _short(value: object) -> str:
    """A value as it is in the file, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
