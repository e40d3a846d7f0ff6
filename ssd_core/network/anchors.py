"""Default boxes, and the coding of ground truth on them.

Boxes are [ymin, xmin, ymax, xmax] in fractions of the image. Source: arXiv:1512.02325, section 2.2, with the scales of
SSD.TensorFlow; centres and sizes are coded with the variances of the Caffe implementation, here `PRIOR_SCALING`.
"""

import numpy as np
import numpy.typing as npt

from ssd_core.network.layers import FEATURE_MAPS, IMAGE_SIZE, FeatureMap

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

PRIOR_SCALING = (0.1, 0.1, 0.2, 0.2)  # centre y, centre x, height, width
MATCH_THRESHOLD = 0.5
_ALLOWED_BORDER = 1.0  # a default box may reach this far outside the image and still be matched


def default_boxes() -> Floats:
    """The [8732, 4] default boxes as corners, not clipped to the image: map by map, row by row, shape by shape."""
    return to_corners(default_centers())


def default_centers() -> Floats:
    """The [8732, 4] default boxes as [centre y, centre x, height, width]."""
    return np.concatenate([_centers_of(m) for m in FEATURE_MAPS]).astype(np.float32)


def _centers_of(feature_map: FeatureMap) -> npt.NDArray[np.float64]:
    cells = (np.arange(feature_map.size) + 0.5) * feature_map.step_pixels / IMAGE_SIZE
    y, x = np.meshgrid(cells, cells, indexing="ij")
    roots = np.sqrt(np.array(feature_map.aspect_ratios))
    heights = np.concatenate([[feature_map.extra_scale], feature_map.scale / roots])
    widths = np.concatenate([[feature_map.extra_scale], feature_map.scale * roots])
    shape = (feature_map.size, feature_map.size, feature_map.boxes_per_cell)
    columns = (y[..., None], x[..., None], heights, widths)
    return np.stack([np.broadcast_to(c, shape) for c in columns], axis=-1).reshape(-1, 4)


def to_corners(centers: Floats) -> Floats:
    """[..., 4] centre y, centre x, height, width -> ymin, xmin, ymax, xmax."""
    middle, half = centers[..., :2], centers[..., 2:] / 2
    return np.concatenate([middle - half, middle + half], axis=-1)


def to_centers(corners: Floats) -> Floats:
    """[..., 4] ymin, xmin, ymax, xmax -> centre y, centre x, height, width."""
    size = corners[..., 2:] - corners[..., :2]
    return np.concatenate([corners[..., :2] + size / 2, size], axis=-1)


def intersection_over_union(boxes: Floats, others: Floats) -> Floats:
    """The [N, M] overlaps of [N, 4] and [M, 4] corner boxes; 0 where they do not meet."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    meet = np.prod(np.maximum(high - low, 0), axis=-1)
    area, other_area = (np.prod(b[:, 2:] - b[:, :2], axis=-1) for b in (boxes, others))
    union = area[:, None] + other_area[None, :] - meet
    overlaps: Floats = np.divide(meet, union, out=np.zeros_like(meet), where=meet > 0)
    return overlaps


def encode(
    boxes: Floats, labels: Ints, threshold: float = MATCH_THRESHOLD, ignore_below: float = MATCH_THRESHOLD
) -> tuple[Floats, Ints, Floats]:
    """Match ground truth [G, 4], [G] to the default boxes and code it: locations [8732, 4], labels and overlaps [8732].

    A default box takes the object it overlaps most where that overlap reaches `threshold`; each object also takes the
    default box that overlaps it most, whatever the overlap. Labels are 0 for background and -1 for overlaps from
    `ignore_below` up to `threshold`. Locations are 0 where nothing is matched. Without objects all is background.
    """
    priors = default_boxes()
    if len(boxes) == 0:
        count = len(priors)
        return np.zeros((count, 4), np.float32), np.zeros(count, np.int64), np.zeros(count, np.float32)
    inside = np.all(priors[:, :2] > -_ALLOWED_BORDER, axis=1) & np.all(priors[:, 2:] < 1 + _ALLOWED_BORDER, axis=1)
    overlaps = intersection_over_union(boxes, priors) * inside  # [G, 8732]
    best = overlaps.max(axis=0)
    match = overlaps.argmax(axis=0)
    match[best < threshold] = -2
    match[best < ignore_below] = -1
    forced = np.zeros_like(overlaps, dtype=bool)
    forced[np.arange(len(boxes)), overlaps.argmax(axis=1)] = True
    is_forced = forced.any(axis=0)
    match[is_forced] = forced.argmax(axis=0)[is_forced]
    matched_object = np.where(is_forced, match, overlaps.argmax(axis=0))
    scores = overlaps[matched_object, np.arange(len(priors))]

    positive = match >= 0
    coded_labels: Ints = np.where(positive, labels[np.maximum(match, 0)], np.where(match == -2, -1, 0))
    locations: Floats = np.zeros((len(priors), 4), np.float32)
    target, prior = to_centers(boxes[match[positive]]), default_centers()[positive]
    locations[positive, :2] = (target[:, :2] - prior[:, :2]) / prior[:, 2:]
    locations[positive, 2:] = np.log(target[:, 2:] / prior[:, 2:])
    locations /= np.array(PRIOR_SCALING, np.float32)
    return locations, coded_labels, scores


def decode(locations: Floats, centers: Floats | None = None) -> Floats:
    """Predicted locations [..., 8732, 4] -> corner boxes of the same shape; the inverse of `encode`.

    `centers` are the default boxes [8732, 4] where they are not the original's.
    """
    prior = default_centers() if centers is None else centers
    scaled = locations * np.array(PRIOR_SCALING, np.float32)
    middle = scaled[..., :2] * prior[:, 2:] + prior[:, :2]
    return to_corners(np.concatenate([middle, np.exp(scaled[..., 2:]) * prior[:, 2:]], axis=-1))
