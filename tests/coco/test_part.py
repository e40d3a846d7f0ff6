from pathlib import Path
from typing import Any

import pytest

from ssd_core.coco.part import MANIFEST, RecordsPart, check_file, folder_of, grouped, read_part, write_part
from ssd_core.coco.portion import Portion
from ssd_core.errors import UserError
from ssd_core.files import sha256_of


def part(number: int, of: int = 3, **whole: Any) -> RecordsPart:
    return RecordsPart(name="val", number=number, of=of, whole=whole, pieces={}, images=9, unannotated=0)


def written(folder: Path, *parts: RecordsPart, run: str = "a") -> list[Path]:
    folders = [folder_of(folder / run, one.name, Portion(one.number, one.of)) for one in parts]
    for path, one in zip(folders, parts, strict=True):
        write_part(path, one)
    return folders


def test_parts_come_back_in_the_order_of_their_shards(tmp_path: Path) -> None:
    folders = written(tmp_path, part(3), part(1), part(2))
    (group,) = grouped(folders).values()
    assert [placed.part.number for placed in group] == [1, 2, 3]
    assert [placed.folder for placed in group] == [folders[1], folders[2], folders[0]]


def test_parts_of_several_things_are_merged_apart(tmp_path: Path) -> None:
    other = RecordsPart(name="train", number=1, of=1, whole={}, pieces={}, images=1, unannotated=0)
    assert list(grouped(written(tmp_path, part(1, 1), other))) == ["records val", "records train"]


@pytest.mark.parametrize(("numbers", "said"), [((1, 3), "Shard 2/3"), ((1,), "Shard 2/3 of records val and 1 more")])
def test_a_missing_shard(tmp_path: Path, numbers: tuple[int, ...], said: str) -> None:
    with pytest.raises(UserError, match=f"^{said}.* is missing: run it"):
        grouped(written(tmp_path, *map(part, numbers)))


def test_a_shard_that_is_there_twice(tmp_path: Path) -> None:
    folders = written(tmp_path, *map(part, (1, 2, 3)))
    copy = written(tmp_path, part(2), run="b")
    with pytest.raises(UserError, match="are both shard 2/3 of records val: give each once"):
        grouped([*folders, *copy])
    with pytest.raises(UserError, match="are both shard 1/3"):
        grouped([*folders, folders[0]])


def test_parts_of_two_runs_and_what_may_differ(tmp_path: Path) -> None:
    folders = written(tmp_path, part(1, 2, sha="abc", cpu="x"), part(2, 2, sha="abc", cpu="y"))
    with pytest.raises(UserError, match=r"parts of two runs, which differ in cpu \(x, y\): give the parts of one run"):
        grouped(folders)
    assert len(grouped(folders, ["cpu"])) == 1


def test_parts_of_another_number_of_shards(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"which differ in the number of shards \(3, 2\)"):
        grouped(written(tmp_path, part(1), part(2, 2)))


def test_no_manifest_no_part(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is no complete part \(it has no part.json\): run its shard again"):
        read_part(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"kind": "records"}', b"\xff", b'{"kind": "other"}', b"[" * 2000])
def test_a_damaged_manifest(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(UserError, match="is damaged, or of another version"):
        read_part(tmp_path)


def test_a_file_that_is_not_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with pytest.raises(UserError, match="is missing, or not what its shard wrote"):
        check_file(path, "0" * 64)
    path.write_bytes(b"abc")
    check_file(path, sha256_of(path))
    with pytest.raises(UserError, match="is missing, or not what its shard wrote"):
        check_file(path, "0" * 64)
