"""From raw predictions to detections, inside the graph: candidates, softmax, decoding, non-maximum suppression.

The order and the thresholds are those of SSD.TensorFlow's evaluation: softmax, select scores above 0.01, clip boxes to
the image, drop those under 0.03 of it in height or width, keep the 400 best a class, suppress at an overlap of 0.45,
keep 200 a class. Here one `CombinedNonMaxSuppression` handles all classes. Only the candidates are processed:
the default boxes that can reach the score threshold.

A class can score above t only where its logit exceeds the background's by more than log(t / (1 - t)): its probability
is above t, so the background's is below 1 - t. The bias of the class heads lowers the background by that much, which
costs nothing. A candidate is then a default box whose largest logit is not the background's. Finding candidates takes
one pass over the logits, whatever their type. Nothing else is computed of the other boxes.
"""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from ssd_core.network.anchors import PRIOR_SCALING, Floats, default_centers
from ssd_core.network.layers import MODEL_SCOPE, NUM_CLASSES, Weights, bias_name, heads

Tensor = Any

SCORE_THRESHOLD = 0.01
MIN_SIZE = 0.03
MAX_CANDIDATES_PER_CLASS = 400
MAX_DETECTIONS_PER_CLASS = 200
OVERLAP_THRESHOLD = 0.45

BACKGROUND_OFFSET = math.log(SCORE_THRESHOLD / (1 - SCORE_THRESHOLD))
"""It is added to the background's logits to get candidate logits: -4.6."""
_MARGIN = 1e-4  # the error of a sum in float32; surplus candidates are removed by their score

Detected = tuple[Tensor, Tensor, Tensor, Tensor]


def lower_background(weights: Weights, num_classes: int = NUM_CLASSES, scope: str = MODEL_SCOPE) -> Weights:
    """The same weights, changed so that the network gives candidate logits."""
    lowered = dict(weights)
    for _, head in heads(num_classes):
        name = bias_name(head.name, scope)
        lowered[name] = (weights[name].reshape(-1, num_classes) + _offsets(num_classes)).ravel().astype(np.float32)
    return lowered


def detect(locations: Tensor, logits: Tensor, centers: Floats | None = None) -> Detected:
    """Detections of raw predictions with logits as trained; ties are in the original's order.

    Inputs and outputs are those of `detect_candidates`. Among equal scores of a class the default box of the lowest
    index comes first, as in the original's `top_k` and `NonMaxSuppressionV3`. `CombinedNonMaxSuppression` alone does
    not keep this order. Quantized logits give many equal scores.
    """
    candidates = _candidates(logits + tf.constant(_offsets(logits.shape[-1], _MARGIN), logits.dtype))
    with tf.name_scope("candidates"):
        boxes, scores = _boxes_and_scores(locations, tf.gather(logits, candidates, batch_dims=1), candidates, centers)
        scores, selected = _selected(scores)
        ranks, ranked = _ranked(scores)
    kept_boxes, kept_ranks, kept_classes, counts = _suppressed(boxes, ranks, selected, 0.0)
    places = tf.size(ranked) - 1 - tf.cast(kept_ranks, tf.int32)
    return kept_boxes, tf.gather(ranked, places), kept_classes, counts


def detect_candidates(locations: Tensor, candidate_logits: Tensor, centers: Floats | None = None) -> Detected:
    """Detections of raw predictions: locations [N, 8732, 4], candidate logits [N, 8732, C], background first.

    `centers` are the default boxes [8732, 4] where they are not the original's.
    Returns boxes [N, K, 4] (ymin, xmin, ymax, xmax in fractions), scores [N, K], classes [N, K] (float32, 1 to C-1) and
    how many of the K each image has, [N] int32; best score first. K is the largest count in the batch.
    """
    candidates = _candidates(candidate_logits)
    with tf.name_scope("candidates"):
        logits = tf.gather(candidate_logits, candidates, batch_dims=1)
        logits = logits - tf.constant(_offsets(logits.shape[-1]), logits.dtype)
        boxes, scores = _boxes_and_scores(locations, logits, candidates, centers)
        scores, selected = _selected(scores)
    return _suppressed(boxes, scores, selected, SCORE_THRESHOLD)


def _boxes_and_scores(
    locations: Tensor, logits: Tensor, candidates: Tensor, centers: Floats | None
) -> tuple[Tensor, Tensor]:
    """The candidates' [N, K] corner boxes [N, K, 4] in the image and scores [N, K, C-1]; too small boxes score 0."""
    priors = default_centers() if centers is None else centers
    boxes = _decode(tf.gather(locations, candidates, batch_dims=1), tf.gather(priors, candidates))
    boxes = tf.clip_by_value(boxes, 0.0, 1.0)
    large_enough = tf.reduce_all(boxes[..., 2:] - boxes[..., :2] > MIN_SIZE, axis=-1, keepdims=True)
    return boxes, tf.where(large_enough, tf.nn.softmax(logits)[..., 1:], 0.0)


def _selected(scores: Tensor) -> tuple[Tensor, Tensor]:
    """The scores [N, K, C] with only the 400 best of a class left, and how many each image has above the threshold."""
    above = tf.math.count_nonzero(scores > SCORE_THRESHOLD, axis=1, dtype=tf.int32)
    crowded = tf.where(above > MAX_CANDIDATES_PER_CLASS)
    scores = tf.cond(tf.size(crowded) > 0, lambda: _best_of_each_class(scores, crowded), lambda: scores)
    return scores, tf.reduce_sum(tf.minimum(above, MAX_CANDIDATES_PER_CLASS), axis=1)


def _ranked(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Scores [N, K, C] -> ranks [N, K, C], all different, higher for a better score; and the score of each rank.

    The ranks of equal scores fall from class to class, and in a class from box to box. Scores below the threshold are
    left out: they have rank 0. Ranks are float32, which holds whole numbers up to 16 million: enough for 24 images.
    """
    by_class = tf.transpose(scores, [0, 2, 1])
    places = tf.where(by_class > SCORE_THRESHOLD)
    best = tf.math.top_k(tf.gather_nd(by_class, places), tf.shape(places)[0])  # of equal ones the first comes first
    ranks = tf.cast(tf.range(tf.shape(places)[0], 0, -1), tf.float32)
    ranks = tf.scatter_nd(tf.gather(places, best.indices), ranks, tf.shape(by_class, tf.int64))
    return tf.transpose(ranks, [0, 2, 1]), tf.concat([best.values, [0.0]], axis=0)


def _suppressed(boxes: Tensor, scores: Tensor, selected: Tensor, threshold: float) -> Detected:
    kept_boxes, kept_scores, kept_classes, counts = tf.raw_ops.CombinedNonMaxSuppression(
        boxes=boxes[:, :, tf.newaxis, :],
        scores=scores,
        max_output_size_per_class=MAX_DETECTIONS_PER_CLASS,
        max_total_size=tf.maximum(tf.reduce_max(selected), 1),
        iou_threshold=OVERLAP_THRESHOLD,
        score_threshold=threshold,
        clip_boxes=False,
        name="nms",
    )
    return kept_boxes, kept_scores, kept_classes + 1.0, counts


def _offsets(num_classes: int, margin: float = 0.0) -> Floats:
    """The offsets from logits [..., num_classes] to candidate logits; `margin` adds a few more boxes."""
    offsets = np.zeros(num_classes, np.float32)
    offsets[0] = BACKGROUND_OFFSET - margin
    return offsets


def _candidates(candidate_logits: Tensor) -> Tensor:
    """Indices [N, K] of the default boxes that can score above the threshold, in order; K is the largest count.

    The rows of an image with fewer candidates are filled up with default boxes that cannot reach the threshold.
    """
    with tf.name_scope("select"):
        best = tf.reduce_max(candidate_logits, axis=-1)
        possible = tf.cast(best > tf.gather(candidate_logits, 0, axis=-1), tf.float32)
        count = tf.cast(tf.reduce_max(tf.reduce_sum(possible, axis=1)), tf.int32)
        return tf.math.top_k(possible, tf.maximum(count, 1)).indices


def _decode(locations: Tensor, centers: Tensor) -> Tensor:
    """The inverse of `anchors.encode`, on candidates: [N, K, 4] locations and default boxes -> corner boxes.

    The factors of a centre are multiplied first, as TensorFlow's optimizer does in the original's graph, where they are
    constants. Thus the boxes are the same to the last bit.
    """
    of_center, of_size = (tf.constant(part, tf.float32) for part in (PRIOR_SCALING[:2], PRIOR_SCALING[2:]))
    size = centers[..., 2:]
    middle = locations[..., :2] * (size * of_center) + centers[..., :2]
    half = tf.exp(locations[..., 2:] * of_size) * size / 2
    return tf.concat([middle - half, middle + half], axis=-1)


def _best_of_each_class(scores: Tensor, crowded: Tensor) -> Tensor:
    """Zero all but the 400 best scores [N, K, C] of the classes `crowded` [M, 2] (image, class).

    Of equal scores the first stay.
    """
    by_class = tf.transpose(scores, [0, 2, 1])
    rows = tf.gather_nd(by_class, crowded)
    best = tf.math.top_k(rows, MAX_CANDIDATES_PER_CLASS)
    edge, last = best.values[:, -1:], best.indices[:, -1:]
    kept = (rows > edge) | (tf.equal(rows, edge) & (tf.range(tf.shape(rows)[1]) <= last))
    by_class = tf.tensor_scatter_nd_update(by_class, crowded, tf.where(kept, rows, 0.0))
    return tf.transpose(by_class, [0, 2, 1])
