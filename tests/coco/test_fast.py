"""hotcoco finds the same matches as pycocotools, bit by bit, on random and on edge cases."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from ssd_core.coco.annotations import load
from ssd_core.coco.evaluate import evaluate
from ssd_core.coco.fast import fast_matches
from ssd_core.coco.matches import Matches
from ssd_core.coco.results import to_results
from tests.coco import test_average_precision
from tests.coco.test_average_precision import Picture, assert_same, data_of, noisy, picture_lists
from tests.coco.test_evaluate import noisy_detections


def fast(pictures: Sequence[Picture]) -> Matches:
    return fast_matches(*data_of(pictures), range(len(pictures)))


@given(picture_lists())
def test_small_sets_with_equal_scores_crowds_and_nothing(pictures: list[Picture]) -> None:
    assert_same(fast(pictures), test_average_precision.evaluated(pictures)[1])


@pytest.mark.parametrize("seed", range(20))
def test_random_sets(seed: int) -> None:
    pictures = noisy(seed)
    assert_same(fast(pictures), test_average_precision.evaluated(pictures)[1])


def test_more_than_a_hundred_detections_in_an_image() -> None:
    random = np.random.default_rng(3)
    pictures = [one for one in noisy(5, 4) if one.objects]
    many = []
    for picture in pictures:
        first = picture.objects[0]
        x, y, w, h = first.box
        moved = [
            test_average_precision.Detection(first.category_id, (x + dx, y, w, h), float(score))
            for dx, score in zip(random.normal(0, 5, 150), random.uniform(0, 1, 150).round(1), strict=True)
        ]
        many.append(Picture(picture.objects, tuple(moved)))
    assert_same(fast(many), test_average_precision.evaluated(many)[1])


def test_real_images(coco_mini: Any) -> None:
    instances = load(coco_mini.annotations)
    ids = [image.id for image in instances.images]
    detections, shapes = noisy_detections(instances, 4)
    results = to_results(detections, ids, shapes)
    assert_same(fast_matches(results, instances, ids), evaluate(results, instances, ids).matches)
    some = ids[:20]
    assert_same(fast_matches(results, instances, some), evaluate(results, instances, some).matches)


def test_no_detection_at_all() -> None:
    pictures = [Picture(one.objects) for one in noisy(1, 5)]
    assert_same(fast(pictures), test_average_precision.evaluated(pictures)[1])
