"""Converting what is not as it should be: pictures, names, disks, folders in use."""

import errno
import io
import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image as Picture

from ssd_core.coco import records
from ssd_core.coco.example import serialized_example
from ssd_core.coco.records import write_records
from ssd_core.errors import UserError
from tests.coco.conversions import HIDDEN, convert, examples, hidden


def exif(orientation: int) -> Picture.Exif:
    found = Picture.Exif()
    found[0x0112] = orientation
    return found


def spoil(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    elif how == "no JPEG":
        Picture.new("RGB", (40, 30)).save(path, "PNG")
    elif how == "16-bit PNG":
        Picture.fromarray(np.zeros((30, 40), np.uint16)).save(path, "PNG")
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    elif how == "turned":
        Picture.new("RGB", (30, 40)).save(path, "JPEG", exif=exif(6))
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:-300])
    elif how == "other size":
        Picture.new("RGB", (41, 30)).save(path, "JPEG")


SPOILT = {
    "missing": "1 of the 8 images .* are missing from .*, the first is 3.jpg",
    "no JPEG": "3.jpg is not a JPEG file",
    "16-bit PNG": "3.jpg is not a JPEG file",
    "empty": "3.jpg is not a JPEG file",
    "a folder": "1 of the 8 images .* are missing from .*, the first is 3.jpg",
    "turned": r"3.jpg has 30x40 pixels, not the 40x30 .* \(these are of how its EXIF orientation turns it",
    "truncated": "3.jpg is a truncated or corrupt JPEG file",
    "other size": "3.jpg has 41x30 pixels, not the 40x30",
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_bad_image_is_named_with_the_fix_and_nothing_is_half_written(coco: Any, out: Path, how: str) -> None:
    spoil(coco.images / "3.jpg", how)
    with pytest.raises(UserError, match=SPOILT[how]) as caught:
        convert(coco, out)
    assert "--skip-invalid" in str(caught.value)
    assert not out.exists() or hidden(out) == HIDDEN


@pytest.mark.usefixtures("four_a_shard")
@pytest.mark.parametrize("processes", [1, 2])
def test_bad_images_are_left_out_and_listed(make_coco: Any, out: Path, processes: int) -> None:
    coco = make_coco(9)
    for number, how in enumerate(("missing", "no JPEG", "truncated", "other size"), start=2):
        spoil(coco.images / f"{number}.jpg", how)
    with pytest.raises(UserError):
        convert(coco, out, processes=processes)
    summary = convert(coco, out, processes=processes, skip_invalid=True)
    assert summary.written == 5
    assert [line.split()[0] for line in summary.invalid] == ["2.jpg", "3.jpg", "4.jpg", "5.jpg"]
    assert [len(examples(path)) for path in summary.shards] == [1, 3, 1]
    assert convert(coco, out, skip_invalid=True).invalid == summary.invalid  # whole shards remember
    for number in (2, 3, 4):
        Picture.new("RGB", (40, 30)).save(coco.images / f"{number}.jpg")
    with pytest.raises(UserError, match=r"5\.jpg has 41x30"):  # and do not hide it from a run that wants every image
        convert(coco, out)


def test_two_conversions_into_one_folder(coco: Any, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is refused while the first one writes, and takes nothing from it; another prefix is another set."""
    seen = 0

    def in_the_middle(*arguments: Any) -> bytes:
        nonlocal seen
        seen += 1
        if seen == 2:
            with pytest.raises(UserError, match=r"Another conversion writes val-\* into .*out: wait until it is done"):
                convert(coco, out)
            write_records(coco.images, coco.annotations, out, "test", processes=1, progress=False)
        return serialized_example(*arguments)

    monkeypatch.setattr(records, "serialized_example", in_the_middle)
    assert convert(coco, out).written == 8
    assert sorted(path.name for path in out.glob("*-of-*")) == ["test-00000-of-00001", "val-00000-of-00001"]
    assert convert(coco, out).reused_shards == 1


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.usefixtures("four_a_shard")
def test_names_and_folders_of_any_bytes(make_coco: Any, tmp_path: Path, processes: int) -> None:
    coco = make_coco(5)
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/im\xe9ges"))
    try:
        coco.images.rename(folder)
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    names = [os.fsdecode(b"caf\xe9.jpg"), "café.jpg", "deep/er/3.jpg", "./4.jpg", "5 .jpg"]
    (folder / "deep" / "er").mkdir(parents=True)
    for number, (name, image) in enumerate(zip(names, coco.document["images"], strict=True), start=1):
        (folder / f"{number}.jpg").rename(folder / name)
        image["file_name"] = name
    coco.write()
    out = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9out"))
    summary = write_records(folder, coco.annotations, out, "val", processes=processes, progress=False)
    found = [example["image/filename"] for shard in summary.shards for example in examples(shard)]
    assert found == [[name.encode(errors="surrogateescape")] for name in names]


def test_an_exif_orientation_that_leaves_the_boxes_open_is_listed(make_coco: Any, out: Path) -> None:
    coco = make_coco(3)
    Picture.open(coco.images / "2.jpg").save(coco.images / "2.jpg", exif=exif(3))
    assert convert(coco, out).ambiguous == ("2.jpg",)
    assert convert(coco, out).ambiguous == ("2.jpg",)  # a shard that is kept remembers


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_greyscale_and_cmyk_bytes_are_untouched(coco: Any, out: Path, mode: str) -> None:
    Picture.open(coco.images / "1.jpg").convert(mode).save(coco.images / "1.jpg")
    (first, *_) = examples(*convert(coco, out).shards)
    assert first["image/encoded"] == [(coco.images / "1.jpg").read_bytes()]
    assert Picture.open(io.BytesIO(first["image/encoded"][0])).mode == mode
    assert first["image/channels"] == [3]


def test_a_full_disk(make_coco: Any, out: Path) -> None:
    coco = make_coco(20, size=(200, 200))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (100_000, limits[1])
    )  # the kernel refuses further bytes as a full disk does
    try:
        with pytest.raises(UserError, match=r"val-00000-of-00001 could not be written \(.*\): free some space"):
            convert(coco, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert hidden(out) == HIDDEN
    assert convert(coco, out).written == 20


def test_no_space_left_is_said_so(coco: Any, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> bytes:
        raise tf.errors.ResourceExhaustedError(None, None, "/somewhere; No space left on device")

    monkeypatch.setattr(records, "serialized_example", full)
    with pytest.raises(UserError, match="No space left on device") as caught:
        convert(coco, out)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC


def test_other_bad_input(coco: Any, out: Path) -> None:
    for options, words in (({"processes": 0}, "0 processes"),):
        with pytest.raises(UserError, match=words):
            convert(coco, out, **options)
    for prefix in ("", "a/b"):
        with pytest.raises(UserError, match="prefix"):
            write_records(coco.images, coco.annotations, out, prefix)
    with pytest.raises(UserError, match=r"8 of the 8 images .* are missing from .*nowhere"):
        write_records(coco.images / "nowhere", coco.annotations, out, "val", skip_invalid=True)
    blocked = coco.images / "1.jpg" / "out"
    with pytest.raises(UserError, match="cannot be written to"):
        convert(coco, blocked)
    coco.document["annotations"] = []
    coco.write()
    with pytest.raises(UserError, match=r"no image to convert \(10 images, 0 annotations\)"):
        convert(coco, out)
    assert not out.exists()
