"""Drawn scenes that stand in for COCO's images: textured, cluttered, and with a ground truth that is exact.

A scene is a function of its seed alone. `write_scenes` lays scenes out as COCO's val2017 is laid out: a folder of JPEG
files and an instances file.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from tqdm import tqdm

from ssd_core.coco.categories import CATEGORIES
from ssd_core.demo.draws import Draws, direction, pixel
from ssd_core.demo.sprites import KINDS, draw_sprite
from ssd_core.files import replacing

ANNOTATIONS_PATH = Path("annotations") / "instances_val2017.json"
IMAGES_PATH = Path("val2017")

_SIDES = (300, 640)
OBJECTS = (1, 6)
_SIZES = (0.07, 0.6)  # of an object, as a fraction of the image's geometric mean side
_LEAST_SEEN = 0.8  # the share of an object that later ones must leave uncovered
_MOST_ON_OTHERS = 0.3  # the share of an object that may lie on earlier ones
_PLACE_TRIES = 25
_JPEG_QUALITY = 92

_CATEGORY_IDS = {name: category_id for category_id, name in CATEGORIES}

Mask = NDArray[np.bool_]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class SceneObject:
    """One object of a scene, as far as it can be seen.

    `category_id` is COCO's; `box` is (x, y, width, height) in whole pixels, bounding `mask` tightly; `mask` is
    bool [image height, image width], true where the image shows this object.
    """

    category_id: int
    box: tuple[int, int, int, int]
    mask: Mask


@dataclass(frozen=True, eq=False)
class Placed:
    """A sprite (RGBA) and where its top left pixel goes."""

    name: str
    sprite: Pixels
    x: int
    y: int

    @property
    def covers(self) -> Mask:
        """Where the sprite is not transparent."""
        return self.sprite[..., 3] > 0

    @property
    def window(self) -> tuple[slice, slice]:
        """The rows and columns of the image that the sprite takes."""
        height, width = self.sprite.shape[:2]
        return slice(self.y, self.y + height), slice(self.x, self.x + width)


@dataclass(frozen=True, eq=False)
class Plan:
    """What a scene is made of: the background (RGB) and the sprites put on it, first to last."""

    background: Pixels
    placed: tuple[Placed, ...]


def draw_scene(seed: int, objects: tuple[int, int] = OBJECTS) -> tuple[Image.Image, list[SceneObject]]:
    """The scene of `seed`: an RGB image with sides of 300 to 640 pixels, and the objects in it.

    `objects` is the lowest and highest number of objects to place. Fewer appear where there is no room, but at
    least one.
    """
    plan = plan_scene(seed, objects)
    top = topmost(plan)
    shown = []
    for index, placed in enumerate(plan.placed):
        mask = top == index
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        left, upper = int(columns[0]), int(rows[0])
        box = (left, upper, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - upper)
        shown.append(SceneObject(_CATEGORY_IDS[placed.name], box, mask))
    return compose(plan), shown


def plan_scene(seed: int, objects: tuple[int, int] = OBJECTS) -> Plan:
    """Choose a background and place sprites on it, so that each stays visible for the most part."""
    draws = Draws(seed)
    height, width = (draws.integer(_SIDES[0], _SIDES[1] + 1) for _ in range(2))
    background = _clutter(_texture(height, width, draws), draws)
    names = list(KINDS)
    placed: list[Placed] = []
    for _ in range(draws.integer(objects[0], objects[1] + 1)):
        name = names[draws.integer(0, len(names))]
        size = draws.ratio(*_SIZES) * math.sqrt(height * width)
        sprite = draw_sprite(name, round(size), draws)[:height, :width]
        top = topmost(Plan(background, tuple(placed)))
        seen = np.bincount(top[top >= 0], minlength=len(placed))
        least_seen = [_LEAST_SEEN * np.count_nonzero(other.sprite[..., 3]) for other in placed]
        for _ in range(_PLACE_TRIES):
            x = draws.integer(0, width - sprite.shape[1] + 1)
            y = draws.integer(0, height - sprite.shape[0] + 1)
            candidate = Placed(name, sprite, x, y)
            below = top[candidate.window][candidate.covers]
            hidden = np.bincount(below[below >= 0], minlength=len(placed))
            if hidden.sum() <= _MOST_ON_OTHERS * len(below) and np.all(seen - hidden >= least_seen):
                placed.append(candidate)
                break
    return Plan(background, tuple(placed))


def compose(plan: Plan) -> Image.Image:
    """The image of a plan."""
    image = Image.fromarray(plan.background)
    for placed in plan.placed:
        sprite = Image.fromarray(placed.sprite)
        image.paste(sprite, (placed.x, placed.y), sprite)
    return image


def topmost(plan: Plan) -> NDArray[np.int16]:
    """[height, width]: which of the placed sprites each pixel shows, -1 for the background."""
    top = np.full(plan.background.shape[:2], -1, np.int16)
    for index, placed in enumerate(plan.placed):
        top[placed.window][placed.covers] = index
    return top


def write_scenes(folder: Path, count: int, first_seed: int, progress: bool = True) -> Path:
    """Draw the scenes of `count` consecutive seeds into `folder` as COCO lays out val2017; return the annotations file.

    Image ids count from 1. Raises UserError when the folder cannot be written to.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in tqdm(range(count), "scenes", unit=" images", disable=not progress, leave=False):
        image, objects = draw_scene(first_seed + index)
        image_id = index + 1
        name = f"{image_id:012d}.jpg"
        with replacing(folder / IMAGES_PATH / name) as path:
            image.save(path, "JPEG", quality=_JPEG_QUALITY)
        images.append({"id": image_id, "file_name": name, "width": image.width, "height": image.height, "license": 1})
        for seen in objects:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": seen.category_id,
                    "bbox": [float(number) for number in seen.box],
                    "area": float(np.count_nonzero(seen.mask)),
                    "iscrowd": 0,
                    "segmentation": [_outline(seen.mask)],
                }
            )
    document = {
        "info": {"description": f"Drawn scenes, seeds {first_seed} to {first_seed + count - 1}", "version": "1.0"},
        "licenses": [{"id": 1, "name": "Apache License 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for number, name in CATEGORIES],
    }
    with replacing(folder / ANNOTATIONS_PATH) as path:
        path.write_text(json.dumps(document))
    return folder / ANNOTATIONS_PATH


def _outline(mask: Mask) -> list[float]:
    """A polygon [x, y, x, y, ...] about a mask: down its right edge and up its left, a row at a time."""
    rows = np.flatnonzero(mask.any(1))
    left = mask[rows].argmax(1)
    right = mask.shape[1] - mask[rows, ::-1].argmax(1)
    down = [(x, y + end) for x, y in zip(right, rows, strict=True) for end in (0, 1)]
    up = [(x, y + end) for x, y in zip(left[::-1], rows[::-1], strict=True) for end in (1, 0)]
    return [float(number) for point in down + up for number in point]


def _texture(height: int, width: int, draws: Draws) -> Pixels:
    """A dull background: a gradient, smooth noise at two scales, often stripes, and grain. uint8 [height, width, 3]."""
    across, down = np.linspace(-1, 1, width)[None, :], np.linspace(-1, 1, height)[:, None]
    surface = draws.uniform(1, 6) * draws.bell(height, width)
    for cells, strength in ((4, 18.0), (24, 12.0)):
        coarse = (strength * draws.bell(cells, cells) + 128).clip(0, 255).astype(np.uint8)
        surface += np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)) - 128.0
    if draws.uniform() < 0.5:
        (cosine, sine), period = direction(draws.uniform(0, math.pi)), draws.uniform(8, 60)
        phase = cosine * np.arange(width)[None, :] + sine * np.arange(height)[:, None]
        surface += np.where(phase / period % 1 < 0.5, 1, -1) * draws.uniform(4, 16)
    level, channels = draws.uniform(50, 205), []
    for _ in range(3):
        tint, right, lower = draws.uniform(-28, 28), draws.uniform(-40, 40), draws.uniform(-40, 40)
        channels.append(surface + (level + tint + right * across + lower * down))
    return np.stack(channels, axis=-1).clip(0, 255).astype(np.uint8)


def _clutter(background: Pixels, draws: Draws) -> Pixels:
    """Strokes, shards and crosses that are no category."""
    image = Image.fromarray(background)
    draw = ImageDraw.Draw(image)
    width, height = image.size
    for _ in range(draws.integer(6, 22)):
        fill = tuple(draws.integer(20, 236) for _ in range(3))
        x, y = draws.uniform(0, width), draws.uniform(0, height)
        reach = draws.uniform(0.02, 0.16) * math.sqrt(width * height)
        thickness = draws.integer(1, 9)
        shape = draws.uniform()
        if shape < 0.5:
            steps = reach * draws.bell(draws.integer(2, 6), 2)
            knots = np.array([x, y]) + np.cumsum(steps, axis=0)
            draw.line([pixel(*knot) for knot in knots], fill, thickness, joint="curve")
        elif shape < 0.8:
            angles = sorted(draws.uniform(0, 2 * math.pi) for _ in range(draws.integer(3, 6)))
            spokes = [(*direction(angle), reach * draws.uniform(0.4, 1)) for angle in angles]
            draw.polygon([pixel(x + length * cosine, y + length * sine) for cosine, sine, length in spokes], fill)
        else:
            for across, down in ((reach, reach / 2), (-reach / 2, reach)):
                draw.line([pixel(x - across, y - down), pixel(x + across, y + down)], fill, thickness)
    return np.array(image)
