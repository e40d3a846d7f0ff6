"""Part: what one shard of a run wrote, as a folder. Its manifest `part.json` is written last; without it there is none.

A part says what it belongs to, so that parts of two runs are never put together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ssd_core.coco.journal import Shard
from ssd_core.coco.portion import Portion
from ssd_core.errors import UserError
from ssd_core.files import is_file, reading, replacing, sha256_of

MANIFEST = "part.json"
DETECTIONS = "detections.json"
_SHOWN = 12  # characters of a value that a message shows


class Part(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Shard `number` of `of` of the run that `whole` describes."""

    name: str
    """The prefix of the records, or the precision of the detections."""
    number: int
    of: int
    whole: dict[str, Any]
    """What the parts of one run share: settings, data, and a graph if it has one."""

    @property
    def title(self) -> str:
        """What it is a part of, as in `records val`."""
        return f"{self.__struct_config__.tag} {self.name}"


class RecordsPart(Part, frozen=True, kw_only=True, tag="records"):
    """Pieces of TFRecord files, by the names of these files, in order."""

    pieces: dict[str, Shard]
    images: int
    """Of the whole conversion."""
    unannotated: int
    """Images without annotations that the whole conversion leaves out."""


class DetectionsPart(Part, frozen=True, kw_only=True, tag="detections"):
    """The detections in some images."""

    sha256: str
    """Of the file of the detections."""
    image_ids: list[int]
    """The images that the network saw, in order."""
    result: dict[str, Any]
    """The case and its conditions, as a file of results holds them."""
    identity: dict[str, Any]
    """Of the machine."""
    annotations_file: str


AnyPart = RecordsPart | DetectionsPart


@dataclass(frozen=True)
class Placed:
    """A part and its folder."""

    folder: Path
    part: AnyPart


def folder_of(parent: Path, name: str, portion: Portion) -> Path:
    """The folder of a part: its name has the shard, so that a shard which runs again writes the same."""
    return parent / f"{name}.part-{portion.number:05d}-of-{portion.of:05d}"


def write_part(folder: Path, part: AnyPart) -> None:
    """Write the manifest of a part whose other files are written."""
    with replacing(folder / MANIFEST) as temporary:
        temporary.write_bytes(msgspec.json.encode(part))


def read_part(folder: Path) -> Placed:
    """The part in a folder; UserError if there is none that is complete."""
    path = folder / MANIFEST
    if not is_file(path):
        raise UserError(f"{folder} is no complete part (it has no {MANIFEST}): run its shard again.")
    with reading(str(path), "check its permissions"):
        content = path.read_bytes()
    try:
        return Placed(folder, msgspec.json.decode(content, type=AnyPart))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is damaged, or of another version ({error}): run its shard again.") from error


def grouped(folders: Iterable[Path], ignore: Iterable[str] = ()) -> dict[str, list[Placed]]:
    """The parts in these folders by what they are parts of, each in the order of its shards.

    UserError if a shard is missing or there twice, or if parts are of different runs. `ignore` names fields of `whole`
    that may differ.
    """
    groups: dict[str, list[Placed]] = {}
    for folder in folders:
        placed = read_part(folder)
        groups.setdefault(placed.part.title, []).append(placed)
    for title, group in groups.items():
        _check(title, group, set(ignore))
    return {title: sorted(group, key=lambda placed: placed.part.number) for title, group in groups.items()}


def check_file(path: Path, sha256: str) -> None:
    """UserError if a file of a part is not what its shard wrote."""
    if not is_file(path) or sha256_of(path) != sha256:
        raise UserError(f"{path} is missing, or not what its shard wrote: copy the part again, or run its shard again.")


def _check(title: str, group: Sequence[Placed], ignore: set[str]) -> None:
    first = group[0]
    by_number: dict[int, Placed] = {}
    for placed in group:
        if field := _difference(first.part, placed.part, ignore):
            raise UserError(
                f"{first.folder} and {placed.folder} are parts of two runs, which differ in {field}:"
                " give the parts of one run."
            )
        if (other := by_number.setdefault(placed.part.number, placed)) is not placed:
            raise UserError(
                f"{other.folder} and {placed.folder} are both shard {placed.part.number}/{first.part.of} of {title}:"
                " give each once."
            )
    missing = [number for number in range(1, first.part.of + 1) if number not in by_number]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UserError(
            f"Shard {missing[0]}/{first.part.of} of {title}{more} is missing: run it, or give the folder of its part."
        )


def _difference(a: Part, b: Part, ignore: set[str]) -> str | None:
    """The first field in which the runs of two parts differ, with both values."""
    if a.of != b.of:
        return f"the number of shards ({a.of}, {b.of})"
    return next((f"{field} ({left}, {right})" for field, left, right in _unequal(a.whole, b.whole, ignore)), None)


def _unequal(a: Mapping[str, Any], b: Mapping[str, Any], ignore: set[str]) -> Iterable[tuple[str, str, str]]:
    for field in dict.fromkeys((*a, *b)):
        if field not in ignore and a.get(field) != b.get(field):
            yield field, str(a.get(field))[:_SHOWN], str(b.get(field))[:_SHOWN]
