"""What a session is fed: one batch of dummy images over and over, or TFRecords through the input pipeline."""

import gc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ssd_core.backends.protocol import Images
from ssd_core.network.layers import IMAGE_SIZE

if TYPE_CHECKING:
    from ssd_core.images.pipeline import Batch

LOWEST_PIXEL, HIGHEST_PIXEL = -123.68, 151.06  # 0 and 255 less the means, the widest over the three channels
_TENSOR_ALIGNMENT_BYTES = 64  # TensorFlow uses an array of this alignment directly, and copies any other


class Feed(Protocol):
    """A source of batches [batch_size, 300, 300, 3] of float32 that does not run dry."""

    batch_size: int

    def next_images(self) -> Images:
        """Wait for the next batch."""

    def once(self, most: int | None = None, skip: int = 0) -> "Iterator[Batch]":
        """Every image after the first `skip` once, or `most` of them, in order; the last batch may be smaller.

        RuntimeError where there is no such set.
        """


class DummyFeed:
    """One batch, uniform over the values that real pixels can have, drawn from `seed`."""

    def __init__(self, batch_size: int, seed: int) -> None:
        self.batch_size = batch_size
        self._images = _aligned((batch_size, IMAGE_SIZE, IMAGE_SIZE, 3))
        self._images[:] = np.random.default_rng(seed).uniform(LOWEST_PIXEL, HIGHEST_PIXEL, self._images.shape)

    def next_images(self) -> Images:
        """The same batch each time, so that nothing but the inference is measured."""
        return self._images

    def once(self, most: int | None = None, skip: int = 0) -> "Iterator[Batch]":
        """Dummy images show nothing that could be detected."""
        raise RuntimeError("dummy images have no detections: call feed_records() first")


class RecordsFeed:
    """The images of TFRecord shards, read and decoded in advance; UserError for shards that cannot be read."""

    def __init__(
        self, shards: Sequence[str], batch_size: int, data_num_inter_threads: int, data_num_intra_threads: int
    ) -> None:
        self.batch_size = batch_size
        self._shards = [Path(shard) for shard in shards]
        self._threads = (data_num_inter_threads, data_num_intra_threads)
        self._endless = self._open(repeat=True)
        gc.collect()
        gc.freeze()  # what TensorFlow loaded stays, so the collector need not scan it before each timed series

    def next_images(self) -> Images:
        """The next batch, from the first record again after the last."""
        return next(self._endless).images

    def once(self, most: int | None = None, skip: int = 0) -> "Iterator[Batch]":
        """Every record after the first `skip` once, or `most` of them, in order."""
        return self._open(repeat=False, most=most, skip=skip)

    def _open(self, repeat: bool, most: int | None = None, skip: int = 0) -> "Iterator[Batch]":
        from ssd_core.images.pipeline import open_pipeline

        return iter(open_pipeline(self._shards, self.batch_size, *self._threads, repeat=repeat, most=most, skip=skip))


def _aligned(shape: tuple[int, ...]) -> Images:
    count = int(np.prod(shape))
    storage = np.empty(count + _TENSOR_ALIGNMENT_BYTES // 4, np.float32)
    start = -storage.ctypes.data % _TENSOR_ALIGNMENT_BYTES // 4
    return storage[start : start + count].reshape(shape)
