import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture

from ssd_core.coco import records
from ssd_core.coco.annotations import Annotation, Image
from ssd_core.coco.example import serialized_example
from ssd_core.errors import UserError
from tests.coco.conversions import contents, convert, examples
from tests.rounding import UNIT

REPOSITORY = Path(__file__).resolve().parents[2]


def test_fifteen_features_of_an_image(coco: Any, out: Path) -> None:
    summary = convert(coco, out)
    assert summary.shards == (out / "val-00000-of-00001",)
    first = examples(*summary.shards)[0]
    boxes = [a["bbox"] for a in coco.document["annotations"] if a["image_id"] == 101]
    assert len(boxes) == 2
    expected = {
        "image/height": [30],
        "image/width": [40],
        "image/channels": [3],
        "image/shape": [30, 40, 3],
        "image/object/bbox/xmin": [x / 40 for x, _, _, _ in boxes],
        "image/object/bbox/xmax": [(x + w) / 40 for x, _, w, _ in boxes],
        "image/object/bbox/ymin": [y / 30 for _, y, _, _ in boxes],
        "image/object/bbox/ymax": [(y + h) / 30 for _, y, _, h in boxes],
        "image/object/bbox/label": [12, 80],
        "image/object/bbox/label_text": [b"stop sign", b"toothbrush"],
        "image/object/bbox/difficult": [0, 0],
        "image/object/bbox/truncated": [0, 0],
        "image/format": [b"JPEG"],
        "image/filename": [b"1.jpg"],
        "image/encoded": [(coco.images / "1.jpg").read_bytes()],
    }
    assert first.keys() == expected.keys()
    for name, values in expected.items():
        assert first[name] == (pytest.approx(values) if "bbox/x" in name or "bbox/y" in name else values), name


def test_unannotated_images_are_left_out_and_counted_or_kept(coco: Any, out: Path) -> None:
    summary = convert(coco, out / "a")
    assert (summary.written, summary.unannotated, summary.invalid) == (8, 2, ())
    assert [e["image/filename"] for e in examples(*summary.shards)] == [[b"%d.jpg" % n] for n in range(1, 9)]
    summary = convert(coco, out / "b", include_unannotated=True)
    assert (summary.written, summary.unannotated) == (10, 0)
    assert "image/object/bbox/xmin" not in {k for k, v in examples(*summary.shards)[-1].items() if v}


def test_the_79_real_images(coco_mini: Any, out: Path) -> None:
    summary = convert(coco_mini, out)
    assert (summary.written, summary.unannotated) == (79, 0)
    found = examples(*summary.shards)
    assert [e["image/filename"][0].decode() for e in found] == [i["file_name"] for i in coco_mini.document["images"]]
    assert sum(len(e["image/object/bbox/label"]) for e in found) == 624
    assert all(0 <= v <= 1 for e in found for v in e["image/object/bbox/xmin"] + e["image/object/bbox/ymax"])
    assert all(
        e["image/encoded"][0] == (coco_mini.images / e["image/filename"][0].decode()).read_bytes() for e in found
    )


@pytest.mark.usefixtures("four_a_shard")
def test_shards_are_numbered_and_filled_in_order(make_coco: Any, out: Path) -> None:
    summary = convert(make_coco(9), out)
    assert [path.name for path in summary.shards] == [f"val-{n:05d}-of-00003" for n in range(3)]
    assert [len(examples(path)) for path in summary.shards] == [4, 4, 1]


def test_1024_images_a_shard() -> None:
    parts = list(records.split(2049, "val"))
    assert [(name, len(places)) for name, places in parts] == [
        ("val-00000-of-00003", 1024),
        ("val-00001-of-00003", 1024),
        ("val-00002-of-00003", 1),
    ]


@pytest.mark.usefixtures("four_a_shard")
def test_same_bytes_whatever_the_number_of_processes(make_coco: Any, out: Path) -> None:
    coco = make_coco(11)
    convert(coco, out / "one")
    summary = convert(coco, out / "two", processes=2)
    assert summary.written == 11
    assert contents(out / "one") == contents(out / "two")


@pytest.mark.usefixtures("four_a_shard")
def test_a_missing_shard_is_made_again_and_whole_ones_are_kept(make_coco: Any, out: Path) -> None:
    coco = make_coco(11)
    shards = convert(coco, out).shards
    before = contents(out)
    kept_since = shards[0].stat().st_mtime_ns
    shards[1].unlink()
    (out / ".val-00001-of-00003.abcd.part").write_bytes(b"half")
    summary = convert(coco, out)
    assert (summary.written, summary.reused_shards) == (11, 2)
    assert shards[0].stat().st_mtime_ns == kept_since
    assert contents(out) == before
    assert not list(out.glob("*.part"))
    assert not list(out.glob(".*.part"))


@pytest.mark.usefixtures("four_a_shard")
def test_a_shard_is_kept_only_when_it_is_what_this_conversion_would_write(make_coco: Any, out: Path) -> None:
    coco = make_coco(11)
    shards = convert(coco, out).shards
    shards[0].write_bytes(shards[0].read_bytes()[:-1])  # no longer whole
    picture = coco.images / "11.jpg"
    os.utime(picture, ns=(0, 0))  # another image, for all we know
    assert convert(coco, out).reused_shards == 1
    coco.document["annotations"][0]["bbox"] = [0, 0, 1, 1]
    coco.write()
    assert convert(coco, out).reused_shards == 2
    assert len(examples(*shards)) == 11


@pytest.mark.usefixtures("four_a_shard")
def test_shards_of_another_count_are_replaced_when_ours_and_refused_when_not(make_coco: Any, out: Path) -> None:
    convert(make_coco(11), out)
    assert convert(make_coco(5), out).written == 5
    assert sorted(contents(out)) == ["val-00000-of-00002", "val-00001-of-00002"]
    for name in ("val-00000-of-00007", "val-00000-of-00002.tfrecord", "val-0.tfrecord"):  # all would be read as shards
        foreign = out / name
        foreign.write_bytes(b"precious")
        with pytest.raises(UserError, match=f"{name} is there already.*remove it, or choose another"):
            convert(make_coco(5), out)
        assert foreign.read_bytes() == b"precious"
        assert len(contents(out)) == 3
        foreign.unlink()


# Converts with two processes, and is killed as soon as the first shard is whole and noted.
KILLED = """
import os, signal, sys
from pathlib import Path
from ssd_core.coco import records
from ssd_core.coco.journal import Journal


def record(self, name, shard):
    noted(self, name, shard)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    records.IMAGES_PER_SHARD = 4
    noted, Journal.record = Journal.record, record
    records.write_records(*map(Path, sys.argv[1:]), "val", processes=2)
"""


def test_killed_and_run_again(make_coco: Any, out: Path, tmp_path: Path) -> None:
    """The parent is killed outright in the middle: only whole shards are seen, and the next run finishes."""
    coco = make_coco(60, size=(800, 600))
    program = tmp_path / "convert.py"
    program.write_text(KILLED)
    child = subprocess.run(
        [sys.executable, program, coco.images, coco.annotations, out],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,  # which ends when its own processes have ended, too
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    left = contents(out)
    assert 0 < len(left) <= 15
    for name in left:
        assert len(examples(out / name)) == 4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "IMAGES_PER_SHARD", 4)
        summary = convert(coco, out)
        assert summary.reused_shards >= 1
        assert summary.written == 60
        convert(coco, out / "fresh")
    assert contents(out) == contents(out / "fresh")


@pytest.mark.usefixtures("four_a_shard")
def test_what_an_older_version_noted_is_still_whole(make_coco: Any, out: Path) -> None:
    coco = make_coco(5)
    convert(coco, out)
    journal = out / ".val-records.json"
    stored = json.loads(journal.read_text())
    for shard in stored.values():
        del shard["ambiguous"]
    journal.write_text(json.dumps(stored))
    assert convert(coco, out).reused_shards == 2


@given(
    height=st.integers(1, 2000),
    width=st.integers(1, 2000),
    fractions=st.lists(st.tuples(*[st.floats(0, 1)] * 4), max_size=5),
)
def test_boxes_survive_as_fractions(
    height: int, width: int, fractions: list[tuple[float, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "boxes"
    folder.mkdir(exist_ok=True)
    Picture.new("L", (width, height)).save(folder / "a.jpg")
    boxes = [(x * width, y * height, w * (1 - x) * width, h * (1 - y) * height) for x, y, w, h in fractions]
    annotations = [Annotation(i, 1, 13, box, 1.0, False) for i, box in enumerate(boxes)]
    serialized = serialized_example(Image(1, "a.jpg", height, width), annotations, folder)
    assert serialized == serialized_example(Image(1, "a.jpg", height, width), annotations, folder)
    feature = tf.train.Example.FromString(serialized).features.feature
    xmin, xmax, ymin, ymax = (
        np.array(feature[f"image/object/bbox/{side}"].float_list.value) for side in ("xmin", "xmax", "ymin", "ymax")
    )
    back = np.stack([xmin * width, ymin * height, (xmax - xmin) * width, (ymax - ymin) * height], axis=-1)
    # Each edge is rounded once, at most 1 as a fraction; a side is the difference of two.
    np.testing.assert_allclose(back, np.array(boxes).reshape(-1, 4), atol=2 * UNIT * max(height, width), rtol=0)
