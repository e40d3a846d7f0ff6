"""A frozen graph opened for inference in TensorFlow. Runs in the worker; imports TensorFlow."""

import contextlib
import gc
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ssd_core.backends.protocol import Session, without_collection
from ssd_core.backends.tensorflow.loaded import LoadedGraph, load
from ssd_core.backends.tensorflow.trace import trace
from ssd_core.files import sha256_of
from ssd_core.graph.session import failures
from ssd_core.machine.affinity import default_thread_count
from ssd_core.machine.process import thread_names
from ssd_core.worker.feed import Images
from ssd_core.worker.streams import Durations

_NAMING_SECONDS = 1.0
_INTER_OP_THREAD = "tf_Compute"  # the name that TensorFlow gives the threads of a session's inter-op pool


class InferenceSession(Session):
    """One graph in one TensorFlow session, or in several that run side by side; each has thread pools of its own.

    `num_inter_threads` and `num_intra_threads` are of each; 0 means as many as this process has CPUs. The effective
    counts are those of the threads that TensorFlow really started, of the session that has the fewest. `fast` replaces
    a seed's post-processing by ours, and keeps what both take; `network_only` cuts the graph off at its raw
    predictions. UserError: a graph that cannot be read, identified or loaded.
    """

    def __init__(
        self,
        path: Path,
        num_inter_threads: int,
        num_intra_threads: int,
        trust: bool = False,
        fast: bool = False,
        streams: int = 1,
        network_only: bool = False,
    ) -> None:
        self.path = path
        self.sha256 = sha256_of(path)
        loaded = load(path, self.sha256, trust, fast, network_only)
        self.contract = loaded.contract
        self.operation_counts = loaded.operation_counts
        self.postprocess_ms = loaded.postprocess_ms
        wanted = num_inter_threads or default_thread_count(), num_intra_threads or default_thread_count()
        self._sessions: list[Any] = []
        started = []
        for _ in range(streams):
            before = thread_names().keys()
            self._sessions.append(_session(loaded, *wanted))
            started.append(_started_threads(before, *wanted))
        self.num_inter_threads, self.num_intra_threads = min(started)
        outputs, images = list(self.contract.outputs), self.contract.input
        self.calls = tuple(s.make_callable(outputs, feed_list=[images]) for s in self._sessions)
        # What is loaded by now stays: the collector need not walk it between timed runs.
        gc.collect()
        gc.freeze()

    def close(self) -> None:
        """End the sessions, their threads and their memory."""
        self.pause()
        while self._sessions:
            self._sessions.pop().close()
        del self.calls
        gc.unfreeze()
        gc.collect()  # TensorFlow lets go of a session's threads when its object is gone

    def trace(self, next_images: Callable[[], Images], steps: int) -> dict[str, Any]:
        """Run `steps` batches with TensorFlow's trace (see `trace.py`), which costs time."""
        with self._failures():
            return trace(self._sessions[0], self.contract, next_images, steps)

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        with failures(str(self.path)):
            yield


def _session(loaded: LoadedGraph, num_inter_threads: int, num_intra_threads: int) -> Any:
    config = tf.compat.v1.ConfigProto(
        inter_op_parallelism_threads=num_inter_threads,
        intra_op_parallelism_threads=num_intra_threads,
        # Otherwise the first session of the process sets the size of one pool for all later ones.
        use_per_session_threads=True,
        device_count={"GPU": 0},
    )
    config.graph_options.rewrite_options.disable_meta_optimizer = loaded.optimized
    return tf.compat.v1.Session(graph=loaded.graph, config=config)


def _started_threads(before: Collection[str], wanted_inter: int, wanted_intra: int) -> tuple[int, int]:
    """How many inter-op and intra-op threads are there that were not `before`, once they have named themselves.

    By their numbers: of those that were, some may still be ending, and must not stand for new ones of their name.
    """
    deadline = time.monotonic() + _NAMING_SECONDS
    while True:
        started = Counter(name for number, name in thread_names().items() if number not in before)
        inter = started.pop(_INTER_OP_THREAD, 0)
        if (inter, started.total()) == (wanted_inter, wanted_intra) or time.monotonic() > deadline:
            return inter, started.total()
        time.sleep(_NAMING_SECONDS / 100)


def time_input(next_images: Callable[[], Images], steps: int) -> Durations:
    """The nanoseconds [steps] that each of the next batches takes to arrive when nothing else is done."""
    times_ns = np.zeros(steps + 1, np.int64)
    with without_collection():
        times_ns[0] = time.perf_counter_ns()
        for step in range(steps):
            next_images()
            times_ns[step + 1] = time.perf_counter_ns()
    return np.diff(times_ns)
