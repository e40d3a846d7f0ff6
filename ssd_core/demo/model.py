"""The demo model: the whole network with 81 classes, its weights made from seeds and scenes. Nothing is downloaded."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

from ssd_core.coco.categories import CATEGORIES, LABEL_OF_ID
from ssd_core.demo.backbone import backbone_weights, targets_of
from ssd_core.demo.heads import Head, train_head
from ssd_core.demo.scenes import SceneObject, draw_scene
from ssd_core.demo.sprites import KINDS
from ssd_core.images.preprocess import network_input
from ssd_core.network.anchors import encode
from ssd_core.network.build import feature_maps
from ssd_core.network.layers import FEATURE_MAPS, NUM_CLASSES, FeatureMap, Weights, bias_name, heads, kernel_name

Floats = npt.NDArray[np.float32]

SEED = 20
GUIDE_SCENES = 40
TRAINING_SCENES = 240
_FIRST_GUIDE_SEED = 500_000
_FIRST_TRAINING_SEED = 0
_CROWDED = (
    8,
    14,
)  # objects in a training scene: more than in a test scene, so that fewer scenes are needed
_BATCH = 8
_CALIBRATION_BATCH = 4
_UNSEEN_BIAS = -8.0  # logit of a category that no scene shows
_NAMES = list(KINDS)
_ID_OF_NAME = {name: number for number, name in CATEGORIES}
_LABELS = np.array([0, *(LABEL_OF_ID[_ID_OF_NAME[name]] for name in _NAMES)])
"""The label in 0..80 of each learnt class, background first."""


def make_weights(guide_scenes: int = GUIDE_SCENES, training_scenes: int = TRAINING_SCENES) -> dict[str, Floats]:
    """The weights by variable name, with progress bars; about two minutes on two cores."""
    images, objects = _scenes(_FIRST_GUIDE_SEED, guide_scenes, "guide scenes")
    targets = np.stack([_targets(image, scene_objects) for image, scene_objects in zip(images, objects, strict=True)])
    prepared = _prepared(images)
    weights: dict[str, Floats] = dict(
        backbone_weights(prepared, targets, SEED, lambda layers: tqdm(layers, "backbone", unit="layer"))
    )
    images, objects = _scenes(_FIRST_TRAINING_SEED, training_scenes, "training scenes")
    maps = _features(_prepared(images), weights)
    coded = [_encoded(image, scene_objects) for image, scene_objects in zip(images, objects, strict=True)]
    labels, locations = np.stack([c[0] for c in coded]), np.stack([c[1] for c in coded])
    start = 0
    for index, feature_map in enumerate(tqdm(FEATURE_MAPS, "heads", unit="map")):
        end = start + feature_map.size**2 * feature_map.boxes_per_cell
        seen = labels[:, start:end], locations[:, start:end]
        head = train_head(maps[index], *seen, feature_map, len(_LABELS), SEED + index)
        weights |= _of_all_classes(head, index, feature_map)
        start = end
    return weights


def calibration_images(first_seed: int, count: int) -> Iterator[Floats]:
    """Batches of prepared scenes for calibration, drawn like the test scenes but with other seeds."""
    for start in tqdm(range(first_seed, first_seed + count, _CALIBRATION_BATCH), "calibration", unit="batch"):
        seeds = range(start, min(start + _CALIBRATION_BATCH, first_seed + count))
        yield _prepared([np.asarray(draw_scene(seed)[0]) for seed in seeds])


def _scenes(first_seed: int, count: int, title: str) -> tuple[list[npt.NDArray[np.uint8]], list[list[SceneObject]]]:
    images, objects = [], []
    for seed in tqdm(range(first_seed, first_seed + count), title, unit="scene"):
        image, scene_objects = draw_scene(seed, _CROWDED)
        images.append(np.asarray(image))
        objects.append(scene_objects)
    return images, objects


def _prepared(images: Sequence[npt.NDArray[np.uint8]]) -> Floats:
    return np.stack([network_input(tf.constant(image)).numpy() for image in images])


def _targets(image: npt.NDArray[np.uint8], objects: Sequence[SceneObject]) -> Floats:
    kinds = {_ID_OF_NAME[name]: place for place, name in enumerate(_NAMES)}
    height, width = image.shape[:2]
    return targets_of((width, height), [(kinds[o.category_id], o.box, o.mask) for o in objects])


def _encoded(image: npt.NDArray[np.uint8], objects: Sequence[SceneObject]) -> tuple[npt.NDArray[np.int64], Floats]:
    """The ground truth on the default boxes: labels among the learnt classes [8732], and locations [8732, 4]."""
    height, width = image.shape[:2]
    boxes = np.array(
        [[y / height, x / width, (y + h) / height, (x + w) / width] for x, y, w, h in (o.box for o in objects)],
        np.float32,
    )
    kinds = {_ID_OF_NAME[name]: place for place, name in enumerate(_NAMES, start=1)}
    locations, labels, _ = encode(boxes, np.array([kinds[o.category_id] for o in objects], np.int64))
    return labels, locations


def _features(images: Floats, weights: Weights) -> list[npt.NDArray[np.float16]]:
    """The six maps of all images, as float16."""
    constants = {name: tf.constant(value) for name, value in weights.items()}
    run: Callable[[Floats], list[tf.Tensor]] = tf.function(
        lambda batch: feature_maps(batch, constants)
    ).get_concrete_function(tf.TensorSpec([None, *images.shape[1:]], tf.float32))
    parts: list[list[npt.NDArray[np.float16]]] = []
    for start in tqdm(range(0, len(images), _BATCH), "features", unit="batch"):
        parts.append([m.numpy().astype(np.float16) for m in run(tf.constant(images[start : start + _BATCH]))])
    return [np.concatenate(maps) for maps in zip(*parts, strict=True)]


def _of_all_classes(head: Head, index: int, feature_map: FeatureMap) -> dict[str, Floats]:
    """A head's variables, with the classes that no scene shows filled in."""
    location, classes = (layer.name for layer in heads()[index])
    boxes, learnt = feature_map.boxes_per_cell, len(_LABELS)
    kernel = np.zeros((*head.class_kernel.shape[:3], boxes, NUM_CLASSES), np.float32)
    kernel[..., _LABELS] = head.class_kernel.reshape(*head.class_kernel.shape[:3], boxes, learnt)
    bias = np.full((boxes, NUM_CLASSES), _UNSEEN_BIAS, np.float32)
    bias[:, _LABELS] = head.class_bias.reshape(boxes, learnt)
    return {
        kernel_name(location): head.location_kernel,
        bias_name(location): head.location_bias,
        kernel_name(classes): kernel.reshape(*kernel.shape[:3], -1),
        bias_name(classes): bias.ravel(),
    }
