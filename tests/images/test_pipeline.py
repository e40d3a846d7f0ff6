import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.images import pipeline
from ssd_core.images.pipeline import open_pipeline
from ssd_core.images.preprocess import preprocess
from ssd_core.images.tfrecord import record_spans
from ssd_core.machine import affinity

NAMES = [f"{n:02d}.jpg" for n in range(11)]


@pytest.mark.parametrize("threads", [(0, 0), (1, 1), (3, 2)])
def test_every_image_once_in_order_and_as_prepared_alone(
    shards: list[Path], jpeg_folder: Path, threads: tuple[int, int]
) -> None:
    batches = list(open_pipeline(shards, 4, *threads))
    assert [batch.images.shape for batch in batches] == [(4, 300, 300, 3), (4, 300, 300, 3), (3, 300, 300, 3)]
    assert [name for batch in batches for name in batch.filenames] == NAMES
    assert [tuple(shape) for batch in batches for shape in batch.shapes] == [
        (240 + 8 * n, 320 + 16 * n) for n in range(11)
    ]
    images = np.concatenate([batch.images for batch in batches])
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, [preprocess((jpeg_folder / name).read_bytes()) for name in NAMES])


def test_it_stops_after_the_first_images(shards: list[Path]) -> None:
    for most, names in ((5, NAMES[:5]), (100, NAMES)):
        batches = open_pipeline(shards, 4, most=most)
        assert [name for batch in batches for name in batch.filenames] == names


def test_it_begins_after_the_images_that_are_skipped(shards: list[Path]) -> None:
    for skip in range(len(NAMES) + 2):
        for most, names in ((None, NAMES[skip:]), (2, NAMES[skip : skip + 2])):
            batches = open_pipeline(shards, 4, most=most, skip=skip)
            assert [name for batch in batches for name in batch.filenames] == names, (skip, most)


@pytest.mark.parametrize(("quota", "threads"), [("100000 100000", 1), ("350000 100000", 3), ("max 100000", 8)])
def test_threads_follow_the_quota(
    shards: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, threads: int
) -> None:
    """On a machine of eight CPUs, whatever this one has."""
    files = {
        "proc/self/status": "Cpus_allowed_list:\t0-7\n",
        "proc/self/cgroup": "0::/job\n",
        "proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
        "sys/fs/cgroup/job/cpu.max": f"{quota}\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    made: list[Any] = []
    make = pipeline._dataset

    def kept(*arguments: Any) -> Any:
        made.append(make(*arguments))
        return made[-1]

    monkeypatch.setattr(pipeline, "_dataset", kept)
    monkeypatch.setattr(pipeline, "default_thread_count", lambda: affinity.default_thread_count(tmp_path))
    open_pipeline(shards, 2)
    open_pipeline(shards, 2, num_inter_threads=2, num_intra_threads=5)
    found = [dataset.options().threading for dataset in made]
    assert [(of.private_threadpool_size, of.max_intra_op_parallelism) for of in found] == [(threads, threads), (2, 5)]


def test_repeated_without_smaller_batches(shards: list[Path]) -> None:
    batches = open_pipeline(shards, 4, repeat=True)
    found = [next(batches) for _ in range(6)]
    assert all(len(batch.images) == 4 for batch in found)
    assert [name for batch in found for name in batch.filenames] == (NAMES * 3)[:24]


def test_beside_a_graph_session(shards: list[Path]) -> None:
    """Inference runs in a TensorFlow 1 session in the same process."""
    with tf.Graph().as_default() as graph:
        image = tf.compat.v1.placeholder(tf.float32, [None, 300, 300, 3])
        largest = tf.reduce_max(image, axis=[1, 2, 3])
    session = tf.compat.v1.Session(graph=graph)
    seen = 0
    for batch in open_pipeline(shards, 2):
        found = session.run(largest, {image: batch.images})
        np.testing.assert_array_equal(found, batch.images.max(axis=(1, 2, 3)))
        seen += len(found)
    session.close()
    assert seen == 11


def test_names_and_folders_of_any_bytes(shards: list[Path], tmp_path: Path) -> None:
    rewrite(shards[0], 1, lambda feature: feature["image/filename"].bytes_list.value.__setitem__(0, b"caf\xe9.jpg"))
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9"))
    try:
        shards[0].parent.rename(folder)
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    moved = [folder / shard.name for shard in shards]
    (first, *_) = open_pipeline(moved, 11)
    assert first.filenames == ("caf\udce9.jpg", *NAMES[1:])  # as os.listdir and the annotations file have it
    rewrite(moved[0], 1, lambda feature: feature["image/encoded"].bytes_list.value.__setitem__(0, b"none"))
    with pytest.raises(UserError, match=r"Record 1 of .* is of an image that cannot be decoded \(caf\udce9\.jpg\)"):
        drain(moved)


def test_bad_numbers(shards: list[Path]) -> None:
    for batch_size, inter, intra in ((0, 1, 1), (1, -1, 1), (1, 1, -1)):
        with pytest.raises(UserError, match=f"batch size {batch_size} and {inter}/{intra} threads"):
            open_pipeline(shards, batch_size, inter, intra)


def rewrite(shard: Path, number: int, change: Callable[[Any], None]) -> None:
    """Change one record of a shard (counted from 1), and write the shard again with right checksums."""
    name = os.fsencode(shard)
    found = [tf.train.Example.FromString(r) for r in tf.data.TFRecordDataset(name).as_numpy_iterator()]
    change(found[number - 1].features.feature)
    with tf.io.TFRecordWriter(name) as writer:
        for example in found:
            writer.write(example.SerializeToString())


def drain(shards: list[Path], batch_size: int = 2) -> None:
    for _ in open_pipeline(shards, batch_size):
        pass


def test_wrong_from_the_start_is_said_before_the_first_batch(shards: list[Path]) -> None:
    cut = shards[1].read_bytes()[:-10]
    shards[1].write_bytes(cut)
    with pytest.raises(UserError, match=r"Record 4 of .*val-00001-of-00003 is truncated"):
        open_pipeline(shards, 2)
    shards[1].write_bytes(b"")
    rewrite(shards[2], 1, lambda feature: feature.pop("image/shape"))
    with pytest.raises(UserError, match=r"Record 1 of .*val-00002-of-00003 lacks the feature image/shape"):
        open_pipeline(shards, 2)


def test_corrupt_data_is_found_when_the_stream_gets_there(shards: list[Path]) -> None:
    offset, length = list(record_spans(shards[1]))[2]
    content = bytearray(shards[1].read_bytes())
    content[offset + length // 2] ^= 0x55
    shards[1].write_bytes(content)
    batches = open_pipeline(shards, 2)
    assert next(batches).filenames == ("00.jpg", "01.jpg")
    with pytest.raises(UserError, match=r"^Record 3 of .*val-00001-of-00003 is corrupt: make the file again"):
        list(batches)


def test_an_image_that_cannot_be_decoded(shards: list[Path]) -> None:
    def cut(feature: Any) -> None:
        feature["image/encoded"].bytes_list.value[0] = feature["image/encoded"].bytes_list.value[0][:-200]

    rewrite(shards[2], 2, cut)
    with pytest.raises(UserError, match=r"^Record 2 of .*val-00002-of-00003 is of an image .* decoded \(09.jpg\)"):
        drain(shards)


def test_another_schema_in_mid_stream(shards: list[Path]) -> None:
    rewrite(shards[0], 3, lambda feature: feature.pop("image/filename"))
    with pytest.raises(UserError, match=r"^Record 3 of .*val-00000-of-00003 lacks the feature image/filename"):
        drain(shards)


def test_a_misshapen_feature(shards: list[Path]) -> None:
    rewrite(shards[0], 3, lambda feature: feature["image/shape"].int64_list.value.pop())
    with pytest.raises(UserError, match=r"^Record 3 of .*val-00000-of-00003 is"):
        drain(shards)
