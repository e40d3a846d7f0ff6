"""One image as one record: which images are taken, and which way round they are seen."""

from pathlib import Path

import pytest
from PIL import Image as Picture

from ssd_core.coco.annotations import Image
from ssd_core.coco.example import InvalidImageError, is_ambiguous, serialized_example


def image_of(folder: Path, width: int, height: int, orientation: int | None) -> Image:
    """A stored image of this size, with an EXIF orientation."""
    exif = Picture.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    Picture.new("RGB", (width, height)).save(folder / "a.jpg", "JPEG", exif=exif)
    return Image(1, "a.jpg", height, width)


@pytest.mark.parametrize("orientation", [None, 0, *range(1, 10)])
def test_the_size_tells_which_way_round_boxes_are_unless_it_stays_the_same(
    tmp_path: Path, orientation: int | None
) -> None:
    mirrored_or_upside_down, on_its_side = orientation in (2, 3, 4), orientation in (5, 6, 7, 8)
    assert is_ambiguous(image_of(tmp_path, 40, 30, orientation), tmp_path) == mirrored_or_upside_down
    square = image_of(tmp_path, 30, 30, orientation)
    assert is_ambiguous(square, tmp_path) == (mirrored_or_upside_down or on_its_side)


def test_an_orientation_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    image = image_of(tmp_path, 40, 30, 3)
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content.replace(b"Exif\0\0MM\0*", b"Exif\0\0MM\0?"))
    assert (tmp_path / "a.jpg").read_bytes() != content
    assert not is_ambiguous(image, tmp_path)
    assert serialized_example(image, (), tmp_path)
    assert not is_ambiguous(Image(1, "absent.jpg", 30, 40), tmp_path)


@pytest.mark.parametrize(
    ("orientation", "said"),
    [
        (None, r"has 30x40 pixels, not the 40x30 of the annotations$"),
        (3, r"has 30x40 pixels, not the 40x30 of the annotations$"),
        (6, r"of the annotations \(these are of how its EXIF orientation turns it: store it turned\)$"),
    ],
)
def test_annotations_of_an_image_as_viewers_turn_it(tmp_path: Path, orientation: int | None, said: str) -> None:
    image_of(tmp_path, 30, 40, orientation)
    with pytest.raises(InvalidImageError, match=said):
        serialized_example(Image(1, "a.jpg", 30, 40), (), tmp_path)
