from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom

from ssd_core.coco import average_precision as module
from ssd_core.coco.average_precision import average_precision
from ssd_core.coco.matches import CategoryMatches, Matches
from ssd_core.coco.resample import Interval, ap_interval, ap_loss_interval
from ssd_core.errors import UserError

Floats = npt.NDArray[np.float64]
THRESHOLDS = 3


def networks(
    generator: np.random.Generator, images: int, losses: Sequence[float], categories: int = 2
) -> list[Matches]:
    """What networks find in the same images, drawn anew: each finds an object at a threshold, or loses it.

    Images hold a geometric number of objects and differ in how hard they are. A network with a greater loss finds fewer
    objects, and of those that both find nearly all are the same, at nearly the same score.
    """
    found: list[list[CategoryMatches]] = [[] for _ in losses]
    hardness = generator.normal(0, 0.5, images)
    for number in range(categories):
        objects = generator.geometric(0.5, images) - 1
        false = generator.poisson(2, images)
        image = np.repeat(np.tile(np.arange(images), 2), np.concatenate([objects, false]))
        is_object = np.arange(len(image)) < objects.sum()
        quality = generator.normal(0.5 * is_object, 0.5) - 0.5 * hardness[image]
        for network, loss in zip(found, losses, strict=True):
            quality_here = quality + generator.normal(0, 0.1, len(image)) - loss * is_object
            order = np.argsort(-quality_here, kind="stable")
            true = is_object & (quality_here > np.array([[-0.2], [0.2], [0.6]]))
            nothing = np.zeros_like(true)
            network.append(
                CategoryMatches(
                    number, image[order].astype(np.int32), true[:, order], nothing, objects.astype(np.int32)
                )
            )
    return [Matches(np.arange(images), tuple(network)) for network in found]


def losing(seed: int, images: int = 60) -> list[Matches]:
    return networks(np.random.default_rng(seed), images, (0, 0.1))


def only(matches: Matches, images: int) -> Matches:
    """The matches of the first images, where only the categories that they hold remain."""
    categories = []
    for c in matches.categories:
        kept = c.image < images
        if c.objects[:images].any():
            categories.append(
                CategoryMatches(c.category_id, c.image[kept], c.true[:, kept], c.ignored[:, kept], c.objects[:images])
            )
    return Matches(matches.image_ids[:images], tuple(categories))


def test_the_value_is_that_of_the_images_themselves() -> None:
    a, b = losing(0)
    assert ap_interval(a).value == average_precision(a)
    loss = ap_loss_interval(a, b)
    assert loss.value == average_precision(a) - average_precision(b)
    assert loss.low < loss.value < loss.high
    assert ap_loss_interval(b, a) == pytest.approx((-loss.value, -loss.high, -loss.low))


def test_one_seed_one_answer_and_another_hardly_differs() -> None:
    a, b = losing(1)
    first = ap_loss_interval(a, b)
    assert ap_loss_interval(a, b) == first
    other = ap_loss_interval(a, b, seed=1)
    assert other != first
    assert other == pytest.approx(first, abs=0.1 * (first.high - first.low))


def test_memory_does_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = losing(2)
    expected = ap_loss_interval(a, b, resamples=50)
    monkeypatch.setattr(module, "_ELEMENTS", 3000)
    assert ap_loss_interval(a, b, resamples=50) == pytest.approx(expected, abs=1e-12)


def test_a_network_loses_nothing_of_its_own() -> None:
    a, _ = losing(3)
    assert ap_loss_interval(a, a) == Interval(0, 0, 0)


def test_both_are_resampled_on_the_same_images() -> None:
    """What both find alike cancels, where each alone is uncertain."""
    a, b = losing(4)
    loss, own = ap_loss_interval(a, b), ap_interval(a)
    assert loss.high - loss.low < (own.high - own.low) / 2


def test_other_images_are_refused() -> None:
    a, _ = losing(5)
    _, b = losing(6)
    with pytest.raises(UserError, match="are of other images or annotations"):
        ap_loss_interval(a, b)


def test_no_interval_of_one_image_or_of_no_object() -> None:
    a, _ = losing(7)
    with pytest.raises(UserError, match="evaluate two or more"):
        ap_interval(only(a, 1))
    nothing = Matches(np.arange(5), ())
    with pytest.raises(UserError, match="no object to find"):
        ap_interval(nothing)
    with pytest.raises(UserError, match="no object to find"):
        ap_loss_interval(nothing, nothing)


def test_draws_without_an_object_are_left_out() -> None:
    """Of two images one holds the only object, which is found: every draw that has it has an AP of 1."""
    flags = np.ones((THRESHOLDS, 1), bool)
    category = CategoryMatches(1, np.array([0], np.int32), flags, ~flags, np.array([1, 0], np.int32))
    assert ap_interval(Matches(np.array([3, 4]), (category,))) == pytest.approx((1, 1, 1))


def test_95_percent_of_the_intervals_hold_the_truth() -> None:
    """Of new images each time; the truth is that of so many that its own error is small beside an interval's.

    AP is too high on 100 images by half its standard deviation; the intervals take a part of that away, not all.
    """
    repeats, images, losses = 300, 100, (0, 0.03)
    a, b = (average_precision(m) for m in networks(np.random.default_rng(100), 200_000, losses))
    aps, ap_losses = [], []
    for seed in range(repeats):
        reference, other = networks(np.random.default_rng(seed), images, losses)
        aps.append(ap_interval(reference, resamples=200))
        ap_losses.append(ap_loss_interval(reference, other, resamples=200))
    for intervals, truth, confidence in ((aps, a, 0.9), (ap_losses, a - b, 0.95)):
        holds = sum(low <= truth <= high for _, low, high in intervals)
        assert binom.ppf(1e-6, repeats, confidence) <= holds <= binom.isf(1e-6, repeats, 0.95)
        half_width = np.mean([(high - low) / 2 for _, low, high in intervals])
        spread = np.std([value for value, _, _ in intervals])
        assert half_width == pytest.approx(1.96 * spread, rel=5 / np.sqrt(2 * repeats))  # 5 standard errors of spread
    assert a < np.mean([(low + high) / 2 for _, low, high in aps]) < np.mean([value for value, _, _ in aps])
