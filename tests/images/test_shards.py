import re
from pathlib import Path

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.errors import UserError
from ssd_core.images.shards import check_schema, count_records, find_shards


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"")


def test_found_in_order_and_counted(shards: list[Path]) -> None:
    assert find_shards(shards[0].parent) == shards
    assert count_records(shards) == 11
    check_schema(shards)


def test_another_prefix_and_other_names(tmp_path: Path) -> None:
    touch(tmp_path, "val-b.tfrecord", "val-a.tfrecord", "test-00000-of-00001", ".val-records.json", "values")
    (tmp_path / "val-folder").mkdir()
    assert [path.name for path in find_shards(tmp_path)] == ["val-a.tfrecord", "val-b.tfrecord"]
    assert [path.name for path in find_shards(tmp_path, "test")] == ["test-00000-of-00001"]


def test_no_shards(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no TFRecord val-\* \(it holds nothing\).*generate-coco-records"):
        find_shards(tmp_path)
    touch(tmp_path, *"gfedcba")
    with pytest.raises(UserError, match=r"it holds a, b, c, d, e, …\)"):
        find_shards(tmp_path)
    with pytest.raises(UserError, match=r"nowhere cannot be read \(No such file"):
        find_shards(tmp_path / "nowhere")


def test_an_incomplete_set(tmp_path: Path) -> None:
    touch(tmp_path, "val-00000-of-00005", "val-00003-of-00005")
    with pytest.raises(UserError, match="lacks val-00001-of-00005 and 2 more of 5 TFRecords: run"):
        find_shards(tmp_path)
    touch(tmp_path, "val-00001-of-00005", "val-00004-of-00005")
    with pytest.raises(UserError, match="lacks val-00002-of-00005 of 5"):
        find_shards(tmp_path)


COUNTED = [
    "val-{number:05d}-of-{count:05d}",
    "val-{number:05d}-of-{count:05d}.tfrecord",
    "val-{number:05d}-of-{count:05d}.tfrecord.gz",
    "val-{number:03d}-of-{count:03d}",
    "val-{number:06d}-of-{count:06d}",
    "val-{number}-of-{count}",
    "val-coco-2017-{number}_of_{count}.rec",
]
NUMBERED = ["val-{number:05d}.tfrecord", "val-{number}", "val-2017-{number:04d}.mp4"]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("form", COUNTED + NUMBERED)
def test_a_gap_is_seen_whatever_the_form_of_the_names(tmp_path: Path, form: str, first: int) -> None:
    names = [form.format(number=number, count=3) for number in range(first, first + 3)]
    touch(tmp_path, *names)
    assert [path.name for path in find_shards(tmp_path)] == names
    (tmp_path / names[1]).unlink()
    with pytest.raises(UserError, match=f"lacks {re.escape(names[1])} of 3 TFRecords"):
        find_shards(tmp_path)


@given(st.integers(1, 120), st.sets(st.integers(0, 119), max_size=5), st.sampled_from(COUNTED))
def test_of_a_set_that_says_how_many_none_may_be_missing(
    tmp_path_factory: pytest.TempPathFactory, count: int, lost: set[int], form: str
) -> None:
    names = [form.format(number=number, count=count) for number in range(count)]
    folder = tmp_path_factory.mktemp("set")
    touch(folder, *(name for number, name in enumerate(names) if number not in lost))
    missing = sorted(lost & set(range(count)))
    if len(missing) == count:
        return
    if not missing:
        assert {path.name for path in find_shards(folder)} == set(names)
        return
    with pytest.raises(UserError) as caught:
        find_shards(folder)
    more = f" and {len(missing) - 1} more" if missing[1:] else ""
    assert f"lacks {names[missing[0]]}{more} of {count} TFRecords" in str(caught.value)


@pytest.mark.parametrize(
    "names", [("val-2014.tfrecord", "val-2017.tfrecord"), ("val-a.tfrecord", "val-7.tfrecord"), ("val-7.a", "val-9.b")]
)
def test_names_that_count_nothing_are_left_alone(tmp_path: Path, names: tuple[str, ...]) -> None:
    touch(tmp_path, *names)
    assert {path.name for path in find_shards(tmp_path)} == set(names)


@pytest.mark.parametrize(
    ("name", "first"), [("val-1-of-99999999999", "val-0-of-99999999999"), ("val-9-of-3", "val-0-of-3")]
)
def test_a_count_that_cannot_be_is_no_trap(tmp_path: Path, name: str, first: str) -> None:
    touch(tmp_path, name)
    with pytest.raises(UserError, match=f"lacks {first} and"):
        find_shards(tmp_path)


@pytest.mark.parametrize("extra", ["val-00000-of-00003", "val-x.tfrecord", "val-00002-of-00002"])
def test_two_sets_in_one_folder(tmp_path: Path, extra: str) -> None:
    touch(tmp_path, "val-00000-of-00002", "val-00001-of-00002", extra)
    with pytest.raises(UserError, match=f"holds {extra} besides val-00000-of-00002"):
        find_shards(tmp_path)


def test_shards_without_records(tmp_path: Path) -> None:
    touch(tmp_path, "val-00000-of-00001")
    with pytest.raises(UserError, match="without a record"):
        count_records(find_shards(tmp_path))


def test_other_schemas(tmp_path: Path) -> None:
    path = tmp_path / "val-00000-of-00001"

    def write(record: bytes) -> None:
        with tf.io.TFRecordWriter(str(path)) as writer:
            writer.write(record)

    bytes_feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"x"]))
    features = {"image/encoded": bytes_feature, "image/class": bytes_feature, "image/filename": bytes_feature}
    write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    with pytest.raises(UserError, match=r"Record 1 of .*val-00000-of-00001 lacks the feature image/shape \(it has"):
        check_schema([path])
    write(tf.train.Example().SerializeToString())
    with pytest.raises(UserError, match=r"lacks the feature image/encoded \(it has none\)"):
        check_schema([path])
    write(b"\xff\xff no message")
    with pytest.raises(UserError, match=r"Record 1 of .* is no tf\.train\.Example"):
        check_schema([path])
