"""A frozen graph opened for inference, and the loop that times it. Runs in the worker; imports TensorFlow."""

import contextlib
import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.files import sha256_of
from ssd_core.graph.contract import Detections, identify, operation_counts
from ssd_core.graph.frozen import read_graph
from ssd_core.graph.postprocess import fast_postprocess
from ssd_core.graph.raw import raw_predictions
from ssd_core.runtime.affinity import default_thread_count
from ssd_core.runtime.feed import Images
from ssd_core.runtime.process import thread_names
from ssd_core.runtime.trace import trace

Durations = npt.NDArray[np.int64]

_PREAMBLE = ("Graph execution error", "Detected at node", "Node:", "[[{{node")
_NAMING_SECONDS = 1.0
_INTER_OP_THREAD = "tf_Compute"  # the name that TensorFlow gives the threads of a session's inter-op pool


class InferenceSession:
    """One graph in one TensorFlow session that has thread pools of its own.

    `num_inter_threads` and `num_intra_threads` of 0 mean as many as this process has CPUs. The effective counts are
    those of the threads that TensorFlow really started. `fast` replaces a seed's post-processing by ours, and keeps
    what both take; `network_only` cuts the graph off at its raw predictions. UserError: a graph that cannot be read,
    identified or loaded.
    """

    def __init__(
        self,
        path: Path,
        num_inter_threads: int,
        num_intra_threads: int,
        trust: bool = False,
        fast: bool = False,
        network_only: bool = False,
    ) -> None:
        self.path = path
        self.sha256 = sha256_of(path) if path.is_file() else ""
        graph_def = read_graph(path, trust)
        self.postprocess_ms: tuple[float, float] | None = None
        if fast:
            found = fast_postprocess(graph_def)
            graph_def, self.postprocess_ms = found.graph_def, (found.before_ms, found.after_ms)
        if network_only:
            graph_def, self.contract = raw_predictions(graph_def)
        else:
            self.contract = identify(graph_def)
        self.operation_counts = operation_counts(graph_def)
        graph = tf.Graph()
        try:
            with graph.as_default():
                tf.import_graph_def(graph_def, name="")
        except (ValueError, tf.errors.OpError) as error:
            raise UserError(f"{path} cannot be loaded by TensorFlow {tf.__version__}: {_reason(error)}.") from error
        wanted_inter = num_inter_threads or default_thread_count()
        wanted_intra = num_intra_threads or default_thread_count()
        before = Counter(thread_names())
        self._session = tf.compat.v1.Session(
            graph=graph,
            config=tf.compat.v1.ConfigProto(
                inter_op_parallelism_threads=wanted_inter,
                intra_op_parallelism_threads=wanted_intra,
                # Otherwise the first session of the process sets the size of one pool for all later ones.
                use_per_session_threads=True,
                device_count={"GPU": 0},
            ),
        )
        self.num_inter_threads, self.num_intra_threads = _started_threads(before, wanted_inter, wanted_intra)
        self._call: Callable[[Images], list[npt.NDArray[Any]]] = self._session.make_callable(
            list(self.contract.outputs), feed_list=[self.contract.input]
        )
        self.calls = (self._call,)
        # What is loaded by now stays: the collector need not walk it between timed runs.
        gc.collect()
        gc.freeze()

    @property
    def streams(self) -> int:
        """How many batches are run side by side."""
        return 1

    def close(self) -> None:
        """End the session, its threads and its memory."""
        self._session.close()
        del self._session, self._call, self.calls
        gc.unfreeze()
        gc.collect()  # TensorFlow lets go of a session's threads when its object is gone

    def run(self, next_images: Callable[[], Images], steps: int, delay_ms: float) -> tuple[Durations, Durations]:
        """Run `steps` batches; the nanoseconds [steps] of session.run alone, and of whole steps.

        A whole step is from the end of the last one to the end of this one: the wait for its batch is in it. A delay
        is slept inside what is timed, to stand for a slower graph.
        """
        with self._failures():
            return time_steps(self._call, next_images, steps, delay_ms)

    def trace(self, next_images: Callable[[], Images], steps: int) -> dict[str, Any]:
        """Run `steps` batches with TensorFlow's trace (see `trace.py`), which costs time."""
        with self._failures():
            return trace(self._session, self.contract, next_images, steps)

    def detect(self, images: Images) -> list[Detections]:
        """The detections of each image of a batch [N, 300, 300, 3], which may be smaller than the graph's fixed one."""
        count = len(images)
        missing = (self.contract.fixed_batch or count) - count
        padded = np.pad(images, ((0, missing), (0, 0), (0, 0), (0, 0))) if missing else images
        with self._failures():
            return self.contract.detections(self._call(padded))[:count]

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except tf.errors.OpError as error:
            raise UserError(f"{self.path} failed in TensorFlow {tf.__version__}: {_reason(error)}.") from error


def _started_threads(before: Counter[str], wanted_inter: int, wanted_intra: int) -> tuple[int, int]:
    """How many inter-op and intra-op threads are there that were not `before`, once they have named themselves."""
    deadline = time.monotonic() + _NAMING_SECONDS
    while True:
        started = Counter(thread_names()) - before
        inter = started.pop(_INTER_OP_THREAD, 0)
        if (inter, started.total()) == (wanted_inter, wanted_intra) or time.monotonic() > deadline:
            return inter, started.total()
        time.sleep(_NAMING_SECONDS / 100)


def time_steps(
    call: Callable[[Images], object], next_images: Callable[[], Images], steps: int, delay_ms: float
) -> tuple[Durations, Durations]:
    """The nanoseconds [steps] that each batch takes in `call` alone, and as a whole step (see `run`)."""
    run_ns, step_ns = np.zeros(steps, np.int64), np.zeros(steps, np.int64)
    clock, delay_s = time.perf_counter_ns, delay_ms / 1000
    with _without_collection():
        last_end = clock()
        for step in range(steps):
            images = next_images()
            start = clock()
            if delay_s:
                time.sleep(delay_s)
            call(images)
            end = clock()
            run_ns[step] = end - start
            step_ns[step] = end - last_end
            last_end = end
    return run_ns, step_ns


def time_input(next_images: Callable[[], Images], steps: int) -> Durations:
    """The nanoseconds [steps] that each of the next batches takes to arrive when nothing else is done."""
    times_ns = np.zeros(steps + 1, np.int64)
    with _without_collection():
        times_ns[0] = time.perf_counter_ns()
        for step in range(steps):
            next_images()
            times_ns[step + 1] = time.perf_counter_ns()
    return np.diff(times_ns)


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Keep Python's garbage collector out of what is timed."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _reason(error: Exception) -> str:
    """The line of TensorFlow's message that says what was wrong, without where in which Python stack."""
    lines = [line.strip() for line in str(getattr(error, "message", error)).splitlines()]
    telling = [line for line in lines if line and not line.startswith(_PREAMBLE)]
    return telling[0].rstrip(".") if telling else type(error).__name__
