"""One image and its boxes as one `tf.train.Example`: the fifteen features of the original's records."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssd_core.coco.annotations import Annotation, Image
from ssd_core.coco.categories import LABEL_OF_ID, NAME_OF_ID

_JPEG_START = b"\xff\xd8\xff"  # start-of-image marker and the first byte of the next one (ITU-T T.81, annex B)


class InvalidImageError(Exception):
    """An image that cannot go into a record: the message completes a sentence that begins with the file's name."""


def serialized_example(image: Image, annotations: Sequence[Annotation], folder: Path) -> bytes:
    """The record of an image of `folder`; the same bytes whenever and wherever it is called.

    Boxes are stored as fractions of the image (x / width, (x + box width) / width, and so on), the file's bytes as
    they are. Raises InvalidImageError when the file is missing, unreadable, no JPEG, or of another size.
    """
    import tensorflow as tf

    def floats(values: Sequence[float]) -> Any:
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))

    def integers(values: Sequence[int]) -> Any:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    def strings(values: Sequence[bytes]) -> Any:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))

    encoded = _encoded_jpeg(image, folder)
    height, width = image.height, image.width
    boxes = [a.box for a in annotations]
    features = {
        "image/height": integers([height]),
        "image/width": integers([width]),
        "image/channels": integers([3]),
        "image/shape": integers([height, width, 3]),
        "image/object/bbox/xmin": floats([x / width for x, _, _, _ in boxes]),
        "image/object/bbox/xmax": floats([(x + w) / width for x, _, w, _ in boxes]),
        "image/object/bbox/ymin": floats([y / height for _, y, _, _ in boxes]),
        "image/object/bbox/ymax": floats([(y + h) / height for _, y, _, h in boxes]),
        "image/object/bbox/label": integers([LABEL_OF_ID[a.category_id] for a in annotations]),
        "image/object/bbox/label_text": strings([NAME_OF_ID[a.category_id].encode() for a in annotations]),
        "image/object/bbox/difficult": integers([0] * len(boxes)),
        "image/object/bbox/truncated": integers([0] * len(boxes)),
        "image/format": strings([b"JPEG"]),
        "image/filename": strings([image.file_name.encode()]),
        "image/encoded": strings([encoded]),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized


def _encoded_jpeg(image: Image, folder: Path) -> bytes:
    import tensorflow as tf

    try:
        encoded = (folder / image.file_name).read_bytes()
    except OSError as error:
        raise InvalidImageError(f"cannot be read ({error.strerror})") from error
    if not encoded.startswith(_JPEG_START):  # decode_jpeg would also take a PNG
        raise InvalidImageError("is not a JPEG file")
    try:
        height, width, _ = tf.io.decode_jpeg(encoded, channels=3).shape
    except tf.errors.InvalidArgumentError as error:
        raise InvalidImageError("is a truncated or corrupt JPEG file") from error
    if (height, width) != (image.height, image.width):
        raise InvalidImageError(f"has {width}x{height} pixels, not the {image.width}x{image.height} of the annotations")
    return encoded
