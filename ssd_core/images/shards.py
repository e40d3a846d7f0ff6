"""The TFRecord shards of a data folder: found, counted, and checked, with the file and the record named when wrong."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ssd_core.errors import UserError
from ssd_core.images.tfrecord import damaged, record_spans

FEATURES = ("image/encoded", "image/filename", "image/shape")
"""What inference and its accuracy need of a record."""

_NUMBERED = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})")
_LISTED = 5


def find_shards(folder: Path, prefix: str = "val") -> list[Path]:
    """The files `PREFIX-*` of a folder, in order; UserError when there are none or the set is not complete."""
    try:
        present = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise UserError(
            f"The data folder {folder} cannot be read ({error.strerror}): give the folder of the {prefix}-* TFRecords."
        ) from error
    shards = [path for path in present if path.name.startswith(f"{prefix}-") and path.is_file()]
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
    import tensorflow as tf

    for shard in shards:
        number = 1
        try:
            for serialized in tf.data.TFRecordDataset(str(shard)).as_numpy_iterator():
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


def _check_complete(folder: Path, shards: Sequence[Path]) -> None:
    numbered = [match for path in shards if (match := _NUMBERED.fullmatch(path.name))]
    if not numbered:
        return  # somebody's own names: there is no count to hold them to
    stem, count = numbered[0]["stem"], int(numbered[0]["count"])
    expected = [f"{stem}-{number:05d}-of-{count:05d}" for number in range(count)]
    present = [path.name for path in shards]
    if missing := sorted(set(expected) - set(present)):
        raise UserError(
            f"{folder} lacks {missing[0]}" + (f" and {len(missing) - 1} more" if missing[1:] else "") + f" of {count}"
            " TFRecords: run generate-coco-records again, it goes on where the whole files end."
        )
    if extra := sorted(set(present) - set(expected)):
        raise UserError(
            f"{folder} holds {extra[0]} besides {expected[0]} and those that belong to it:"
            " keep one set of TFRecords in a folder."
        )


def _check_features(serialized: bytes, shard: Path, number: int) -> None:
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
    import tensorflow as tf

    values = tf.train.Example.FromString(serialized).features.feature["image/filename"].bytes_list.value
    return values[0].decode(errors="replace") if values else "without a name"
