"""The heads' loss by hand, and that training learns what two small pictures of features have to tell."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.demo import heads
from ssd_core.demo.heads import Head, ssd_loss, train_head
from ssd_core.demo.learnt import Layer
from ssd_core.network.layers import FeatureMap
from tests.examples import examples
from tests.rounding import UNIT

ROUNDED = 32 * UNIT  # a cross-entropy's maximum, exp, sum, logarithm and difference, and a sum of up to 9 of them
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

CHANNELS = 24
MAP = FeatureMap("any", 6, CHANNELS, 2, 50, 0.5, 0.6, (1.0,))
CLASSES = 3  # background and two others
SIGNAL = {1: np.repeat([8.0, 0.0, 0.0], 8), 2: np.repeat([0.0, 8.0, 0.0], 8)}  # what an object adds to the channels
LOCATION = {1: (1.0, -1.0, 0.5, 0.0), 2: (-1.0, 0.5, 0.0, 1.0)}


def loss_of(logits: Floats, labels: Ints, locations: Floats | None = None) -> tuple[float, float]:
    """Both losses, the targets being 0."""
    zeros = np.zeros((len(labels), 4), np.float32)
    found = ssd_loss(*map(tf.constant, (zeros if locations is None else locations, logits, zeros, labels)))
    return float(found[0]), float(found[1])


def test_the_loss_of_six_boxes_by_hand() -> None:
    # With logits (0, z) the cross-entropy is log(1 + exp(z)) for background, and that less z for the other class.
    surplus = np.array([2.0, -1.0, 0.0, 3.0, 1.0, 9.0])
    labels = np.array([1, 0, 0, 0, 0, -1])
    logits = np.stack([np.zeros(6), surplus], axis=1).astype(np.float32)
    locations = np.zeros((6, 4), np.float32)
    locations[0] = (0.5, -2.0, 0.0, 1.0)  # smooth L1: 0.125, 1.5, 0, 0.5
    locations[1:] = 7.0  # of what is not matched, no location counts
    hard = np.log1p(np.exp([3.0, 1.0, 0.0])).sum()  # the three worst of the four backgrounds
    class_loss, location_loss = loss_of(logits, labels, locations)
    assert class_loss == pytest.approx(np.log1p(np.exp(2.0)) - 2.0 + hard, rel=ROUNDED)
    assert location_loss == 2.125  # of eighths, which round nothing


def test_both_losses_are_shared_among_the_matches() -> None:
    logits = np.zeros((9, 2), np.float32)
    labels = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0])
    class_loss, location_loss = loss_of(logits, labels, np.full((9, 4), 2.0, np.float32))
    assert class_loss == pytest.approx((2 + 6) * np.log(2) / 2, rel=ROUNDED)
    assert location_loss == 2 * 4 * 1.5 / 2


@given(st.lists(st.sampled_from([-1, 0, 0, 0, 0, 1, 2]), min_size=1, max_size=40), st.integers(0, 2**32 - 1))
@examples(40)
def test_three_backgrounds_count_for_a_match_the_worst_of_them_and_ignored_boxes_never(
    given_labels: list[int], seed: int
) -> None:
    labels, random = np.array(given_labels), np.random.default_rng(seed)
    values = np.zeros((len(labels), CLASSES), np.float32)
    # The background's logits are a tenth apart, so that rounding cannot decide which box errs more.
    values[:, 0] = (random.permutation(len(labels)) - len(labels) / 2) / 10
    logits = tf.Variable(values)
    zeros = tf.zeros([len(labels), 4])
    with tf.GradientTape() as tape:
        loss, _ = ssd_loss(zeros, logits, zeros, tf.constant(labels))
    gradient = tape.gradient(loss, logits)
    counted = (np.abs(gradient.numpy()) > 0).any(1) if gradient is not None else np.zeros(len(labels), bool)

    matches, backgrounds = (labels > 0).sum(), np.flatnonzero(labels == 0)
    assert counted[labels > 0].all()
    assert not counted[labels < 0].any()
    wanted = min(max(3 * matches, 1), len(backgrounds))
    errors = -tf.nn.log_softmax(logits).numpy()[backgrounds, 0]
    worst = backgrounds[np.argsort(-errors)[:wanted]]
    assert set(np.flatnonzero(counted & (labels == 0))) == set(worst)


@dataclass(frozen=True)
class Pictures:
    """Features [N, 8, 8, 24] with zeros around them, labels [N, 72], locations [N, 72, 4]; each shows one object."""

    features: npt.NDArray[np.float16]
    labels: Ints
    locations: Floats


def pictures(seed: int, count: int = 60) -> Pictures:
    random = np.random.default_rng(seed)
    features = np.zeros((count, 8, 8, CHANNELS))
    features[:, 1:-1, 1:-1] = random.normal(0, 1, (count, 6, 6, CHANNELS))
    labels = np.zeros((count, 6, 6, 2), np.int64)
    locations = np.zeros((count, 6, 6, 2, 4), np.float32)
    for number in range(count):
        (row, column), kind = random.integers(0, 6, 2), 1 + number % 2
        features[number, row + 1, column + 1] += SIGNAL[kind]
        labels[number, row, column] = (kind, -1)  # the first box is matched, the second counts for nothing
        locations[number, row, column, 0] = LOCATION[kind]
    return Pictures(features.astype(np.float16), labels.reshape(count, -1), locations.reshape(count, -1, 4))


def predicted(head: Head, features: npt.NDArray[np.float16]) -> tuple[Floats, Floats]:
    """Locations [N * 72, 4] and logits [N * 72, 3]."""
    images = features.astype(np.float32)
    locations, logits = (
        tf.nn.conv2d(images, kernel_of(layer), 1, "VALID") + layer.bias for layer in (head.location, head.classes)
    )
    return tf.reshape(locations, [-1, 4]).numpy(), tf.reshape(logits, [-1, CLASSES]).numpy()


def kernel_of(layer: Layer) -> Floats:
    assert layer.kernel is not None
    return layer.kernel * layer.scale


def losses(head: Head, seen: Pictures) -> tuple[float, float]:
    found = ssd_loss(*predicted(head, seen.features), seen.locations.reshape(-1, 4), tf.constant(seen.labels.ravel()))
    return float(found[0]), float(found[1])


@pytest.fixture(scope="module")
def trained() -> Head:
    seen = pictures(1)
    return train_head(seen.features, seen.labels, seen.locations, MAP, CLASSES, seed=3)


def test_a_head_is_a_3x3_convolution_in_8_bits_for_each_box(trained: Head) -> None:
    for layer, channels in ((trained.location, 2 * 4), (trained.classes, 2 * CLASSES)):
        assert kernel_of(layer).shape == (3, 3, CHANNELS, channels)
        assert layer.bias.shape == layer.scale.shape == (channels,)
        assert layer.kernel is not None
        assert layer.kernel.dtype == np.int8
        assert (np.abs(layer.kernel.astype(int)).max(axis=(0, 1, 2)) == 127).all()


def test_training_tells_two_classes_and_their_places_on_pictures_it_has_not_seen(trained: Head) -> None:
    seen = pictures(2, count=40)
    start = train_head(seen.features, seen.labels, seen.locations, MAP, CLASSES, seed=3, rounds=(0,))
    before, after = losses(start, seen), losses(trained, seen)
    assert after[0] < before[0] / 3
    assert after[1] < before[1] / 3
    _, logits = predicted(trained, seen.features)
    labels, told = seen.labels.ravel(), logits.argmax(1)
    assert (told[labels > 0] == labels[labels > 0]).mean() > 0.95
    assert (told[labels == 0] == 0).mean() > 0.95


def test_a_head_is_a_function_of_its_seed() -> None:
    seen = pictures(1)
    first, again, other = (
        train_head(seen.features, seen.labels, seen.locations, MAP, CLASSES, seed, rounds=(8, 4)) for seed in (1, 1, 2)
    )
    for part in ("location", "classes"):
        kernels = [kernel_of(getattr(head, part)) for head in (first, again, other)]
        # Here equal. Sums in another order would be off by 1e-6, and could move a weight by one of its 127 levels.
        level = np.abs(kernels[0]).max() / 127
        np.testing.assert_allclose(kernels[0], kernels[1], atol=1.01 * level, rtol=0)
        assert np.abs(kernels[0] - kernels[2]).max() > 1e-2


def test_places_where_something_is_seen_that_is_not_there_are_added() -> None:
    seen = pictures(1, count=40)
    features = seen.features.copy()
    free = np.flatnonzero((seen.labels.reshape(-1, 2) == 0).all(1))
    decoys = np.random.default_rng(0).choice(free, 20, replace=False)
    picture, place = np.divmod(decoys, 36)
    # they look like class 1, and are not
    features[picture, place // 6 + 1, place % 6 + 1] += SIGNAL[1].astype(np.float16)
    trainer = heads._Trainer(features, seen.labels, seen.locations, MAP, CLASSES, seed=3)
    assert not set(decoys) <= set(trainer._places)
    trainer.run(100, 100)
    trainer.add_hard_places()
    assert set(decoys) <= set(trainer._places)
    assert len(set(trainer._places)) == len(trainer._places)
