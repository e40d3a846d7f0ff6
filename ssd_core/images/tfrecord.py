"""TFRecord files on disk: finds the records without reading their data, and without TensorFlow.

Format: each record is its length (uint64), a checksum of the length, the data, and a checksum of the data; all are
little-endian, and a checksum is a masked CRC-32C (https://www.tensorflow.org/tutorials/load_data/tfrecord).
"""

import struct
from collections.abc import Iterator
from pathlib import Path

from ssd_core.errors import UserError
from ssd_core.files import reading

_HEADER = struct.Struct("<QI")
_FOOTER_BYTES = 4
_MASK_DELTA = 0xA282EAD8
_CASTAGNOLI = 0x82F63B78  # the CRC-32C polynomial, bits reversed


def record_spans(path: Path) -> Iterator[tuple[int, int]]:
    """The offset and length in bytes of each record's data.

    UserError names the first record, counted from 1, whose frame is cut off or corrupt; data is not checked.
    """
    with reading(str(path), "give a folder of readable TFRecords"):
        size_bytes = path.stat().st_size
        with path.open("rb") as stream:
            offset, number = 0, 1
            while offset < size_bytes:
                stream.seek(offset)
                header = stream.read(_HEADER.size)
                if len(header) < _HEADER.size:
                    raise damaged(path, number, "truncated")
                length, checksum = _HEADER.unpack(header)
                if checksum != masked_crc32c(header[:8]):
                    raise damaged(path, number, "corrupt" if number > 1 else "corrupt, or the file is no TFRecord file")
                data = offset + _HEADER.size
                offset = data + length + _FOOTER_BYTES
                if offset > size_bytes:
                    raise damaged(path, number, "truncated")
                yield data, length
                number += 1


def damaged(path: Path, number: int, how: str) -> UserError:
    """The error for record `number` (counted from 1) of a file."""
    return UserError(f"Record {number} of {path} is {how}: make the file again with generate-coco-records.")


def masked_crc32c(data: bytes) -> int:
    """The checksum of a few bytes, as TFRecords store it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def _table_entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_CASTAGNOLI if byte & 1 else 0)
    return byte


_TABLE = tuple(map(_table_entry, range(256)))
