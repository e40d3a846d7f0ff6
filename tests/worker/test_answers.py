"""A batch's rows are cut into its images again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.worker.answers import split_images


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_each_image_has_its_own_rows_in_order(counts: list[int]) -> None:
    total = sum(counts)
    rows = np.arange(total)
    names = [f"{number}.jpg" for number in range(len(counts))]
    shapes = np.array([(number + 1, 2 * number + 1) for number in range(len(counts))], np.int64)
    scores, boxes = rows.astype(np.float32), np.tile(rows[:, None], (1, 4)).astype(np.float32)
    images = list(split_images(names, shapes, np.array(counts, np.int64), rows + 1, scores, boxes))
    assert [image.filename for image in images] == names
    assert [(image.height, image.width) for image in images] == [tuple(shape) for shape in shapes.tolist()]
    assert [len(image.detections.scores) for image in images] == counts
    for place, (image, count) in enumerate(zip(images, counts, strict=True)):
        expected = np.arange(sum(counts[:place]), sum(counts[:place]) + count)
        np.testing.assert_array_equal(image.detections.classes, expected + 1)
        np.testing.assert_array_equal(image.detections.scores, expected)
        np.testing.assert_array_equal(image.detections.boxes, np.tile(expected[:, None], (1, 4)))


def test_names_and_counts_have_to_match() -> None:
    empty = np.zeros(0, np.float32)
    with pytest.raises(ValueError, match="zip"):
        list(split_images(["a.jpg", "b.jpg"], np.ones((2, 2), np.int64), np.array([0]), empty, empty, empty))  # type: ignore[arg-type]
