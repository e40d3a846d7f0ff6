"""Training of the demo model's heads, on stored feature maps with the SSD loss (arXiv:1512.02325, section 2.2).

A head is a 3x3 convolution, so at one place of a map it is linear in the patch there. Training uses the patches of all
places with a match. It adds places without a match: first random ones, then those where the head errs most.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ssd_core.demo.backbone import patches_at
from ssd_core.demo.learnt import Layer
from ssd_core.graph.quantize import LEVELS, per_channel
from ssd_core.network.layers import Convolution, FeatureMap

Floats = npt.NDArray[np.float32]
Tensor = Any

NEGATIVES_PER_POSITIVE = 3
_ROUNDS = (100, 80)  # steps; after each but the last, hard places are added
_BATCH = 1024  # places a step
_PLACES_PER_POSITIVE = 2.0  # places without a match for each place with one
_LEARNING_RATE = 2e-3
_WARMUP_STEPS = 20
_WEIGHT_DECAY = 0.3
_DROPOUT = 0.5
_LOCATION_WEIGHT = 3.0
_BACKGROUND_BIAS = 3.0
_MOMENTS = (0.9, 0.99)  # Adam (arXiv:1412.6980), with decoupled weight decay (arXiv:1711.05101)
_DENSE_BATCH = 16


@dataclass(frozen=True)
class Head:
    """A map's two heads as they ship; classes are as in the labels they were trained on, background first."""

    location: Layer
    classes: Layer


def ssd_loss(locations: Tensor, logits: Tensor, targets: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Class and location loss of default boxes: [B, 4], [B, C], [B, 4], [B], each divided by the number of matches.

    Labels are 0 for background and below 0 for boxes that are ignored. Of the background only the boxes with the
    largest loss count, three for each match.
    """
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(labels, 0), logits)
    positive, negative = labels > 0, tf.equal(labels, 0)
    matches = tf.math.count_nonzero(positive, dtype=tf.int32)
    wanted = tf.minimum(
        tf.maximum(NEGATIVES_PER_POSITIVE * matches, 1), tf.math.count_nonzero(negative, dtype=tf.int32)
    )
    hardest = tf.math.top_k(tf.where(negative, cross_entropy, -1.0), wanted).indices
    hard = tf.scatter_nd(hardest[:, tf.newaxis], tf.ones_like(hardest, tf.float32), tf.shape(labels))
    counted = tf.cast(positive, tf.float32) + hard
    distance = tf.abs(locations - targets)
    smooth = tf.reduce_sum(tf.where(distance < 1, 0.5 * distance**2, distance - 0.5), axis=-1)
    count = tf.cast(tf.maximum(matches, 1), tf.float32)
    return (
        tf.reduce_sum(cross_entropy * counted) / count,
        tf.reduce_sum(smooth * tf.cast(positive, tf.float32)) / count,
    )


def train_head(
    features: npt.NDArray[np.float16],
    labels: npt.NDArray[np.integer],
    targets: Floats,
    feature_map: FeatureMap,
    num_classes: int,
    seed: int,
    rounds: tuple[int, ...] = _ROUNDS,
) -> Head:
    """Train the heads of one map.

    Features are [N, s + 2, s + 2, C], with zeros around each map, labels [N, s * s * A], targets [N, s * s * A, 4].
    `rounds` are numbers of steps.
    """
    trainer = _Trainer(features, labels, targets, feature_map, num_classes, seed)
    for number, steps in enumerate(rounds):
        if number:
            trainer.add_hard_places()
        trainer.run(steps, sum(rounds))
    return trainer.head()


class _Trainer:
    def __init__(
        self,
        features: npt.NDArray[np.float16],
        labels: npt.NDArray[np.integer],
        targets: Floats,
        feature_map: FeatureMap,
        num_classes: int,
        seed: int,
    ) -> None:
        boxes = feature_map.boxes_per_cell
        self._seed = seed
        self._rng = np.random.Generator(np.random.PCG64(seed))
        self._features, self._boxes, self._classes = features, boxes, num_classes
        self._size = feature_map.size
        self._labels = labels.reshape(-1, boxes)
        self._targets = targets.reshape(-1, boxes, 4)
        channels = boxes * (4 + num_classes)
        self._layer = Convolution("head", 3, feature_map.channels, channels, padding="VALID", relu=False)
        matched = (self._labels > 0).any(1)
        self._matched = np.flatnonzero(matched)
        others = np.flatnonzero(~matched)
        self._extra = int(_PLACES_PER_POSITIVE * len(self._matched)) + 50
        self._places = np.concatenate([self._matched, self._rng.permutation(others)[: self._extra]])

        width = 9 * feature_map.channels
        start = np.zeros((boxes, num_classes), np.float32)
        start[:, 0] = _BACKGROUND_BIAS
        kernel = self._rng.standard_normal((width, self._layer.channels_out)) * 0.01 / np.sqrt(width / 1000)
        self._kernel = tf.Variable(kernel.astype(np.float32))
        self._bias = tf.Variable(np.concatenate([np.zeros(boxes * 4, np.float32), start.ravel()]))
        self._moments = [tf.Variable(tf.zeros_like(v)) for v in (self._kernel, self._kernel, self._bias, self._bias)]
        self._time = tf.Variable(0.0)
        self._step = tf.function(self._train_step, reduce_retracing=True)

    def run(self, steps: int, total: int) -> None:
        """Train for some of all steps."""
        epochs = steps * _BATCH // len(self._places) + 2
        order = np.concatenate([self._rng.permutation(len(self._places)) for _ in range(epochs)])
        for step in range(steps):
            batch = self._places[order[step * _BATCH : (step + 1) * _BATCH]]
            patches = patches_at(self._features, self._layer, self._size, batch)
            labels = self._labels[batch].astype(np.int32)
            self._step(patches, labels, self._targets[batch], tf.constant(float(total)))

    def add_hard_places(self) -> None:
        """Add the places without a match where an object is most likely to be seen."""
        scores = []
        kernel, bias = self._kernels()
        for start in range(0, len(self._features), _DENSE_BATCH):
            batch = self._features[start : start + _DENSE_BATCH].astype(np.float32)
            output = (tf.nn.conv2d(batch, kernel, 1, self._layer.padding) + bias)[..., self._boxes * 4 :]
            logits = tf.reshape(output, [-1, self._boxes, self._classes])
            scores.append((tf.reduce_max(logits[..., 1:], axis=-1) - logits[..., 0]).numpy())
        hardness = np.where(self._labels == 0, np.concatenate(scores), -np.inf).max(1)
        hardness[self._matched] = -np.inf
        self._places = np.union1d(self._places, np.argsort(-hardness)[: self._extra])

    def head(self) -> Head:
        """The trained heads, in 8 bits."""
        kernel, bias = self._kernels()
        whole, limits = per_channel(kernel)
        scale = (limits / LEVELS).astype(np.float32)
        parts = [slice(None, self._boxes * 4), slice(self._boxes * 4, None)]
        return Head(*(Layer(scale[part], bias[part], whole[..., part]) for part in parts))

    def _kernels(self) -> tuple[Floats, Floats]:
        return self._kernel.numpy().reshape(3, 3, self._layer.channels_in, -1), self._bias.numpy()

    def _train_step(self, patches: Tensor, labels: Tensor, targets: Tensor, total: Tensor) -> None:
        draw = tf.stack([self._seed, tf.cast(self._time, tf.int32)])
        seen = tf.nn.experimental.stateless_dropout(patches, _DROPOUT, seed=draw)
        with tf.GradientTape() as tape:
            output = seen @ self._kernel + self._bias
            edge = self._boxes * 4
            locations, logits = tf.reshape(output[:, :edge], [-1, 4]), tf.reshape(output[:, edge:], [-1, self._classes])
            class_loss, location_loss = ssd_loss(
                locations, logits, tf.reshape(targets, [-1, 4]), tf.reshape(labels, [-1])
            )
            loss = class_loss + _LOCATION_WEIGHT * location_loss
        gradients = tape.gradient(loss, (self._kernel, self._bias))
        self._time.assign_add(1.0)
        rate = (
            _LEARNING_RATE
            * 0.5
            * (1 + tf.cos(np.pi * self._time / total))
            * tf.minimum(1.0, self._time / _WARMUP_STEPS)
        )
        first, second = _MOMENTS
        for index, (variable, gradient, decay) in enumerate(
            zip((self._kernel, self._bias), gradients, (_WEIGHT_DECAY, 0.0), strict=True)
        ):
            mean, square = self._moments[2 * index : 2 * index + 2]
            mean.assign(first * mean + (1 - first) * gradient)
            square.assign(second * square + (1 - second) * gradient**2)
            step = (mean / (1 - first**self._time)) / (tf.sqrt(square / (1 - second**self._time)) + 1e-8)
            variable.assign_sub(rate * (step + decay * variable))
