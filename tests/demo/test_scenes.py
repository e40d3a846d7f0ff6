"""Drawn scenes: a function of their seeds, with a ground truth that fits the pixels, laid out as COCO's are."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as masks
from pycocotools.coco import COCO

from ssd_core.coco.annotations import load
from ssd_core.coco.categories import NAME_OF_ID
from ssd_core.demo import scenes
from ssd_core.demo.scenes import Plan, SceneObject, compose, draw_scene, plan_scene, topmost, write_scenes
from ssd_core.errors import UserError
from tests.examples import examples

SEEDS = st.integers(0, 2**32 - 1)
FIRST_SEED, COUNT = 77, 5

Scene = tuple[Image.Image, list[SceneObject]]


@pytest.fixture(scope="module")
def sixty() -> list[Scene]:
    return [draw_scene(seed) for seed in range(60)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of five scenes."""
    folder = tmp_path_factory.mktemp("scenes")
    assert write_scenes(folder, COUNT, FIRST_SEED, progress=False) == folder / "annotations" / "instances_val2017.json"
    return folder


@given(SEEDS)
@examples(8)
def test_a_scene_is_a_function_of_its_seed(seed: int) -> None:
    (image, objects), (again, same) = draw_scene(seed), draw_scene(seed)
    assert image.size == again.size
    assert image.tobytes() == again.tobytes()
    assert [(o.category_id, o.box) for o in objects] == [(o.category_id, o.box) for o in same]
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(objects, same, strict=True))


def test_other_seeds_give_other_scenes(sixty: list[Scene]) -> None:
    assert len({image.tobytes() for image, _ in sixty}) == 60


@given(SEEDS)
@examples(15)
def test_objects_are_boxed_tightly_inside_the_image_and_share_no_pixel(seed: int) -> None:
    image, objects = draw_scene(seed)
    assert image.mode == "RGB"
    assert all(300 <= side <= 640 for side in image.size)
    assert 1 <= len(objects) <= 6
    for seen in objects:
        rows, columns = np.nonzero(seen.mask)
        assert seen.mask.shape == (image.height, image.width)
        assert list(seen.box) == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert seen.category_id in NAME_OF_ID
    assert np.sum([seen.mask for seen in objects], axis=0).max() == 1


def test_sixty_scenes_show_many_categories_and_every_number_of_objects(sixty: list[Scene]) -> None:
    assert len({seen.category_id for _, objects in sixty for seen in objects}) >= 10
    assert {len(objects) for _, objects in sixty} == {1, 2, 3, 4, 5, 6}
    areas = [np.count_nonzero(seen.mask) for _, objects in sixty for seen in objects]
    # COCO's three sizes, each with objects enough to give an AP.
    for low, high in ((0, 32**2), (32**2, 96**2), (96**2, 640**2)):
        assert sum(low <= area < high for area in areas) >= 10


def test_more_objects_can_be_asked_for() -> None:
    counts = [len(draw_scene(seed, (8, 14))[1]) for seed in range(8)]
    assert max(counts) <= 14
    assert np.mean(counts) > 6


@given(SEEDS)
@examples(10)
def test_the_image_shows_an_object_where_its_mask_says_and_nowhere_else(seed: int) -> None:
    plan = plan_scene(seed)
    shown = np.asarray(compose(plan))
    top = topmost(plan)
    for index, placed in enumerate(plan.placed):
        other = placed.sprite.copy()
        other[..., :3] += 128  # half of all levels away, so that a pixel that lets half of it through has changed
        placed_again = (*plan.placed[:index], replace(placed, sprite=other), *plan.placed[index + 1 :])
        changed = (np.asarray(compose(Plan(plan.background, placed_again))) != shown).any(-1)
        footprint = np.zeros_like(changed)
        footprint[placed.window] = placed.covers
        assert not (changed & ~footprint).any()
        mask = top == index
        assert changed[mask].all()
        assert mask.sum() >= 0.8 * footprint.sum()


def test_every_object_of_a_scene_is_one_of_its_plan() -> None:
    for seed in range(5):
        plan, (image, objects) = plan_scene(seed), draw_scene(seed)
        assert [NAME_OF_ID[seen.category_id] for seen in objects] == [placed.name for placed in plan.placed]
        assert image.tobytes() == compose(plan).tobytes()


def test_files_are_named_and_numbered_as_cocos_and_hold_what_was_drawn(written: Path) -> None:
    document = json.loads((written / scenes.ANNOTATIONS_PATH).read_text())
    files = sorted(path.name for path in (written / scenes.IMAGES_PATH).iterdir())
    assert files == [f"{number:012d}.jpg" for number in range(1, COUNT + 1)]
    assert [entry["file_name"] for entry in document["images"]] == files
    assert [entry["id"] for entry in document["images"]] == list(range(1, COUNT + 1))
    for seed, entry in enumerate(document["images"], FIRST_SEED):
        drawn, objects = draw_scene(seed)
        with Image.open(written / scenes.IMAGES_PATH / entry["file_name"]) as stored:
            assert (stored.format, stored.size) == ("JPEG", drawn.size)
            assert (entry["width"], entry["height"]) == drawn.size
            assert np.abs(np.asarray(stored).astype(int) - np.asarray(drawn)).mean() < 6
        found = [a for a in document["annotations"] if a["image_id"] == entry["id"]]
        assert [a["category_id"] for a in found] == [o.category_id for o in objects]
        assert [tuple(a["bbox"]) for a in found] == [o.box for o in objects]
        assert [a["area"] for a in found] == [np.count_nonzero(o.mask) for o in objects]


def test_both_readers_of_instances_take_the_file(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    instances = load(written / scenes.ANNOTATIONS_PATH)
    coco = COCO(str(written / scenes.ANNOTATIONS_PATH))
    capsys.readouterr()
    assert sorted(coco.getImgIds()) == [image.id for image in instances.images]
    assert sorted(coco.getAnnIds()) == [annotation.id for annotation in instances.annotations]
    assert {c["id"]: c["name"] for c in coco.loadCats(coco.getCatIds())} == NAME_OF_ID
    assert len(instances.annotations) >= COUNT


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # of pycocotools, under numpy 2
def test_polygons_lie_inside_the_image_and_enclose_what_is_seen(written: Path) -> None:
    document = json.loads((written / scenes.ANNOTATIONS_PATH).read_text())
    for entry in document["images"]:
        _, objects = draw_scene(FIRST_SEED + entry["id"] - 1)
        found = [a for a in document["annotations"] if a["image_id"] == entry["id"]]
        for annotation, seen in zip(found, objects, strict=True):
            (polygon,) = annotation["segmentation"]
            points = np.reshape(polygon, (-1, 2))
            assert (points >= 0).all()
            assert (points <= (entry["width"], entry["height"])).all()
            x, y, width, height = annotation["bbox"]
            assert points.min(0).tolist() == [x, y]
            assert points.max(0).tolist() == [x + width, y + height]
            rows = np.flatnonzero(seen.mask.any(1))
            if len(rows) == np.ptp(rows) + 1:  # of one piece, so that it encloses each row's pixels, first to last
                widths = [np.ptp(np.flatnonzero(seen.mask[row])) + 1 for row in rows]
                assert _area(points) == sum(widths)
            filled = _filled(polygon, seen.mask.shape)
            assert (filled & seen.mask).sum() >= 0.97 * seen.mask.sum()


def _area(points: npt.NDArray[np.float64]) -> float:
    """Of a polygon: the shoelace formula."""
    (x, y), (next_x, next_y) = points.T, np.roll(points, -1, axis=0).T
    return float(abs(np.sum(x * next_y - next_x * y)) / 2)


def _filled(polygon: list[float], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    encoded: Any = masks.frPyObjects([polygon], *shape)
    return np.asarray(masks.decode(encoded)[..., 0], bool)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written to"):
        write_scenes(tmp_path / "file", 1, 0, progress=False)
