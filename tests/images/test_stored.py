"""Images come out of records as they went in."""

from pathlib import Path

import pytest

from ssd_core.errors import UserError
from ssd_core.images.stored import stored_images


def test_names_and_bytes_are_those_of_the_files(shards: list[Path], jpeg_folder: Path) -> None:
    stored = list(stored_images(shards))
    files = sorted(jpeg_folder.glob("*.jpg"))
    assert [name for name, _ in stored] == [path.name for path in files]
    assert [encoded for _, encoded in stored] == [path.read_bytes() for path in files]


def test_a_record_of_something_else_is_named(shards: list[Path]) -> None:
    content = bytearray(shards[1].read_bytes())
    content[12:40] = bytes(28)  # the frame stays
    shards[1].write_bytes(content)
    with pytest.raises(UserError, match=f"Record 1 of {shards[1]} is no image's tf.train.Example"):
        list(stored_images(shards))


def test_a_cut_record_is_named(shards: list[Path]) -> None:
    shards[0].write_bytes(shards[0].read_bytes()[:-5])
    with pytest.raises(UserError, match=f"of {shards[0]} is truncated"):
        list(stored_images(shards))
