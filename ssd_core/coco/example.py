"""One image and its boxes as one `tf.train.Example`: the fifteen features of the original's records.

Pixels are taken as they are stored, as TensorFlow decodes them: an EXIF orientation, by which viewers turn or mirror
an image, has no effect.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import ExifTags
from PIL import Image as Picture

from ssd_core.coco.annotations import Annotation, Image
from ssd_core.coco.categories import LABEL_OF_ID, NAME_OF_ID
from ssd_core.files import reason

_JPEG_START = b"\xff\xd8\xff"  # start-of-image marker and the first byte of the next one (ITU-T T.81, annex B)
_SAME_SIZE, _ON_THEIR_SIDE = (2, 3, 4), (5, 6, 7, 8)  # EXIF orientations other than as stored (CIPA DC-008, 4.6.5)


class InvalidImageError(Exception):
    """An image that cannot go into a record: the message completes a sentence that begins with the file's name."""


def serialized_example(image: Image, annotations: Sequence[Annotation], folder: Path) -> bytes:
    """The record of an image of `folder`; the same input always gives the same bytes.

    Boxes are stored as fractions of the image (x / width, (x + box width) / width, and so on), the file's bytes as
    they are. Raises InvalidImageError when the file is missing, unreadable, no JPEG, or of another size.
    """
    import tensorflow as tf  # it takes 6 s to import

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
        "image/filename": strings([image.encoded_name]),
        "image/encoded": strings([encoded]),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized


def _encoded_jpeg(image: Image, folder: Path) -> bytes:
    import tensorflow as tf  # it takes 6 s to import

    path = image.path(folder)
    try:
        encoded = path.read_bytes()
    except OSError as error:
        raise InvalidImageError(f"cannot be read ({reason(error)})") from error
    if not encoded.startswith(_JPEG_START):  # decode_jpeg would also take a PNG
        raise InvalidImageError("is not a JPEG file")
    try:
        height, width, _ = tf.io.decode_jpeg(encoded, channels=3).shape
    except tf.errors.InvalidArgumentError as error:
        raise InvalidImageError("is a truncated or corrupt JPEG file") from error
    if (height, width) != (image.height, image.width):
        turned = (width, height) == (image.height, image.width) and _orientation(path) in _ON_THEIR_SIDE
        raise InvalidImageError(
            f"has {width}x{height} pixels, not the {image.width}x{image.height} of the annotations"
            + (" (these are of how its EXIF orientation turns it: store it turned)" if turned else "")
        )
    return encoded


def is_ambiguous(image: Image, folder: Path) -> bool:
    """Whether viewers turn or mirror an image, and its size does not tell which form its boxes belong to."""
    orientation = _orientation(image.path(folder))
    return orientation in _SAME_SIZE or (orientation in _ON_THEIR_SIDE and image.height == image.width)


def _orientation(path: Path) -> int:
    """The EXIF orientation, 1 to 8; 1 (as stored) where none can be read."""
    try:
        with Picture.open(path) as picture:
            return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # whatever Pillow raises for a damaged EXIF block, which does not matter here
        return 1
