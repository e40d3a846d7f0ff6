"""The yardstick: one fixed convolution, run as the network's are, to say what this machine can do right now.

It is conv4_2's (see `yardstick_shape.py`). It runs in the worker, beside the network's session and
with threads of the same number, so that a result can be given as a share of it. Imports TensorFlow.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.profiling.yardstick_shape import CHANNELS, KERNEL, SIZE

_SEED = 38
_RANGE = 1.0
_WARMUP_STEPS = 3

Durations = npt.NDArray[np.int64]


class Yardstick:
    """The convolution of one precision (fp32, bf16 or int8) in a session of its own.

    Another batch or size of the map than the yardstick's is for finding the machine's peak (see `roofline.py`).
    """

    def __init__(
        self, precision: str, num_inter_threads: int, num_intra_threads: int, batch_size: int = 1, size: int = SIZE
    ) -> None:
        shape = (batch_size, size, size, CHANNELS)
        builders: dict[str, Callable[[npt.NDArray[Any]], tuple[Any, Any, Any]]] = {
            "fp32": lambda kernel: _float(kernel, shape, tf.float32),
            "bf16": lambda kernel: _float(kernel, shape, tf.bfloat16),
            "int8": lambda kernel: _int8(kernel, shape),
        }
        if precision not in builders:
            raise UserError(f"There is no yardstick for {precision}: choose from {', '.join(builders)}.")
        generator = np.random.default_rng(_SEED)
        graph = tf.Graph()
        with graph.as_default():
            kernel = generator.uniform(-_RANGE, _RANGE, (KERNEL, KERNEL, CHANNELS, CHANNELS)).astype(np.float32)
            feed, fetch, dtype = builders[precision](kernel)
        config = tf.compat.v1.ConfigProto(
            inter_op_parallelism_threads=num_inter_threads,
            intra_op_parallelism_threads=num_intra_threads,
            use_per_session_threads=True,
        )
        self._session = tf.compat.v1.Session(graph=graph, config=config)
        self._call = self._session.make_callable(fetch, feed_list=[feed])
        values = generator.integers(0, 255, shape)
        self._images = values.astype(dtype.as_numpy_dtype)
        self.run(_WARMUP_STEPS)

    def run(self, steps: int) -> Durations:
        """The nanoseconds [steps] that the convolution takes."""
        times_ns = np.zeros(steps, np.int64)
        for step in range(steps):
            start = time.perf_counter_ns()
            self._call(self._images)
            times_ns[step] = time.perf_counter_ns() - start
        return times_ns

    def close(self) -> None:
        """End the session and its threads."""
        self._session.close()
        del self._session, self._call


def _float(kernel: npt.NDArray[np.float32], shape: Sequence[int], dtype: Any) -> tuple[Any, Any, Any]:
    images = tf.compat.v1.placeholder(dtype, shape)
    output = tf.nn.conv2d(images, tf.constant(kernel, dtype), 1, "SAME")
    output = tf.nn.relu(tf.nn.bias_add(output, tf.ones([CHANNELS], dtype)))
    return images, output[0, 0, 0, 0], dtype  # one number of it, so that nothing is copied out


def _int8(kernel: npt.NDArray[np.float32], shape: Sequence[int]) -> tuple[Any, Any, Any]:
    images = tf.compat.v1.placeholder(tf.quint8, shape)
    values = np.rint(kernel * 127).astype(tf.qint8.as_numpy_dtype)
    limits = tf.fill([CHANNELS], _RANGE)
    _, low, _ = tf.raw_ops.QuantizedConv2DWithBiasAndReluAndRequantize(
        input=images,
        filter=tf.constant(values, tf.qint8),
        bias=tf.ones([CHANNELS]),
        min_input=0.0,
        max_input=255.0,
        min_filter=-limits,
        max_filter=limits,
        min_freezed_output=0.0,
        max_freezed_output=255.0 * CHANNELS,
        strides=[1, 1, 1, 1],
        padding="SAME",
        out_type=tf.quint8,
    )
    return images, low, tf.quint8
