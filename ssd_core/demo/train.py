"""Training of the demo model on drawn scenes: it gives what ships. Maintainers run it, users never do."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

from ssd_core.demo.backbone import targets_of, train_backbone
from ssd_core.demo.heads import train_head
from ssd_core.demo.inputs import CALIBRATION_SCENES, calibration_images, prepared
from ssd_core.demo.learnt import Layer, Learnt
from ssd_core.demo.scenes import SceneObject, draw_scene
from ssd_core.demo.sprites import KINDS
from ssd_core.demo.weights import ID_OF_NAME, LABELS, NORMALIZED_SCALE, backbone_weights, weights_of
from ssd_core.graph.export import fp32_graph
from ssd_core.graph.quantize import calibrated_ranges
from ssd_core.network.anchors import encode
from ssd_core.network.build import feature_maps
from ssd_core.network.layers import CONVOLUTIONS, FEATURE_MAPS, IMAGE_SIZE, Weights, heads, scale_name

Floats = npt.NDArray[np.float32]
Maps = list[npt.NDArray[np.float16]]

SEED = 20
GUIDE_SCENES = 40
TRAINING_SCENES = 240
_FIRST_GUIDE_SEED = 500_000
_FIRST_TRAINING_SEED = 0
_CROWDED = (8, 14)  # objects in a training scene: more than in a test scene, so that fewer scenes are needed
_BATCH = 8
_PLACE_OF_ID = {ID_OF_NAME[name]: place for place, name in enumerate(KINDS)}


def train(guide_scenes: int = GUIDE_SCENES, training_scenes: int = TRAINING_SCENES) -> Learnt:
    """What the demo model ships, with progress bars; about three minutes on two cores.

    Other machines sum in another order and give other bits.
    """
    guides = [_drawn(_FIRST_GUIDE_SEED + i) for i in tqdm(range(guide_scenes), "guide scenes", unit=" scenes")]
    images, targets = prepared([image for image, _ in guides]), np.stack([_targets(*guide) for guide in guides])
    layers = train_backbone(images, targets, SEED, lambda table: tqdm(table, "backbone", unit=" layers"))
    maps, labels, locations = _coded_features(training_scenes, layers)
    start = 0
    for index, feature_map in enumerate(tqdm(FEATURE_MAPS, "heads", unit=" maps")):
        end = start + feature_map.size**2 * feature_map.boxes_per_cell
        seen = labels[:, start:end], locations[:, start:end]
        head = train_head(maps[index], *seen, feature_map, len(LABELS), SEED + index)
        layers |= {layer.name: part for layer, part in zip(heads()[index], (head.location, head.classes), strict=True)}
        start = end
    fp32 = fp32_graph(weights_of(Learnt(layers)))
    return Learnt(layers, calibrated_ranges(fp32, calibration_images(CALIBRATION_SCENES), "minmax"))


def _drawn(seed: int) -> tuple[npt.NDArray[np.uint8], list[SceneObject]]:
    image, objects = draw_scene(seed, _CROWDED)
    return np.asarray(image), objects


def _targets(image: npt.NDArray[np.uint8], objects: Sequence[SceneObject]) -> Floats:
    height, width = image.shape[:2]
    return targets_of((width, height), [(_PLACE_OF_ID[o.category_id], o.box, o.mask) for o in objects])


def _encoded(image: npt.NDArray[np.uint8], objects: Sequence[SceneObject]) -> tuple[npt.NDArray[np.int64], Floats]:
    """The ground truth on the default boxes: labels among the learnt classes [8732], and locations [8732, 4]."""
    height, width = image.shape[:2]
    boxes = np.array(
        [[y / height, x / width, (y + h) / height, (x + w) / width] for x, y, w, h in (o.box for o in objects)],
        np.float32,
    )
    locations, labels, _ = encode(boxes, np.array([_PLACE_OF_ID[o.category_id] + 1 for o in objects], np.int64))
    return labels, locations


def _coded_features(count: int, layers: Mapping[str, Layer]) -> tuple[Maps, npt.NDArray[np.int8], Floats]:
    """Training scenes as the heads see them: the six maps [N, s + 2, s + 2, C], with zeros around them, as float16.

    With them their labels [N, 8732] and locations [N, 8732, 4].
    """
    constants = {name: tf.constant(value) for name, value in _backbone(layers).items()}
    run: Callable[[Floats], list[tf.Tensor]] = tf.function(
        lambda batch: feature_maps(batch, constants)
    ).get_concrete_function(tf.TensorSpec([None, IMAGE_SIZE, IMAGE_SIZE, 3], tf.float32))
    maps = [np.zeros((count, m.size + 2, m.size + 2, m.channels), np.float16) for m in FEATURE_MAPS]
    boxes = sum(m.size**2 * m.boxes_per_cell for m in FEATURE_MAPS)
    labels, locations = np.zeros((count, boxes), np.int8), np.zeros((count, boxes, 4), np.float32)
    for start in tqdm(range(0, count, _BATCH), "features", unit=" batches"):
        drawn = [_drawn(_FIRST_TRAINING_SEED + i) for i in range(start, min(start + _BATCH, count))]
        part = slice(start, start + len(drawn))
        for stored, computed in zip(maps, run(tf.constant(prepared([image for image, _ in drawn]))), strict=True):
            stored[part, 1:-1, 1:-1] = computed.numpy()
        for place, (image, objects) in enumerate(drawn, start):
            labels[place], locations[place] = _encoded(image, objects)
    return maps, labels, locations


def _backbone(layers: Mapping[str, Layer]) -> Weights:
    weights = {scale_name(): np.full(FEATURE_MAPS[0].channels, NORMALIZED_SCALE, np.float32)}
    for layer in CONVOLUTIONS:
        weights |= backbone_weights(layer, layers[layer.name])
    return weights
