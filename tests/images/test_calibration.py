"""Calibration images: the first of a folder, in their order, no more than were asked for."""

from pathlib import Path

import numpy as np
import pytest

from ssd_core.images.calibration import calibration_images
from ssd_core.images.preprocess import preprocess


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"),
    [(5, 2, [2, 2, 1]), (4, 4, [4]), (3, 8, [3]), (1, 1, [1]), (20, 8, [8, 3])],
)
def test_the_first_images_come_in_order_and_no_more(
    shards: list[Path], jpeg_folder: Path, count: int, batch_size: int, sizes: list[int]
) -> None:
    batches = list(calibration_images(shards[0].parent, count, batch_size))
    assert [len(batch) for batch in batches] == sizes
    files = sorted(jpeg_folder.iterdir())[:count]
    np.testing.assert_array_equal(np.concatenate(batches), [preprocess(path.read_bytes()) for path in files])


def test_progress_is_shown_by_the_image(shards: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    list(calibration_images(shards[0].parent, 4, 2))
    assert "4/4" in capsys.readouterr().err
