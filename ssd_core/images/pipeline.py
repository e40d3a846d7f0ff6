"""Batches for the network from TFRecord shards, prepared by tf.data while the network works on earlier ones."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.images.preprocess import preprocess
from ssd_core.images.shards import after, check_schema, count_records, find_fault
from ssd_core.machine.affinity import default_thread_count

Tensor = Any

_BATCHES_AHEAD = 2


@dataclass(frozen=True, eq=False)
class Batch:
    """N prepared images [N, 300, 300, 3], their file names, and their own sizes [N, 2] (height, width).

    Names are as in `coco.annotations.Image`: bytes that are not UTF-8 are lone surrogates.
    """

    images: npt.NDArray[np.float32]
    filenames: tuple[str, ...]
    shapes: npt.NDArray[np.int64]


def open_pipeline(
    shards: Sequence[Path],
    batch_size: int,
    num_inter_threads: int = 0,
    num_intra_threads: int = 0,
    *,
    repeat: bool = False,
    most: int | None = None,
    skip: int = 0,
) -> Iterator[Batch]:
    """Check the shards, then give their images in order, prepared in advance; with `repeat` over and over.

    `num_inter_threads` images are prepared at the same time, in the pipeline's own pool of threads.
    `num_intra_threads` is the most that one operation uses. 0 stands for as many as this process has CPUs, by its
    affinity and its control group's quota. `skip` images at the start are left out, and `most` is a limit to the number
    of the others. Without `repeat` the last batch may be smaller. UserError names file and record where something is
    wrong, at once or when the stream gets there.
    Needs eager mode: use it outside of `with session:`.
    """
    if batch_size < 1 or num_inter_threads < 0 or num_intra_threads < 0:
        raise UserError(
            f"The input pipeline cannot run with batch size {batch_size} and {num_inter_threads}/{num_intra_threads}"
            " threads: give a batch size of 1 or more, and 0 or more threads."
        )
    count_records(shards)
    check_schema(shards)
    default = default_thread_count()
    threads = num_inter_threads or default, num_intra_threads or default
    dataset = _dataset(shards, batch_size, *threads, repeat, most, skip)
    return _batches(dataset.as_numpy_iterator(), shards)


def _dataset(
    shards: Sequence[Path],
    batch_size: int,
    inter_threads: int,
    intra_threads: int,
    repeat: bool,
    most: int | None,
    skip: int,
) -> Any:
    used, skipped = after(shards, skip)
    dataset = tf.data.TFRecordDataset([os.fsencode(shard) for shard in used]).skip(skipped)
    if repeat:
        dataset = dataset.repeat()
    if most is not None:
        dataset = dataset.take(most)
    dataset = dataset.map(_prepare, num_parallel_calls=inter_threads, deterministic=True)
    dataset = dataset.batch(batch_size).prefetch(_BATCHES_AHEAD)
    options = tf.data.Options()
    options.threading.private_threadpool_size = inter_threads
    options.threading.max_intra_op_parallelism = intra_threads
    return dataset.with_options(options)


def _prepare(serialized: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    record = tf.io.parse_single_example(
        serialized,
        {
            "image/encoded": tf.io.FixedLenFeature([], tf.string),
            "image/filename": tf.io.FixedLenFeature([], tf.string),
            "image/shape": tf.io.FixedLenFeature([3], tf.int64),
        },
    )
    return preprocess(record["image/encoded"]), record["image/filename"], record["image/shape"][:2]


def _batches(arrays: Iterator[Any], shards: Sequence[Path]) -> Iterator[Batch]:
    try:
        for images, filenames, shapes in arrays:
            yield Batch(images, tuple(name.decode(errors="surrogateescape") for name in filenames), shapes)
    except tf.errors.OpError as error:
        raise find_fault(shards, _prepare) or error from error
