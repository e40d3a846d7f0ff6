"""An instances file of COCO, read and checked: images, and the boxes in them.

Format: https://cocodataset.org/#format-data, object detection. Segmentations are not looked at.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ssd_core.coco.categories import NAME_OF_ID
from ssd_core.errors import UserError

BOX_SLACK_PIXELS = 1.0  # COCO's own boxes are rounded sums; what is further out than this is another image's box

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Image:
    """An image as the file describes it; sizes in pixels."""

    id: int
    file_name: str
    height: int
    width: int


@dataclass(frozen=True)
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
        found: dict[int, list[Annotation]] = {}
        for annotation in self.annotations:
            found.setdefault(annotation.image_id, []).append(annotation)
        return {image_id: tuple(annotations) for image_id, annotations in found.items()}

    @cached_property
    def id_of_file(self) -> dict[str, int]:
        """File name -> image id."""
        return {image.file_name: image.id for image in self.images}


def load(path: Path) -> Instances:
    """Read an instances file; UserError in one sentence for the first thing in it that is not right."""
    document = _read(path)
    images: dict[int, Image] = {}
    file_names: set[str] = set()
    for entry in _entries(document, "images", path):
        image = _image(entry, path)
        if image.id in images or image.file_name in file_names:
            raise UserError(
                f"{path} lists the image {image.file_name} (id {image.id}) twice, by its name or its id:"
                " remove one of the two entries from its 'images'."
            )
        images[image.id] = image
        file_names.add(image.file_name)

    names = {_integer(entry, "id", path): entry.get("name") for entry in _entries(document, "categories", path)}
    for category_id, name in names.items():
        if name != NAME_OF_ID.get(category_id, name):
            raise UserError(
                f"{path} calls category {category_id} {name!r} where COCO calls it {NAME_OF_ID[category_id]!r}:"
                " number its categories as COCO's instances files do."
            )

    annotations: dict[int, Annotation] = {}
    for entry in _entries(document, "annotations", path):
        annotation = _annotation(entry, path, images, names)
        if annotation.id in annotations:
            raise UserError(f"{path} lists annotation {annotation.id} twice: remove one of the two entries.")
        annotations[annotation.id] = annotation
    return Instances(path, tuple(images.values()), tuple(annotations.values()), tuple(names))


def _read(path: Path) -> Entry:
    try:
        with path.open("rb") as stream:
            document = json.load(stream)
    except OSError as error:
        raise UserError(
            f"The annotations file {path} cannot be read ({error.strerror}): give the path of a COCO instances file."
        ) from error
    except ValueError as error:  # both JSONDecodeError and UnicodeDecodeError
        raise UserError(f"{path} is not JSON ({error}): give the path of a COCO instances file.") from error
    if not isinstance(document, dict):
        raise UserError(f"{path} holds a JSON {type(document).__name__}, not an object: it is no COCO instances file.")
    return document


def _entries(document: Entry, key: str, path: Path) -> list[Entry]:
    entries = document.get(key)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        what = "has no" if key not in document else "has something else than objects in its"
        raise UserError(
            f"{path} {what} '{key}' list: give an instances file in COCO's format, such as instances_val2017.json."
        )
    return entries


def _image(entry: Entry, path: Path) -> Image:
    image_id, file_name = _integer(entry, "id", path), entry.get("file_name")
    if not isinstance(file_name, str) or not file_name:
        raise UserError(f"{path}: image {image_id} has no 'file_name': add the name of its JPEG file.")
    height, width = (_integer(entry, key, path) for key in ("height", "width"))
    if height < 1 or width < 1:
        raise UserError(f"{path}: image {file_name} is said to be {width}x{height} pixels: correct its size.")
    return Image(image_id, file_name, height, width)


def _annotation(entry: Entry, path: Path, images: Mapping[int, Image], names: Mapping[int, Any]) -> Annotation:
    annotation_id, image_id = _integer(entry, "id", path), _integer(entry, "image_id", path)
    image = images.get(image_id)
    if image is None:
        raise UserError(
            f"{path}: annotation {annotation_id} is of image {image_id}, which is not in 'images':"
            " add the image or remove the annotation."
        )
    where = f"{path}: annotation {annotation_id} of image {image.file_name}"
    category_id = _integer(entry, "category_id", path)
    if category_id not in names or category_id not in NAME_OF_ID:
        lists = "COCO's 80 categories" if category_id in names else "the file's 'categories'"
        raise UserError(f"{where} is of category {category_id}, which is not in {lists}: correct or remove it.")
    numbers = entry.get("bbox")
    if not isinstance(numbers, list) or len(numbers) != 4 or not all(map(_is_number, numbers)):
        raise UserError(f"{where} has the box {numbers!r}: a box is four numbers, [x, y, width, height] in pixels.")
    x, y, width, height = map(float, numbers)
    outside = max(-x, -y, x + width - image.width, y + height - image.height)
    if outside > BOX_SLACK_PIXELS or width < 0 or height < 0:
        raise UserError(
            f"{where} has the box [{x:g}, {y:g}, {width:g}, {height:g}] (x, y, width, height), which is not inside the"
            f" image of {image.width}x{image.height} pixels: correct the box or the image's size."
        )
    area = entry.get("area", width * height)
    if not _is_number(area):
        raise UserError(f"{where} has the area {area!r}: give it in square pixels.")
    return Annotation(
        annotation_id, image_id, category_id, (x, y, width, height), float(area), bool(entry.get("iscrowd"))
    )


def _integer(entry: Entry, key: str, path: Path) -> int:
    value = entry.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        about = ", ".join(f"{name} {entry[name]!r}" for name in ("id", "file_name", "image_id") if name in entry)
        raise UserError(
            f"{path}: the entry with {about or 'no id'} has {value!r} for '{key}': it needs a whole number."
        )
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
