from pathlib import Path

import pytest
import tensorflow as tf

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
