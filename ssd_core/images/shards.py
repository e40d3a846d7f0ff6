"""The TFRecord shards of a data folder: finds, counts and checks them. Errors name the file and the record."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssd_core import quiet
from ssd_core.errors import UserError
from ssd_core.files import is_file, reading
from ssd_core.images.tfrecord import damaged, record_spans

FEATURES = ("image/encoded", "image/filename", "image/shape")
"""What inference and its accuracy need of a record."""

_OF_MANY = re.compile(r"(?P<stem>.*\D)(?P<number>\d+)(?P<rest>[-_]of[-_](?P<count>\d+)(\D.*)?)")
_NUMBERED = re.compile(r"(?P<stem>[^.]*[^.\d])(?P<number>\d+)(?P<rest>(\..*)?)")
_LISTED = 5


def find_shards(folder: Path, prefix: str = "val") -> list[Path]:
    """The files `PREFIX-*` of a folder, in order; UserError when there are none or the set is not complete."""
    with reading(f"The data folder {folder}", f"give the folder of the {prefix}-* TFRecords"):
        present = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    shards = [path for path in present if path.name.startswith(f"{prefix}-") and is_file(path)]
    if not shards:
        names = ", ".join(path.name for path in present[:_LISTED]) + (", …" if len(present) > _LISTED else "")
        raise UserError(
            f"{folder} has no TFRecord {prefix}-* (it holds {names or 'nothing'}):"
            " make them with python -m ssd_core generate-coco-records, or give the folder that has them."
        )
    _check_complete(folder, shards)
    return shards


def count_records(shards: Sequence[Path]) -> int:
    """How many records the shards hold, by their frames alone; UserError for a truncated or corrupt frame, or none."""
    count = sum(1 for shard in shards for _ in record_spans(shard))
    if not count:
        raise UserError(
            f"{shards[0].parent} has TFRecords without a record: make them again with generate-coco-records."
        )
    return count


def after(shards: Sequence[Path], skip: int) -> tuple[list[Path], int]:
    """The shards that hold what comes after the first `skip` records, and how many records of the first are skipped.

    Only frames are read, so that a part of a large data set is found without reading what comes before it.
    """
    for place, shard in enumerate(shards):
        records = sum(1 for _ in record_spans(shard)) if skip else 1
        if skip < records:
            return list(shards[place:]), skip
        skip -= records
    return [], 0


def check_schema(shards: Sequence[Path]) -> None:
    """UserError when the first record of a shard lacks what inference needs."""
    for shard in shards:
        for offset, length in record_spans(shard):
            with shard.open("rb") as stream:
                stream.seek(offset)
                _check_features(stream.read(length), shard, 1)
            break


def find_fault(shards: Sequence[Path], prepare: Callable[[bytes], Any]) -> UserError | None:
    """After a pipeline failed: the error that names the first bad record, found by reading all of them in turn.

    `prepare` is what the pipeline does with a record; None when every record can be read and prepared.
    """
    import tensorflow as tf  # it takes 6 s to import

    for shard in shards:
        number = 1
        try:
            for serialized in tf.data.TFRecordDataset(os.fsencode(shard)).as_numpy_iterator():
                _check_features(serialized, shard, number)
                prepare(serialized)
                number += 1
        except UserError as error:
            return error
        except tf.errors.DataLossError:
            return damaged(shard, number, "corrupt")
        except tf.errors.InvalidArgumentError:
            return damaged(shard, number, f"of an image that cannot be decoded ({_file_name(serialized)})")
    return None


@dataclass(frozen=True)
class _Numbering:
    """The names of a set of files: `count` numbers from `first` on, between what all of them have in common."""

    stem: str
    rest: str
    digits: int
    first: int
    count: int

    def names(self) -> Iterator[str]:
        return map(self.name, range(self.first, self.first + self.count))

    def has(self, name: str) -> bool:
        number = name.removeprefix(self.stem).removesuffix(self.rest)
        return number.isdecimal() and self.name(int(number)) == name and 0 <= int(number) - self.first < self.count

    def name(self, number: int) -> str:
        return f"{self.stem}{number:0{self.digits}d}{self.rest}"


def _check_complete(folder: Path, shards: Sequence[Path]) -> None:
    present = [path.name for path in shards]
    numbering = _numbering(present)
    if numbering is None:
        return  # names of the user's choice: they tell no count to check
    ours = {name for name in present if numbering.has(name)}
    if lacking := numbering.count - len(ours):
        first = next(name for name in numbering.names() if name not in ours)
        raise UserError(
            f"{folder} lacks {first}" + (f" and {lacking - 1} more" if lacking > 1 else "") + f" of {numbering.count}"
            " TFRecords: run generate-coco-records again, which goes on where the whole files end, or copy them again."
        )
    if extra := [name for name in present if name not in ours]:
        raise UserError(
            f"{folder} holds {extra[0]} besides {numbering.name(numbering.first)} and those that belong to it:"
            " keep one set of TFRecords in a folder."
        )


def _numbering(names: Sequence[str]) -> _Numbering | None:
    """The numbering that the names follow, None where they follow none.

    `val-00000-of-00003` and the like say how many there are. Names that differ in one number alone, as `val-0.tfrecord`
    does, are numbered where they start from 0 or 1; a missing end cannot be detected.
    """
    of_many = [match for name in names if (match := _OF_MANY.fullmatch(name))]
    matches = of_many or [match for name in names if (match := _NUMBERED.fullmatch(name))]
    if not matches:
        return None
    stem, rest = matches[0]["stem"], matches[0]["rest"]
    alike = [match["number"] for match in matches if (match["stem"], match["rest"]) == (stem, rest)]
    digits, numbers = min(map(len, alike)), set(map(int, alike))
    if of_many:
        count = int(of_many[0]["count"])
        first = 1 if count in numbers and 0 not in numbers else 0
    else:
        first = min(numbers)
        count = max(numbers) - first + 1
        if first > 1 or len(alike) < len(names):
            return None
    return _Numbering(stem, rest, digits, first, count)


def _check_features(serialized: bytes, shard: Path, number: int) -> None:
    quiet.import_tensorflow()  # 6 s
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        present = tf.train.Example.FromString(serialized).features.feature
    except DecodeError:
        raise damaged(shard, number, "no tf.train.Example") from None
    for name in FEATURES:
        if name not in present:
            has = ", ".join(sorted(present)[:_LISTED]) or "none"
            raise UserError(
                f"Record {number} of {shard} lacks the feature {name} (it has {has}):"
                " it is of another schema; make the file with generate-coco-records."
            )


def _file_name(serialized: bytes) -> str:
    import tensorflow as tf  # it takes 6 s to import

    values = tf.train.Example.FromString(serialized).features.feature["image/filename"].bytes_list.value
    return values[0].decode(errors="surrogateescape") if values else "without a name"
