"""A frozen graph opened for inference in TensorFlow. Runs in the worker; imports TensorFlow."""

import contextlib
import gc
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import Any

import tensorflow as tf  # it takes 6 s to import

from ssd_core.backends.protocol import Images, Opening, Session
from ssd_core.backends.tensorflow.loaded import LoadedGraph, load
from ssd_core.backends.tensorflow.trace import trace
from ssd_core.files import sha256_of
from ssd_core.graph.session import failures
from ssd_core.machine.affinity import default_thread_count
from ssd_core.machine.process import thread_names

_NAMING_SECONDS = 1.0
_INTER_OP_THREAD = "tf_Compute"  # the name that TensorFlow gives the threads of a session's inter-op pool


class InferenceSession(Session):
    """One graph in one TensorFlow session, or in several that run side by side; each has thread pools of its own.

    The thread counts that it describes are of the threads that TensorFlow really started, in the session with the
    fewest. `fast` replaces an upstream graph's post-processing by ours, and keeps the times of both; the scope
    `network` cuts the graph off at its raw predictions. UserError: a graph that cannot be read, identified or loaded.
    """

    def __init__(self, opening: Opening) -> None:
        self._path = opening.model
        self.sha256 = sha256_of(opening.model)
        loaded = load(opening.model, self.sha256, opening.trust, opening.fast, opening.scope == "network")
        self.contract = loaded.contract
        self.operation_counts = loaded.operation_counts
        self.postprocess_ms = loaded.postprocess_ms
        cpus = default_thread_count()
        wanted = opening.num_inter_threads or cpus, opening.num_intra_threads or cpus
        self._sessions: list[Any] = []
        started = []
        for _ in range(opening.streams):
            before = thread_names().keys()
            self._sessions.append(_session(loaded, *wanted))
            started.append(_started_threads(before, *wanted))
        self.num_inter_threads, self.num_intra_threads = min(started)
        outputs, images = list(self.contract.outputs), self.contract.input
        self.calls = tuple(s.make_callable(outputs, feed_list=[images]) for s in self._sessions)
        # What is loaded by now stays, so the garbage collector need not scan it between timed runs.
        gc.collect()
        gc.freeze()

    def close(self) -> None:
        """End the sessions, their threads and their memory."""
        while self._sessions:
            self._sessions.pop().close()
        self.calls = ()
        gc.unfreeze()
        gc.collect()  # TensorFlow releases a session's threads when its object is deleted

    def trace(self, next_images: Callable[[], Images], steps: int) -> dict[str, Any]:
        """Run `steps` batches with TensorFlow's trace (see `trace.py`), which costs time."""
        with self.failures():
            return trace(self._sessions[0], self.contract, next_images, steps)

    @contextlib.contextmanager
    def failures(self) -> Iterator[None]:
        """Name the graph in the errors of TensorFlow."""
        with failures(str(self._path)):
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
    """How many inter-op and intra-op threads are new since `before`, once they have set their names.

    Threads are compared by number: an old thread that is still ending must not count as a new one of its name.
    """
    deadline = time.monotonic() + _NAMING_SECONDS
    while True:
        started = Counter(name for number, name in thread_names().items() if number not in before)
        inter = started.pop(_INTER_OP_THREAD, 0)
        if (inter, started.total()) == (wanted_inter, wanted_intra):
            return wanted_inter, wanted_intra
        if time.monotonic() > deadline:
            # Before TensorFlow 2.21 threads have no names of their own: only their sum can be checked.
            unnamed = not inter and started.total() == wanted_inter + wanted_intra
            return (wanted_inter, wanted_intra) if unnamed else (inter, started.total())
        time.sleep(_NAMING_SECONDS / 100)
