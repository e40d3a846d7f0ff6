from typing import Any

import numpy as np
import pytest

from ssd_core.coco.annotations import Instances, load
from ssd_core.coco.average_precision import average_precision
from ssd_core.coco.evaluate import evaluate
from ssd_core.coco.matches import Matches
from ssd_core.coco.results import Results


def matches_of(instances: Instances, image_ids: list[int], rows: list[tuple[int, int, list[float], float]]) -> Matches:
    """Rows of image, category, box and score."""
    results = [dict(zip(("image_id", "category_id", "bbox", "score"), row, strict=True)) for row in rows]
    return evaluate(Results.of(results), instances, image_ids).matches


def test_detections_are_in_order_of_score_with_what_they_hit(coco: Any) -> None:
    for annotation in coco.document["annotations"]:
        annotation["bbox"], annotation["area"], annotation["category_id"] = [2.0, 3.0, 10.0, 10.0], 100.0, 13
        annotation["iscrowd"] = int(annotation["image_id"] == 102)
    coco.write()
    at, near, elsewhere = [2.0, 3.0, 10.0, 10.0], [2.0, 3.0, 10.0, 7.0], [25.0, 15.0, 10.0, 10.0]  # IoU 1, 0.7, 0
    instances = load(coco.annotations)
    rows = [
        (104, 13, near, 0.5),
        (102, 13, at, 0.9),  # hits the crowd
        (104, 13, elsewhere, 0.8),
        (101, 13, at, 0.5),
        (101, 1, at, 1.0),  # of a category without objects
    ]
    matches = matches_of(instances, [104, 101, 102], rows)
    assert matches.image_ids.tolist() == [101, 102, 104]
    (category,) = matches.categories
    assert category.category_id == 13
    assert category.objects.tolist() == [2, 0, 1]
    assert category.image.tolist() == [1, 2, 0, 2]
    assert category.ignored.tolist() == [[True, False, False, False]] * 10
    assert category.true.tolist() == [[False, False, True, n < 5] for n in range(10)]  # 0.5 to 0.7, then to 0.95


@pytest.mark.parametrize("which", ["coco", "coco_mini"])
def test_average_precision_of_a_runs_matches_is_its_ap(request: pytest.FixtureRequest, which: str) -> None:
    instances = load(request.getfixturevalue(which).annotations)
    random = np.random.default_rng(0)
    results = [
        {
            "image_id": a.image_id,
            "category_id": a.category_id,
            "bbox": (np.array(a.box) * random.uniform(0.9, 1.1, 4)).tolist(),
            "score": float(random.random().__round__(2)),
        }
        for a in instances.annotations
        if random.random() < 0.7
    ]
    accuracy = evaluate(Results.of(results), instances, [image.id for image in instances.images])
    assert 0.1 < accuracy.AP < 0.9
    assert average_precision(accuracy.matches) == pytest.approx(accuracy.AP, abs=1e-12)
    nothing = evaluate(Results.of([]), instances, [image.id for image in instances.images])
    assert average_precision(nothing.matches) == 0


def test_same_images_are_those_with_the_same_ids_and_objects(coco: Any) -> None:
    instances = load(coco.annotations)
    box = [0.0, 0.0, 5.0, 5.0]
    matches = matches_of(instances, [101, 102, 103], [(101, 1, box, 0.5)])
    assert matches.same_images(matches_of(instances, [103, 102, 101], [(102, 13, box, 0.5), (103, 1, box, 0.1)]))
    assert not matches.same_images(matches_of(instances, [101, 102], []))
    assert not matches.same_images(matches_of(instances, [101, 102, 104], []))
    coco.document["annotations"].append(coco.document["annotations"][0] | {"id": 999})
    coco.write()
    assert not matches.same_images(matches_of(load(coco.annotations), [101, 102, 103], []))
