import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssd_core.coco.part import MANIFEST, Placed
from ssd_core.coco.portion import Portion
from ssd_core.coco.records_part import merge_records, write_records_part
from ssd_core.errors import UserError
from tests.coco.conversions import contents, convert

pytestmark = pytest.mark.usefixtures("four_a_shard")


def shard(coco: Any, out: Path, number: int, of: int, **options: Any) -> Placed:
    given = {"processes": 1, "progress": False} | options
    return write_records_part(coco.images, coco.annotations, out, "val", Portion(number, of), **given)


def shards(coco: Any, out: Path, of: int, **options: Any) -> list[Placed]:
    return [shard(coco, out, number, of, **options) for number in range(1, of + 1)]


@pytest.fixture
def eleven(make_coco: Any) -> Any:
    """Eleven images, four a file; the last three without annotations."""
    return make_coco(14, unannotated=3)


def test_merging_shows_its_progress(eleven: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = shards(eleven, tmp_path / "parts", 2)
    capsys.readouterr()
    merge_records(parts, tmp_path / "merged")
    assert re.search(r"val merge: 100%.* 11/11 ", capsys.readouterr().err)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(of=st.integers(1, 14))
def test_the_same_bytes_and_summary_as_one_process(
    eleven: Any, tmp_path_factory: pytest.TempPathFactory, of: int
) -> None:
    out = tmp_path_factory.mktemp("out")
    one = convert(eleven, out / "one")
    parts = shards(eleven, out / "parts", of)
    merged = merge_records(parts, out / "merged")
    merge_records(parts, out / "linked", link=True)
    assert contents(out / "merged") == contents(out / "linked") == contents(out / "one")
    assert [path.name for path in merged.shards] == [path.name for path in one.shards]
    assert (
        (merged.written, merged.unannotated, merged.invalid)
        == (one.written, one.unannotated, one.invalid)
        == (11, 3, ())
    )


def test_images_that_are_left_out_are_those_of_one_process(eleven: Any, tmp_path: Path) -> None:
    (eleven.images / "2.jpg").write_bytes(b"GIF89a")
    for number in (5, 6, 7):  # all of a shard's
        (eleven.images / f"{number}.jpg").unlink()
    one = convert(eleven, tmp_path / "one", skip_invalid=True)
    merged = merge_records(shards(eleven, tmp_path / "parts", 4, skip_invalid=True), tmp_path / "merged")
    assert contents(tmp_path / "merged") == contents(tmp_path / "one")
    assert merged.invalid == one.invalid
    assert len(merged.invalid) == 4


def test_no_image_at_all_is_refused_as_by_one_process(eleven: Any, tmp_path: Path) -> None:
    for path in eleven.images.glob("*.jpg"):
        path.unlink()
    with pytest.raises(UserError, match="are missing from"):
        shard(eleven, tmp_path / "parts", 1, 2)
    parts = shards(eleven, tmp_path / "parts", 2, skip_invalid=True)
    with pytest.raises(UserError, match="All images of records val were left out"):
        merge_records(parts, tmp_path / "merged")
    assert not list((tmp_path).glob("merged/val-*"))


def test_a_shard_looks_only_at_its_own_images(eleven: Any, tmp_path: Path) -> None:
    (eleven.images / "1.jpg").unlink()
    shard(eleven, tmp_path, 2, 2)
    with pytest.raises(UserError, match=r"1 of the 5 images in .* are missing"):
        shard(eleven, tmp_path, 1, 2)


def test_a_part_without_its_manifest_is_written_again_and_a_complete_one_kept(eleven: Any, tmp_path: Path) -> None:
    placed = shard(eleven, tmp_path, 1, 2)
    (piece, *_) = placed.part.pieces  # type: ignore[union-attr]
    kept_since = (placed.folder / piece).stat().st_mtime_ns
    assert shard(eleven, tmp_path, 1, 2) == placed
    assert (placed.folder / piece).stat().st_mtime_ns == kept_since
    (placed.folder / MANIFEST).unlink()
    (placed.folder / piece).write_bytes(b"half")
    assert shard(eleven, tmp_path, 1, 2) == placed
    (eleven.images / "1.jpg").write_bytes((eleven.images / "1.jpg").read_bytes() + b"\0")
    assert shard(eleven, tmp_path, 1, 2) != placed


def test_a_whole_file_is_linked_if_that_is_asked_for(eleven: Any, tmp_path: Path) -> None:
    (placed,) = shards(eleven, tmp_path / "parts", 1)
    for link in (False, True):
        merged = merge_records([placed], tmp_path / f"merged{link}", link=link)
        assert {path.samefile(placed.folder / path.name) for path in merged.shards} == {link}


def test_a_piece_that_changed_is_refused_and_leaves_nothing(eleven: Any, tmp_path: Path) -> None:
    parts = shards(eleven, tmp_path / "parts", 2)
    piece = parts[1].folder / "val-00002-of-00003"
    piece.write_bytes(piece.read_bytes()[:-1])
    for link in (False, True):
        with pytest.raises(UserError, match="not what its shard wrote"):
            merge_records(parts, tmp_path / "merged", link=link)
        assert sorted(contents(tmp_path / "merged")) == ["val-00000-of-00003", "val-00001-of-00003"]
    shard(eleven, tmp_path / "parts", 2, 2)
    summary = merge_records(parts, tmp_path / "merged")
    assert (summary.written, summary.reused_shards) == (11, 2)


def test_what_another_program_wrote_is_not_replaced(eleven: Any, tmp_path: Path) -> None:
    (tmp_path / "val-00000-of-00003").write_bytes(b"other")
    with pytest.raises(UserError, match="is there already and is not from a conversion"):
        merge_records(shards(eleven, tmp_path / "parts", 2), tmp_path)
    assert (tmp_path / "val-00000-of-00003").read_bytes() == b"other"
