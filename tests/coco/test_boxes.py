"""Boxes become those that detections are compared by."""

import numpy as np

from ssd_core.coco.annotations import Annotation
from ssd_core.coco.boxes import NOTHING, of_truth


def test_an_image_without_detections_has_empty_arrays() -> None:
    assert NOTHING.boxes.shape == (0, 4)
    assert NOTHING.classes.shape == NOTHING.scores.shape == (0,)


def test_crowds_are_no_objects() -> None:
    objects = [Annotation(n, 1, 90, (1.5, 2.0, 10.0, 20.0), 4.0, is_crowd=n == 1) for n in range(3)]
    assert of_truth(objects).scores.tolist() == [1.0, 1.0]
    assert of_truth(objects).classes.tolist() == [80, 80]
    assert of_truth(objects).boxes.tolist() == [[2.0, 1.5, 22.0, 11.5]] * 2  # ymin, xmin, ymax, xmax
    assert np.array_equal(of_truth([]).boxes, NOTHING.boxes)
