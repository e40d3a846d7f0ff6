import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ssd_core.coco import average_precision as module
from ssd_core.coco.annotations import Annotation, Image, Instances
from ssd_core.coco.average_precision import average_precision, average_precisions, precisions_at_recalls
from ssd_core.coco.matches import Matches, matches_of
from ssd_core.coco.results import Results

CATEGORIES = (1, 2, 3)
SCORES = (0.2, 0.4, 0.6, 0.8)  # few, so that many are equal

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Object:
    category_id: int
    box: Box
    crowd: bool = False


@dataclass(frozen=True)
class Detection:
    category_id: int
    box: Box
    score: float


@dataclass(frozen=True)
class Picture:
    objects: tuple[Object, ...] = ()
    detections: tuple[Detection, ...] = ()


def coco_of(images: int, annotations: list[dict[str, Any]]) -> Any:
    coco = COCO()
    coco.dataset = {
        "images": [{"id": n} for n in range(images)],
        "categories": [{"id": n} for n in CATEGORIES],
        "annotations": [a | {"id": n, "area": a["bbox"][2] * a["bbox"][3]} for n, a in enumerate(annotations, 1)],
    }
    coco.createIndex()
    return coco


def documents(pictures: Sequence[Picture]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """COCO's annotations and detections."""
    truth = [
        {"image_id": n, "category_id": o.category_id, "bbox": list(o.box), "iscrowd": int(o.crowd)}
        for n, picture in enumerate(pictures)
        for o in picture.objects
    ]
    found = [
        {"image_id": n, "category_id": d.category_id, "bbox": list(d.box), "iscrowd": 0, "score": d.score}
        for n, picture in enumerate(pictures)
        for d in picture.detections
    ]
    return truth, found


def data_of(pictures: Sequence[Picture]) -> tuple[Results, Instances]:
    """The same as this package has it."""
    images = tuple(Image(n, f"{n}.jpg", 200, 300) for n in range(len(pictures)))
    objects = [(n, one) for n, picture in enumerate(pictures) for one in picture.objects]
    annotations = tuple(
        Annotation(number, n, one.category_id, one.box, one.box[2] * one.box[3], one.crowd)
        for number, (n, one) in enumerate(objects)
    )
    found: list[dict[str, Any]] = [
        {"image_id": n, "category_id": one.category_id, "bbox": list(one.box), "score": one.score}
        for n, picture in enumerate(pictures)
        for one in picture.detections
    ]
    instances = Instances(Path("none"), images, annotations, CATEGORIES)
    return Results.of(found), instances


def evaluation_of(truth: list[dict[str, Any]], found: list[dict[str, Any]], images: int) -> Any:
    """What pycocotools computes."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(coco_of(images, truth), coco_of(images, found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def evaluated(pictures: Sequence[Picture]) -> tuple[float, Matches]:
    """AP by pycocotools, and the matches that it found."""
    evaluation = evaluation_of(*documents(pictures), len(pictures))
    return float(evaluation.stats[0]), matches_of(evaluation)


def assert_same(one: Matches, other: Matches) -> None:
    assert one.same_images(other)
    for a, b in zip(one.categories, other.categories, strict=True):
        for field in ("image", "true", "ignored", "objects"):
            assert np.array_equal(getattr(a, field), getattr(b, field)), field


def copied(pictures: Sequence[Picture], weights: Sequence[int]) -> list[Picture]:
    """The data set in which each picture occurs so many times, its copies behind it."""
    return [picture for picture, weight in zip(pictures, weights, strict=True) for _ in range(weight)]


def ranked(pictures: Sequence[Picture]) -> list[Picture]:
    """The same with scores that all differ, and order detections as they were ordered."""
    scores = [d.score for picture in pictures for d in picture.detections]
    ranks = np.argsort(np.argsort([-score for score in scores], kind="stable"))
    upcoming = iter(1 - ranks / (len(scores) + 1))
    return [
        replace(p, detections=tuple(replace(d, score=float(next(upcoming))) for d in p.detections)) for p in pictures
    ]


@st.composite
def picture_lists(draw: st.DrawFn) -> list[Picture]:
    """A few pictures of boxes on a coarse grid: hits and misses at every threshold, crowds, equal scores, nothing."""
    boxes = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(4, 12), st.integers(4, 12))
    categories = st.sampled_from(CATEGORIES)
    objects = st.builds(Object, categories, boxes, st.sampled_from([False, False, False, True]))
    detections = st.builds(Detection, categories, boxes, st.sampled_from(SCORES))
    some = st.builds(Picture, st.lists(objects, max_size=4).map(tuple), st.lists(detections, max_size=6).map(tuple))
    return draw(st.lists(some, min_size=1, max_size=5))


def noisy(seed: int, images: int = 40) -> list[Picture]:
    """Pictures whose detections are their objects moved about, some missed, joined by false ones; crowds among them."""
    random = np.random.default_rng(seed)
    pictures = []
    for _ in range(images):
        objects, detections = [], []
        for _ in range(random.integers(0, 7)):
            category = int(random.choice(CATEGORIES, p=(0.7, 0.25, 0.05)))
            x, y, w, h = (float(v) for v in random.uniform(10, 100, 4))
            objects.append(Object(category, (x, y, w, h), bool(random.random() < 0.1)))
            for _ in range(random.integers(0, 3)):
                dx, dy = random.normal(0, 0.1, 2)
                score = float(np.clip(random.normal(0.6, 0.2), 0.05, 1))
                detections.append(Detection(category, (x + dx * w, y + dy * h, w, h), score))
        for _ in range(random.integers(0, 5)):
            box = tuple(float(v) for v in random.uniform(10, 100, 4))
            score = float(np.clip(random.normal(0.3, 0.2), 0.05, 1))
            detections.append(Detection(int(random.choice(CATEGORIES)), box, score))  # type: ignore[arg-type]
        pictures.append(Picture(tuple(objects), tuple(detections)))
    return pictures


def weighted(matches: Matches, weights: Sequence[int] | npt.NDArray[np.int64]) -> float:
    return average_precision(matches, np.array(weights, np.int64))


@given(picture_lists())
def test_without_weights_it_is_pycocotools_ap(pictures: list[Picture]) -> None:
    expected, matches = evaluated(pictures)
    assert average_precision(matches) == pytest.approx(expected, abs=1e-12)
    assert weighted(matches, [1] * len(pictures)) == average_precision(matches)


@given(picture_lists(), st.data())
def test_with_weights_it_is_pycocotools_ap_of_a_data_set_with_copies(
    pictures: list[Picture], data: st.DataObject
) -> None:
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(pictures), max_size=len(pictures)))
    expected, _ = evaluated(copied(ranked(pictures), weights))
    assert weighted(evaluated(pictures)[1], weights) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_so_it_is_of_more_images(seed: int) -> None:
    pictures = noisy(seed)
    expected, matches = evaluated(pictures)
    assert 0.1 < expected < 0.9
    assert average_precision(matches) == pytest.approx(expected, abs=1e-12)
    weights = np.random.default_rng(seed).multinomial(len(pictures), [1 / len(pictures)] * len(pictures))
    expected, _ = evaluated(copied(pictures, weights.tolist()))
    assert weighted(matches, weights) == pytest.approx(expected, abs=1e-12)


BOX, ELSEWHERE = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 10.0, 10.0)
HIT, MISS = Detection(1, BOX, 0.5), Detection(1, ELSEWHERE, 0.5)
SEEN = Picture((Object(1, BOX),), (HIT,))
UNSEEN = Picture((Object(1, BOX),))
EMPTY = Picture()


@pytest.mark.parametrize(
    ("pictures", "weights", "expected"),
    [
        ([SEEN, UNSEEN], [1, 1], 51 / 101),  # recalls 0 to 0.5
        ([SEEN, UNSEEN], [3, 1], 76 / 101),
        ([SEEN, UNSEEN], [0, 1], 0),
        ([SEEN, EMPTY], [0, 1], -1),  # no object
        ([EMPTY, EMPTY], [1, 1], -1),
        ([Picture(detections=(MISS,)), SEEN], [1, 1], 0.5),  # equal scores: the first image's is first
        ([SEEN, Picture(detections=(MISS,))], [1, 1], 1),
        ([SEEN, Picture(detections=(MISS,))], [2, 5], 1),
        ([SEEN, Picture((Object(2, BOX),))], [1, 1], 0.5),  # a category that is never detected
        ([SEEN, Picture((Object(2, BOX),))], [1, 0], 1),  # the category is gone
        ([SEEN, Picture((Object(2, BOX, crowd=True),), (Detection(2, BOX, 0.9),))], [1, 2], 1),  # nothing but a crowd
        ([Picture((Object(1, BOX), Object(1, ELSEWHERE, crowd=True)), (replace(MISS, score=0.9), HIT))], [1], 1),
    ],
)
def test_cases_counted_by_hand(pictures: list[Picture], weights: list[int], expected: float) -> None:
    _, matches = evaluated(pictures)
    assert weighted(matches, weights) == pytest.approx(expected, abs=1e-12)
    assert evaluated(copied(pictures, weights))[0] == pytest.approx(expected, abs=1e-12)


def test_a_detections_copies_stay_together() -> None:
    """Where pycocotools would put hit, miss, hit, miss, which is another AP than that of the image alone."""
    picture = Picture((Object(1, BOX), Object(1, (20.0, 20.0, 10.0, 10.0))), (HIT, MISS))
    expected, matches = evaluated([picture])
    assert weighted(matches, [2]) == pytest.approx(expected, abs=1e-12)
    assert evaluated([picture, picture])[0] != pytest.approx(expected, abs=1e-3)


@given(picture_lists(), st.integers(2, 5))
def test_every_image_twice_is_the_same_ap(pictures: list[Picture], times: int) -> None:
    _, matches = evaluated(pictures)
    assert weighted(matches, [times] * len(pictures)) == pytest.approx(average_precision(matches), abs=1e-12)


def test_many_weights_at_once_are_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    _, matches = evaluated(noisy(9))
    weights = np.random.default_rng(9).integers(0, 4, (23, 40))
    weights[3] = 0
    alone = [weighted(matches, row) for row in weights]
    assert alone[3] == -1
    for elements in (1, 5000, 1 << 20):  # one at a time, some, all
        monkeypatch.setattr(module, "_ELEMENTS", elements)
        together = average_precisions(matches, weights.astype(np.float64))
        np.testing.assert_allclose(np.nan_to_num(together, nan=-1), alone, atol=1e-12)


@pytest.mark.parametrize("weights", [[1], [1, 1, 1], [1, -1], [0.5, 0.5]])
def test_weights_that_are_no_counts_of_the_images_are_refused(weights: list[float]) -> None:
    _, matches = evaluated([SEEN, UNSEEN])
    with pytest.raises(ValueError, match="2 whole numbers, 0 or more"):
        average_precision(matches, np.array(weights))


@given(picture_lists())
def test_precisions_at_recalls_are_those_of_pycocotools(pictures: list[Picture]) -> None:
    _, matches = evaluated(pictures)
    truth, found = documents(pictures)
    evaluation = evaluation_of(truth, found, len(pictures))
    places = {int(category_id): place for place, category_id in enumerate(evaluation.params.catIds)}
    for category in matches.categories:
        expected = evaluation.eval["precision"][:, :, places[category.category_id], 0, 2]
        assert np.allclose(precisions_at_recalls(category), expected, rtol=0, atol=1e-12)
