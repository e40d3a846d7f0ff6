"""The images in records: each file's name and its JPEG, in the records' order."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ssd_core import quiet
from ssd_core.images.tfrecord import record_spans


def stored_images(shards: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """The name and the JPEG of every record; UserError for a truncated or corrupt frame."""
    quiet.import_tensorflow()  # 6 s, which a page without pictures does not wait for
    import tensorflow as tf

    for shard in shards:
        with shard.open("rb") as stream:
            for offset, length in record_spans(shard):
                stream.seek(offset)
                features = tf.train.Example.FromString(stream.read(length)).features.feature
                name, encoded = (features[f"image/{part}"].bytes_list.value[0] for part in ("filename", "encoded"))
                yield name.decode(errors="surrogateescape"), encoded
