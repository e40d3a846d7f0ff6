"""Small frozen graphs that keep the contract, TFRecords, and one worker for all tests that may share it."""

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ssd_core.worker.client import Worker
from tests.unstarted import libraries as libraries  # fixtures
from tests.unstarted import started as started

PATIENCE_S = 600  # for an answer of a worker: only one that hangs takes so long, however busy the machine is

IMAGES = (
    ("plain.jpg", 320, 240),
    ("tall.jpg", 200, 400),
    ("wide.jpg", 640, 300),
    ("small.jpg", 64, 48),
    ("b.jpg", 99, 77),
)
"""File name, width, height; the colour of image i is grey level 40 * i."""


def wait_for(happened: Callable[[], bool]) -> None:
    """Until something has happened that nothing but a defect holds up for long."""
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def threads_of(worker: Worker) -> set[str]:
    """The kernel's numbers of a worker's threads: one that was joined may be there for a moment longer."""
    return {path.name for path in Path(f"/proc/{worker.pid}/task").iterdir()}


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Name -> frozen graph that finds i boxes in image i of IMAGES: for each 40 grey levels of the mean, one.

    `fixed` takes two images at a time; `convolution` has an fp32 and an int8 convolution on the way; `failing` divides
    by zero when it is run.
    """
    folder = tmp_path_factory.mktemp("graphs")
    return {
        "batched": _write(folder / "batched.pb", None),
        "fixed": _write(folder / "fixed.pb", 2),
        "convolution": _write(folder / "convolution.pb", None, convolve=True),
        "failing": _write(folder / "failing.pb", None, failing=True),
    }


def _write(path: Path, batch: int | None, convolve: bool = False, failing: bool = False) -> Path:
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        images = tf.compat.v1.placeholder(tf.float32, [batch, 300, 300, 3], name="input")
        small = images[:, ::10, ::10, :]
        mean = tf.reduce_mean(images, [1, 2, 3])
        if convolve:
            mean += 1e-9 * _convolutions(small)
        count = tf.shape(images)[0]
        numbers = tf.cast(tf.clip_by_value((mean + 114.8) / 40 + 0.5, 0, 7), tf.int32)
        if failing:
            numbers = tf.math.floordiv(numbers, tf.cast(mean * 0, tf.int32))
        rank = tf.tile(tf.range(8)[None], [count, 1])
        found = tf.cast(rank < numbers[:, None], tf.float32)
        boxes = tf.tile(tf.constant([[[0.1, 0.2, 0.3, 0.4]]]), [count, 8, 1]) * found[:, :, None]
        tf.identity(boxes, name="detection_boxes")
        tf.identity(found / (1.0 + tf.cast(rank, tf.float32)), name="detection_scores")
        tf.identity(found * tf.cast(rank + 1, tf.float32), name="detection_classes")
        tf.identity(numbers, name="num_detections")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def _convolutions(images: Any) -> Any:
    """The mean [N] of an fp32 and an int8 convolution over images [N, H, W, 3]."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    kernel = tf.constant(random.normal(size=(3, 3, 3, 16)).astype(np.float32))
    convolved = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(images, kernel, 1, "SAME"), np.zeros(16, np.float32)))
    quantized, low, high = tf.quantization.quantize(convolved, 0.0, 600.0, tf.quint8, mode="SCALED")
    weights = tf.bitcast(tf.constant(random.integers(-127, 128, (3, 3, 16, 16), np.int8)), tf.qint8)
    ends = np.full(16, 0.5, np.float32)
    output, low, high = tf.raw_ops.QuantizedConv2DWithBiasAndReluAndRequantize(
        input=quantized, filter=weights, bias=np.zeros(16, np.float32), min_input=low, max_input=high,
        min_filter=-ends, max_filter=ends, min_freezed_output=0.0, max_freezed_output=1000.0,
        out_type=tf.quint8, strides=[1, 1, 1, 1], padding="SAME",
    )  # fmt: skip
    return tf.reduce_mean(tf.quantization.dequantize(output, low, high, mode="SCALED"), [1, 2, 3])


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The images of IMAGES in two TFRecord shards."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("records")
    paths = [folder / f"val-{number:05d}-of-00002" for number in range(2)]
    for number, path in enumerate(paths):
        with tf.io.TFRecordWriter(str(path)) as writer:
            for index, (name, width, height) in list(enumerate(IMAGES))[number * 3 : number * 3 + 3]:
                writer.write(_record(name, width, height, 40 * index))
    return paths


def _record(name: str, width: int, height: int, grey: int) -> bytes:
    import tensorflow as tf

    stream = io.BytesIO()
    Image.new("RGB", (width, height), (grey,) * 3).save(stream, "JPEG", quality=95)
    strings = {"image/encoded": stream.getvalue(), "image/filename": name.encode()}
    features = {key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[text])) for key, text in strings.items()}
    features["image/shape"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[height, width, 3]))
    serialized: bytes = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    return serialized


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    """A worker with the default settings; tests must not end it."""
    with Worker(timeout_s=PATIENCE_S) as worker:
        yield worker
