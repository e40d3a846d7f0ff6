"""The worker's own side: a loop that takes one command at a time from its parent, runs it and answers.

It binds itself before NumPy and TensorFlow are imported, since the threads that they start inherit the binding; this
is why most imports are inside functions. How it is started: see `client.py`.
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssd_core.errors import UserError
from ssd_core.files import is_file, sha256_of, unforeseen
from ssd_core.machine.affinity import Binding, available_cpus, bind
from ssd_core.machine.cpu_time import Reading

if TYPE_CHECKING:
    from ssd_core.backends.protocol import Session
    from ssd_core.images.pipeline import Batch
    from ssd_core.profiling.yardstick import Yardstick
    from ssd_core.worker.arrivals import Arrivals
    from ssd_core.worker.feed import Feed
    from ssd_core.worker.serving import Serving
    from ssd_core.worker.steps import Steps
    from ssd_core.worker.wire import Array, Message

    Reply = tuple[Message, list[Array]]


def main(arguments: Sequence[str]) -> None:
    """Serve on the socket whose file descriptor is `arguments[0]`; `arguments[1]` is the binding as JSON, or null."""
    # Ctrl-C reaches the whole foreground group; the parent decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wanted = json.loads(arguments[1])
    refusal: UserError | None = None
    try:
        if wanted is not None:
            bind(Binding(**wanted))
    except UserError as error:
        refusal = error

    try:
        from ssd_core.worker import wire
    except ModuleNotFoundError as error:  # without NumPy it cannot answer
        sys.exit(_without(error))

    with socket.socket(fileno=int(arguments[0])) as sock, contextlib.suppress(wire.ConnectionEnded):
        if refusal:
            wire.send(sock, _failure(refusal))
            return
        dispatcher = _Dispatcher()
        wire.send(sock, {"pid": os.getpid()})
        try:
            while True:
                message, _ = wire.receive(sock)
                try:
                    reply, arrays = dispatcher.dispatch(**message)
                except Exception as error:
                    reply, arrays = _failure(error), []
                wire.send(sock, reply, arrays)
        finally:
            dispatcher.pause()


def _without(error: ModuleNotFoundError) -> str:
    return f"{sys.executable} has no module {error.name}: install what the benchmark needs into its environment."


def _failure(error: Exception) -> "Message":
    if isinstance(error, OSError) and error.errno is not None:
        error = unforeseen(error)
    if isinstance(error, ModuleNotFoundError):
        error = UserError(_without(error))
    if isinstance(error, UserError):
        return {"user_error": str(error)}
    return {"defect": "".join(traceback.format_exception(error))}


class _Dispatcher:
    """The session that is open, what it is fed, and one `do_` method for each command."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._steps: Steps | None = None
        self._opened: object = None
        self._feed: Feed | None = None
        self._once: Iterator[Batch] | None = None
        self._yardsticks: dict[tuple[str, int, int], Yardstick] = {}

    def dispatch(self, command: str, **arguments: Any) -> "Reply":
        if command != "run":
            self.pause()
        reply: Reply = getattr(self, f"do_{command}")(**arguments)
        return reply

    def pause(self) -> None:
        """End the streams that run on after a `run`, so that the next command has the cores for itself."""
        if self._steps is not None:
            self._steps.pause()

    def do_pause(self) -> "Reply":
        return {}, []

    def do_open(self, model: str, **how: Any) -> "Reply":
        """Open the network, unless the same file is already open in the same way."""
        from ssd_core.backends.protocol import Opening
        from ssd_core.backends.registry import open_session
        from ssd_core.worker.steps import Steps

        opening = Opening(model=Path(model), **how)
        wanted = opening, sha256_of(opening.model) if is_file(opening.model) else None
        if self._session is None or wanted != self._opened:
            if self._session is not None:
                self._session.close()
            self._session = self._steps = None  # if opening fails, nothing is open
            self._session = open_session(opening)
            self._steps = Steps(self._session)
            self._opened = wanted
        return asdict(self._session.describe()), []

    def do_feed_dummy(self, batch_size: int, seed: int) -> "Reply":
        from ssd_core.worker.feed import DummyFeed

        self._feed, self._once = DummyFeed(batch_size, seed), None
        return {}, []

    def do_feed_records(self, **records: Any) -> "Reply":
        from ssd_core.worker.feed import RecordsFeed

        self._feed, self._once = RecordsFeed(**records), None
        return {}, []

    def do_run(self, steps: int, delay_ms: float) -> "Reply":
        _, feed = self._ready()
        assert self._steps is not None
        cpus = available_cpus()
        before = Reading.of(cpus)
        run_ns, step_ns = self._steps.run(feed.next_images, steps, delay_ms)
        return {"others": before.others_until(Reading.of(cpus))}, [run_ns, step_ns]

    def do_serve(self, arrived_ns: list[int], **batches: Any) -> "Reply":
        import numpy as np

        from ssd_core.worker.arrivals import Scheduled

        return self._serve(Scheduled(np.array(arrived_ns, np.int64)), **batches)

    def do_serve_queries(self, queries: int, requests: int, **batches: Any) -> "Reply":
        from ssd_core.worker.arrivals import Queries

        return self._serve(Queries(queries, requests), **batches)

    def do_loadgen(self, asked: dict[str, Any], folder: str, **batches: Any) -> "Reply":
        from ssd_core.worker import loadgen

        session, feed = self._opened_and_fed()
        with session.failures():
            ask, serving = loadgen.Ask(**asked), self._serving(**batches)
            results, served = loadgen.run(ask, serving, feed.batch_size, Path(folder))
        return {"streams": served.streams, "results": results}, served.arrays

    def _serve(self, arrivals: "Arrivals", **batches: Any) -> "Reply":
        session, _ = self._opened_and_fed()
        with session.failures():
            served = self._serving(**batches).run(arrivals)
        return {"streams": served.streams}, served.arrays

    def _serving(self, batch_size: int, batch_timeout_ns: int, delay_ms: float) -> "Serving":
        from ssd_core.worker.serving import Serving, delayed

        session, feed = self._opened_and_fed()
        fixed = session.contract.fixed_batch
        if fixed is not None and fixed < batch_size:
            raise UserError(
                f"The graph takes {fixed} at a time, not batches of {batch_size}: give --batch-size {fixed}."
            )
        calls = [delayed(call, delay_ms) for call in session.calls]
        return Serving(calls, feed.next_images(), batch_size, batch_timeout_ns, fixed)

    def do_input_only(self, steps: int) -> "Reply":
        from ssd_core.worker.steps import time_input

        return {}, [time_input(self._fed().next_images, steps)]

    def do_yardstick(self, precision: str, num_inter_threads: int, num_intra_threads: int, steps: int) -> "Reply":
        """Run the yardstick. Its session is kept for the next time; one with other threads is ended first."""
        from ssd_core.profiling.yardstick import Yardstick

        wanted = (precision, num_inter_threads, num_intra_threads)
        if wanted not in self._yardsticks:
            while self._yardsticks:
                self._yardsticks.popitem()[1].close()
            self._yardsticks[wanted] = Yardstick(*wanted)
        return {}, [self._yardsticks[wanted].run(steps)]

    def do_roofline(self, precisions: list[str], num_inter_threads: int, num_intra_threads: int) -> "Reply":
        from ssd_core.profiling.roofline import measure

        return measure(precisions, num_inter_threads, num_intra_threads), []

    def do_trace(self, steps: int) -> "Reply":
        from ssd_core.backends.tensorflow.session import InferenceSession

        session, feed = self._ready()
        assert isinstance(session, InferenceSession)
        return session.trace(feed.next_images, steps), []

    def do_begin_detections(self, most: int | None, skip: int) -> "Reply":
        _, feed = self._ready()
        self._once = feed.once(most, skip)
        return {}, []

    def do_next_detections(self) -> "Reply":
        """The next batch's detections, concatenated over its images; no file names after the last record."""
        import numpy as np

        batch = next(self._once, None) if self._once is not None else None
        if batch is None:
            self._once = None
            return {"filenames": []}, []
        session, _ = self._ready()
        detections = session.detect(batch.images)
        return {"filenames": list(batch.filenames)}, [
            np.asarray(batch.shapes, np.int64),
            np.asarray([len(image.scores) for image in detections], np.int64),
            np.concatenate([image.classes for image in detections]),
            np.concatenate([image.scores for image in detections]),
            np.concatenate([image.boxes.reshape(-1, 4) for image in detections]),
        ]

    def do_status(self) -> "Reply":
        from ssd_core.machine import process
        from ssd_core.machine.allocator import running_allocator
        from ssd_core.machine.identity import versions

        ran = running_allocator()
        policy = process.memory_policy()
        return {
            "pid": os.getpid(),
            "peak_memory_bytes": process.peak_memory_bytes(),
            "allocator": ran.name,
            "allocator_path": ran.path,
            "cpus": available_cpus(),
            "memory_policy": policy.mode,
            "memory_nodes": policy.nodes,
            "versions": versions(),
        }, []

    def do_reset_peak(self) -> "Reply":
        from ssd_core.machine import process

        return {"done": process.reset_peak()}, []

    def do_flush(self) -> "Reply":
        """Flush all that Python and C printed, so that the parent can read it."""
        sys.stdout.flush()
        sys.stderr.flush()
        ctypes.CDLL(None).fflush(None)
        return {}, []

    def _fed(self) -> "Feed":
        if self._feed is None:
            raise RuntimeError("nothing to run on: call feed_dummy() or feed_records() first")
        return self._feed

    def _ready(self) -> "tuple[Session, Feed]":
        """The session and its feed; UserError where the batch does not fit the graph."""
        session, feed = self._opened_and_fed()
        session.contract.check_batch(feed.batch_size)
        return session, feed

    def _opened_and_fed(self) -> "tuple[Session, Feed]":
        feed = self._fed()
        if self._session is None:
            raise RuntimeError("no graph is open: call open() first")
        return self._session, feed
