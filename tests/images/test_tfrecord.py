import struct
from pathlib import Path

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.errors import UserError
from ssd_core.images.tfrecord import masked_crc32c, record_spans


@given(st.lists(st.binary(max_size=50), max_size=8))
def test_spans_are_the_records_that_tensorflow_wrote(
    tmp_path_factory: pytest.TempPathFactory, written: list[bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "spans"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for data in written:
            writer.write(data)
    content = path.read_bytes()
    assert [content[offset : offset + length] for offset, length in record_spans(path)] == written
    for offset, length in record_spans(path):
        (checksum,) = struct.unpack_from("<I", content, offset + length)
        assert checksum == masked_crc32c(content[offset : offset + length])


def test_the_checksum_of_the_standard() -> None:
    crc = 0xE3069283  # of "123456789", from the catalogue of CRCs
    assert masked_crc32c(b"123456789") == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Three records of 10 bytes, 26 bytes each with their frames."""
    path = tmp_path / "three"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for _ in range(3):
            writer.write(b"0123456789")
    assert path.stat().st_size == 78
    return path


@pytest.mark.parametrize(("kept", "number"), [(77, 3), (60, 3), (53, 3), (51, 2), (1, 1)])
def test_a_cut_file(three: Path, kept: int, number: int) -> None:
    three.write_bytes(three.read_bytes()[:kept])
    with pytest.raises(UserError, match=rf"^Record {number} of .*three is truncated: make the file again"):
        list(record_spans(three))


@pytest.mark.parametrize(("at", "number"), [(0, 1), (9, 1), (26, 2), (52, 3)])
def test_a_changed_header(three: Path, at: int, number: int) -> None:
    content = bytearray(three.read_bytes())
    content[at] ^= 1
    three.write_bytes(content)
    with pytest.raises(UserError, match=rf"^Record {number} of .*three is corrupt"):
        list(record_spans(three))


def test_no_tfrecord_at_all(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("some text that is no record at all")
    with pytest.raises(UserError, match="no TFRecord file"):
        list(record_spans(tmp_path / "a"))
    with pytest.raises(UserError, match="cannot be read"):
        list(record_spans(tmp_path / "missing"))
