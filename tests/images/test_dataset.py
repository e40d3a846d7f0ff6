"""A folder of records: how many images it holds, its digest and its annotations."""

import shutil
from pathlib import Path

import pytest

from ssd_core.errors import UserError
from ssd_core.images.dataset import ANNOTATIONS, Records, read_records


@pytest.fixture
def folder(shards: list[Path]) -> Path:
    return shards[0].parent


def test_a_folder_of_records_is_counted(folder: Path, shards: list[Path]) -> None:
    records = read_records(folder, None)
    assert records.shards == tuple(shards)
    assert records.images == 11
    assert records.origin == str(folder)


def test_its_digest_is_of_what_lies_there_and_not_of_where(folder: Path, tmp_path: Path) -> None:
    digest = read_records(folder, None).digest
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    records = read_records(moved, None)
    assert records.digest == digest
    with records.shards[-1].open("ab") as stream:
        stream.write(b"more")
    assert records.digest != digest
    assert Records(records.shards[:2], None, "demo").digest not in (digest, records.digest)


def test_annotations_lie_beside_the_records_unless_others_are_given(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{folder} holds no {ANNOTATIONS}: give .* --annotations-file"):
        read_records(folder, None).annotations()
    (folder / ANNOTATIONS).write_text("{}")
    assert read_records(folder, None).annotations() == folder / ANNOTATIONS
    mine = tmp_path / "mine.json"
    with pytest.raises(UserError, match="--annotations-file"):
        read_records(folder, mine).annotations()
    mine.write_text("{}")
    assert read_records(folder, mine).annotations() == mine
    with pytest.raises(UserError, match=f"^demo holds no {ANNOTATIONS}"):
        Records((), None, "demo").annotations()


def test_what_is_not_ours_is_refused_when_it_is_read(folder: Path, shards: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere cannot be read \(No such file"):
        read_records(tmp_path / "nowhere", None)
    shards[1].write_bytes(shards[1].read_bytes()[:50])
    with pytest.raises(UserError, match=r"Record 1 of .*val-00001-of-00003 is truncated"):
        read_records(folder, None)


def test_the_first_images_are_counted_and_described_alike(folder: Path) -> None:
    records = read_records(folder, None)
    assert records.first(4).images == 4
    assert records.first(400).images == records.first(None).images == 11
    assert records.first(4).digest == records.digest
