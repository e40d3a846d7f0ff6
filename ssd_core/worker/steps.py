"""Steps: batches that a session runs, timed; the same for every backend."""

import contextlib
import gc
import time
from collections.abc import Callable, Iterator

import numpy as np

from ssd_core.backends.protocol import Images, Session
from ssd_core.worker.streams import Durations, Streams


class Steps:
    """Runs the steps of one session. Several streams run on between calls of `run`, until `pause`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._streams: Streams | None = None

    def run(self, next_images: Callable[[], Images], steps: int, delay_ms: float) -> tuple[Durations, Durations]:
        """Run `steps` batches; the nanoseconds [steps] of the call alone (`session.run`), and of whole steps.

        A whole step is from the end of the last one to the end of this one: the wait for its batch is in it. A delay
        is slept inside what is timed, to simulate a slower graph. With several streams a step is a batch of each, and
        both are whole steps (see `streams.py`).
        """
        calls = self._session.calls
        if len(calls) > 1:
            self._streams = self._streams or Streams(calls, next_images)
            with self._session.failures():
                step_ns = self._streams.run(steps, delay_ms)
            return step_ns, step_ns
        run_ns, step_ns = np.zeros(steps, np.int64), np.zeros(steps, np.int64)
        call, clock, delay_s = calls[0], time.perf_counter_ns, delay_ms / 1000
        with _without_collection(), self._session.failures():
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

    def pause(self) -> None:
        """End the threads of streams that still run from the last `run`; with one stream there are none."""
        if self._streams is not None:
            self._streams.pause()
            self._streams = None


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
    """Turn off Python's garbage collector while steps are timed."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
