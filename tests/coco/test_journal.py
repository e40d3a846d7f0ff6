"""What a conversion remembers: which shards are whole, and what of an earlier one is in the way."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.coco.journal import Journal, Shard
from ssd_core.errors import UserError

MADE_FROM = {"val-00000-of-00002": "first", "val-00001-of-00002": "second"}
FIRST, SECOND = MADE_FROM


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Of a conversion whose first shard is whole and noted, and whose second is not."""
    journal = Journal(tmp_path, "val")
    assert journal.start(MADE_FROM, skip_invalid=False) == set()
    (tmp_path / FIRST).write_bytes(b"whole")
    journal.record(FIRST, Shard("first", digest(b"whole"), 5))
    return journal


shards = st.builds(
    Shard, st.text(), st.text(), st.integers(0), st.lists(st.text()).map(tuple), st.lists(st.text()).map(tuple)
)


@given(st.dictionaries(st.text(), shards, min_size=1))
def test_what_is_noted_is_read_again(tmp_path_factory: pytest.TempPathFactory, noted: dict[str, Shard]) -> None:
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder, "val")
    for name, shard in noted.items():
        journal.record(name, shard)
    assert Journal(folder, "val").shards == noted
    assert Journal(folder, "train").shards == {}


@pytest.mark.parametrize("content", ["", "[]", '{"val-0": 1}', '{"val-0": {"made_from": "a"}}', "\x00", '"text"'])
def test_a_file_that_is_not_ours_says_that_nothing_is_whole(tmp_path: Path, content: str) -> None:
    (tmp_path / ".val-records.json").write_text(content)
    assert Journal(tmp_path, "val").shards == {}


@pytest.mark.usefixtures("journal")
def test_the_next_conversion_reuses_what_is_whole_and_forgets_the_rest(tmp_path: Path) -> None:
    later = Journal(tmp_path, "val")
    assert later.start(MADE_FROM, skip_invalid=False) == {FIRST}
    assert later.shards == {FIRST: Shard("first", digest(b"whole"), 5), SECOND: Shard("second")}
    assert Journal(tmp_path, "val").shards == later.shards


def _changed(folder: Path, made_from: dict[str, str]) -> None:
    (folder / FIRST).write_bytes(b"other")


def _gone(folder: Path, made_from: dict[str, str]) -> None:
    (folder / FIRST).unlink()


def _of_other_input(folder: Path, made_from: dict[str, str]) -> None:
    made_from[FIRST] = "another"


@pytest.mark.parametrize("spoil", [_changed, _gone, _of_other_input])
def test_a_shard_that_is_not_what_would_be_written_is_removed(journal: Journal, tmp_path: Path, spoil: Any) -> None:
    made_from = dict(MADE_FROM)
    spoil(tmp_path, made_from)
    assert journal.start(made_from, skip_invalid=False) == set()
    assert not (tmp_path / FIRST).exists()
    assert journal.shards[FIRST] == Shard(made_from[FIRST])


def test_a_shard_that_left_images_out_is_whole_only_for_who_leaves_them_out(journal: Journal, tmp_path: Path) -> None:
    journal.record(FIRST, Shard("first", digest(b"whole"), 4, invalid=("a.jpg is no JPEG",)))
    assert journal.start(MADE_FROM, skip_invalid=True) == {FIRST}
    assert journal.start(MADE_FROM, skip_invalid=False) == set()


def test_what_no_conversion_of_ours_wrote_is_refused_and_nothing_is_removed(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / SECOND).write_bytes(b"half")
    (tmp_path / "val-precious").write_bytes(b"precious")
    with pytest.raises(UserError, match=r"val-precious is there already .* or choose another --output-path"):
        journal.start({FIRST: "another"}, skip_invalid=False)
    assert {path.name for path in tmp_path.glob("val-*")} == {FIRST, SECOND, "val-precious"}


def test_leftovers_of_this_prefix_alone_are_removed(tmp_path: Path) -> None:
    for name in (".val[0-9]-1.abc.part", ".val1-1.abc.part", "val1-0"):
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / "val[0-9]-folder").mkdir()
    assert Journal(tmp_path, "val[0-9]").start({"val[0-9]-0": "a"}, skip_invalid=False) == set()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {".val1-1.abc.part", "val1-0", "val[0-9]-folder", ".val[0-9]-records.json"}
    assert list(json.loads((tmp_path / ".val[0-9]-records.json").read_text())) == ["val[0-9]-0"]
