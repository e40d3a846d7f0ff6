import gc
from pathlib import Path

import numpy as np
import pytest

from ssd_core.worker.feed import HIGHEST_PIXEL, LOWEST_PIXEL, DummyFeed, RecordsFeed


@pytest.mark.parametrize("batch_size", [1, 3])
def test_dummy_images_are_uniform_over_what_pixels_can_be(batch_size: int) -> None:
    images = DummyFeed(batch_size, seed=0).next_images()
    assert images.shape == (batch_size, 300, 300, 3)
    assert images.dtype == np.float32
    # That none of 270,000 numbers lies in the lowest 0.1 of 274.74 has the probability exp(-98).
    assert LOWEST_PIXEL <= images.min() < LOWEST_PIXEL + 0.1
    assert HIGHEST_PIXEL - 0.1 < images.max() <= HIGHEST_PIXEL
    # Their mean has the standard deviation 274.74 / sqrt(12 * 270,000) = 0.15.
    assert images.mean() == pytest.approx((LOWEST_PIXEL + HIGHEST_PIXEL) / 2, abs=1)


def test_dummy_images_come_from_their_seed() -> None:
    np.testing.assert_array_equal(DummyFeed(2, 5).next_images(), DummyFeed(2, 5).next_images())
    assert (DummyFeed(2, 5).next_images() != DummyFeed(2, 6).next_images()).any()


def test_dummy_images_can_be_taken_without_a_copy() -> None:
    for _ in range(5):
        images = DummyFeed(1, 0).next_images()
        assert images.ctypes.data % 64 == 0
        assert images.flags.c_contiguous


def test_dummy_images_hold_nothing_to_detect() -> None:
    with pytest.raises(RuntimeError, match="feed_records"):
        DummyFeed(1, 0).once()


def test_what_is_loaded_with_records_is_not_scanned_before_each_series(shards: list[Path]) -> None:
    try:
        RecordsFeed([str(shard) for shard in shards], 2, 1, 1)
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
