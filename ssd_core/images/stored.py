"""The images in records: each file's name and its JPEG, in the records' order."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ssd_core import quiet
from ssd_core.images.tfrecord import damaged, record_spans


def stored_images(shards: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """The name and the JPEG of every record; UserError for a record that is damaged."""
    quiet.import_tensorflow()  # 6 s, which a page without pictures does not wait for
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    for shard in shards:
        with shard.open("rb") as stream:
            for number, (offset, length) in enumerate(record_spans(shard), 1):
                stream.seek(offset)
                try:
                    features = tf.train.Example.FromString(stream.read(length)).features.feature
                    name, encoded = (features[f"image/{part}"].bytes_list.value[0] for part in ("filename", "encoded"))
                except (DecodeError, IndexError):
                    raise damaged(shard, number, "no image's tf.train.Example") from None
                yield name.decode(errors="surrogateescape"), encoded
