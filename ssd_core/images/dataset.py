"""A data set: TFRecord shards with the annotations of their images."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from ssd_core.errors import UserError
from ssd_core.images.shards import check_schema, count_records, find_shards

ANNOTATIONS = "instances_val2017.json"


@dataclass(frozen=True)
class Records:
    """The shards of a data set; `origin` is `demo`, or the folder that the user gave."""

    shards: tuple[Path, ...]
    annotations_file: Path | None
    origin: str
    most: int | None = None
    """Only so many images are used, the first after those that are skipped; None: all."""
    skip: int = 0
    """So many images at the start are not used."""

    @property
    def images(self) -> int:
        """The number of images that are used."""
        count = max(0, count_records(self.shards) - self.skip)
        return count if self.most is None else min(count, self.most)

    @property
    def digest(self) -> str:
        """A digest of the shards' names and sizes."""
        return hashlib.sha256(repr([(s.name, s.stat().st_size) for s in self.shards]).encode()).hexdigest()[:16]

    def first(self, most: int | None) -> "Records":
        """The first `most` images of the same records; None: all."""
        return replace(self, most=most)

    def at(self, places: range) -> "Records":
        """The images at these places."""
        return replace(self, skip=places.start, most=len(places))

    def annotations(self) -> Path:
        """The annotations file; UserError when there is none."""
        if self.annotations_file is None or not self.annotations_file.is_file():
            raise UserError(
                f"{self.origin} holds no {ANNOTATIONS}: give the annotations that the records were made from with"
                " --annotations-file."
            )
        return self.annotations_file


def read_records(folder: Path, annotations_file: Path | None) -> Records:
    """The checked records of a folder; UserError where there are none or they are not ours."""
    shards = find_shards(folder)
    check_schema(shards)
    return Records(tuple(shards), annotations_file or folder / ANNOTATIONS, str(folder))
