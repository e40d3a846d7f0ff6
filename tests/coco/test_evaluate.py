import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ssd_core.coco import evaluate as module
from ssd_core.coco.annotations import Instances, load
from ssd_core.coco.categories import LABEL_OF_ID
from ssd_core.coco.evaluate import evaluate, ids_of_files
from ssd_core.coco.matches import matches_of
from ssd_core.coco.results import Results, to_results, write_results
from ssd_core.errors import UserError
from tests.coco.test_average_precision import Picture, assert_same, data_of, documents, evaluation_of, picture_lists

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Found:
    """Detections of one image."""

    classes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32]


def found(*rows: tuple[int, float, Box]) -> Found:
    """Rows of label, score and (ymin, xmin, ymax, xmax)."""
    return Found(
        np.array([label for label, _, _ in rows], np.int64),
        np.array([score for _, score, _ in rows], np.float32),
        np.array([box for _, _, box in rows], np.float32).reshape(-1, 4),
    )


def noisy_detections(instances: Instances, seed: int, least_seen: float = 0.3) -> tuple[list[Found], list[Any]]:
    """A detector that is right more often than not: the images' boxes moved about, missed, and joined by false ones."""
    random = np.random.default_rng(seed)
    detections = []
    for image in instances.images:
        rows: list[tuple[int, float, Box]] = []
        for annotation in instances.of_image.get(image.id, ()):
            if random.random() < least_seen:
                continue
            x, y, w, h = annotation.box
            dx, dy = random.normal(0, 0.08, 2)
            corners = np.array([(y + dy * h) / image.height, (x + dx * w) / image.width])
            size = np.array([h / image.height, w / image.width])
            rows.append((LABEL_OF_ID[annotation.category_id], float(random.random()), (*corners, *(corners + size))))
        for _ in range(3):
            y0, x0 = random.uniform(0, 0.6, 2)
            rows.append((int(random.integers(1, 81)), float(random.random()), (y0, x0, y0 + 0.3, x0 + 0.3)))
        detections.append(found(*rows))
    return detections, [(image.height, image.width) for image in instances.images]


def pycocotools_lines(
    annotations: Path, results: Path, image_ids: Sequence[int] | None = None
) -> tuple[list[str], npt.NDArray[np.float64]]:
    """What pycocotools itself reads, computes and prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        truth = COCO(str(annotations))
        evaluation = COCOeval(truth, truth.loadRes(str(results)), "bbox")
        if image_ids is not None:
            evaluation.params.imgIds = list(image_ids)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return printed.getvalue().splitlines()[-12:], evaluation.stats


@pytest.mark.parametrize("upstream_rounding", [False, True])
@pytest.mark.parametrize("which", ["coco", "coco_mini"])
def test_the_twelve_numbers_and_lines_are_those_of_pycocotools(
    request: pytest.FixtureRequest, tmp_path: Path, which: str, upstream_rounding: bool
) -> None:
    instances = load(request.getfixturevalue(which).annotations)
    ids = [image.id for image in instances.images]
    results = to_results(*noisy_detections(instances, 0)[:1], ids, noisy_detections(instances, 0)[1], upstream_rounding)
    write_results(results, tmp_path / "results.json")
    lines, stats = pycocotools_lines(instances.path, tmp_path / "results.json")
    accuracy = evaluate(results, instances, ids)
    assert accuracy.lines() == lines
    assert list(accuracy.numbers().values()) == list(stats)
    assert 0.05 < accuracy.AP < accuracy.AP50 < 1
    assert (accuracy.images, accuracy.images_in_file) == (len(ids), len(ids))


@given(picture_lists())
def test_categories_one_by_one_give_the_digits_of_all_at_once(pictures: list[Picture]) -> None:
    expected = evaluation_of(*documents(pictures), len(pictures))
    assume(expected.stats[0] != module.NO_TRUTH)
    accuracy = evaluate(*data_of(pictures), range(len(pictures)))
    assert list(accuracy.numbers().values()) == list(expected.stats)
    assert_same(accuracy.matches, matches_of(expected))


def test_each_category_is_told_when_it_is_evaluated(coco: Any) -> None:
    instances, told = load(coco.annotations), []
    evaluate(Results.of([]), instances, [101], lambda: told.append(1))
    assert len(told) == len(instances.category_ids)


def test_only_images_that_were_seen_count(coco: Any, tmp_path: Path) -> None:
    instances = load(coco.annotations)
    detections, shapes = noisy_detections(instances, 1, least_seen=0)
    seen = [image.id for image in instances.images[:4]]
    results = to_results(detections[:4], seen, shapes[:4])
    write_results(results, tmp_path / "results.json")
    accuracy = evaluate(results, instances, seen)
    assert accuracy.lines() == pycocotools_lines(coco.annotations, tmp_path / "results.json", seen)[0]
    everywhere = evaluate(results, instances, [image.id for image in instances.images])
    assert accuracy.AR_100 > everywhere.AR_100
    assert (accuracy.images, accuracy.images_in_file, accuracy.protocol) == (4, 8, module.ANNOTATED_ONLY)
    assert (everywhere.images, everywhere.images_in_file, everywhere.protocol) == (10, 10, module.ALL_IMAGES)


def test_perfect_detections_score_one(coco: Any) -> None:
    for annotation in coco.document["annotations"]:
        annotation["iscrowd"] = 0
    coco.write()
    instances = load(coco.annotations)
    results = [
        {"image_id": a.image_id, "category_id": a.category_id, "bbox": list(a.box), "score": 0.9}
        for a in instances.annotations
    ]
    accuracy = evaluate(Results.of(results), instances, sorted(instances.of_image))
    np.testing.assert_allclose((accuracy.AP, accuracy.AR_100), 1)
    assert accuracy.AP_large == -1  # no object is that large


def test_a_file_without_objects_has_no_ap(coco: Any) -> None:
    coco.document["annotations"] = []
    for lists_categories in (True, False):
        if not lists_categories:
            coco.document["categories"] = []
        coco.write()
        with pytest.raises(UserError, match="has no object in the 1 images that were evaluated, so AP is not defined"):
            evaluate(Results.of([]), load(coco.annotations), [101])


def test_no_detections_give_zeros(coco: Any) -> None:
    instances = load(coco.annotations)
    accuracy = evaluate(to_results([found()] * 8, range(101, 109), [(30, 40)] * 8), instances, range(101, 109))
    assert (accuracy.AP, accuracy.AP50, accuracy.AP_small, accuracy.AR_1, accuracy.AR_100) == (0, 0, 0, 0, 0)
    assert accuracy.AP_large == -1
    assert accuracy.lines()[0] == (" Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.000")


def test_an_annotation_with_id_0_counts_like_any_other(coco: Any) -> None:
    instances = load(coco.annotations)
    first = replace(instances.annotations[0], id=0)
    instances = replace(instances, annotations=(first, *instances.annotations[1:]))
    results = [{"image_id": 101, "category_id": first.category_id, "bbox": list(first.box), "score": 1.0}]
    accuracy = evaluate(Results.of(results), instances, [101])
    np.testing.assert_allclose((accuracy.AP, accuracy.AR_100), 0.5)  # one of the image's two objects, of two categories


def test_unknown_images_are_refused_by_name(coco: Any) -> None:
    instances = load(coco.annotations)
    assert ids_of_files(instances, ["3.jpg", "1.jpg"]) == [103, 101]
    with pytest.raises(UserError, match=r"instances.json does not know the image 000000000139.jpg"):
        ids_of_files(instances, ["3.jpg", "000000000139.jpg"])
    with pytest.raises(UserError, match="does not know the image with id 139"):
        evaluate(Results.of([]), instances, [101, 139])
    with pytest.raises(UserError, match="No image was evaluated"):
        evaluate(Results.of([]), instances, [])
