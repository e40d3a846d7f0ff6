"""The inference worker seen from its parent: a child process that opens graphs, runs them and times itself.

The child has its own Python, environment, allocator and binding. Thread counts belong to the session inside it, so one
worker serves all cases that differ only in graph, batch and threads. The parent imports no TensorFlow.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ssd_core
from ssd_core.backends.protocol import OpenGraph, Opening
from ssd_core.errors import UserError
from ssd_core.machine.affinity import binding, numactl_prefix
from ssd_core.machine.allocator import Allocator, AllocatorName, preload
from ssd_core.machine.environment import of_worker
from ssd_core.profiling.layers import Node, Roofline
from ssd_core.stats.served import Batches, Served, Times
from ssd_core.worker import wire
from ssd_core.worker.answers import Durations, ImageDetections, Trace, WorkerStatus, split_images
from ssd_core.worker.loadgen import Ask
from ssd_core.worker.output import CapturedOutput

# Imports this ssd_core into any Python, without the packages beside it. If its folder were a site-packages on the path,
# another environment would import our TensorFlow instead of its own.
_BOOTSTRAP = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("ssd_core", sys.argv[1])
sys.modules["ssd_core"] = package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
from ssd_core.worker.child import main
main(sys.argv[2:])
"""
_EXIT_SECONDS = 10.0


class WorkerDied(UserError):  # noqa: N818 - says what happened
    """The child ended, or was ended, before it answered: names the signal or exit status and its last lines."""


class WorkerDefect(Exception):  # noqa: N818 - says what it is
    """Something unforeseen was raised in the child: its traceback."""


@dataclass(frozen=True)
class WorkerSettings:
    """All that makes one worker differ from another; equal settings can share a process."""

    python: str = sys.executable
    allocator: AllocatorName = "malloc"
    allocator_path: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    socket_id: int | None = None
    num_cores: int | None = None
    onednn_verbose: bool = False
    delay_ms: float = 0.0  # slept inside what is timed, to simulate slower code

    def environment(self) -> dict[str, str]:
        """The child's whole environment: the parent's, what a worker needs and the allocator, then `env`."""
        inherited = of_worker(os.environ, self.onednn_verbose)
        return preload(Allocator(self.allocator, self.allocator_path), inherited) | dict(self.env)


class Worker:
    """A running worker. Every method raises UserError for the user's mistakes and WorkerDied when the child is gone.

    `timeout_s` is how long any one answer may take. Leaving the `with` block, Ctrl-C and a timeout end the child.
    """

    def __init__(self, settings: WorkerSettings | None = None, timeout_s: float | None = None) -> None:
        self.settings = settings or WorkerSettings()
        self._death: str | None = None
        self._output = CapturedOutput()
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(timeout_s)
        with theirs:
            self._process = self._start(theirs)
        self.pid = self._process.pid
        try:
            self._answer("start")
        except BaseException:
            self.close()
            raise

    def open(self, opening: Opening) -> OpenGraph:
        """Open the network and close what was open before. A network that is open in the same way stays open."""
        reply, _ = self._request("open", **asdict(opening) | {"model": str(opening.model.absolute())})
        return OpenGraph(**reply)

    def feed_dummy(self, batch_size: int, seed: int = 0) -> None:
        """From now on run on one batch of dummy images, uniform in [-123.68, 151.06]."""
        self._request("feed_dummy", batch_size=batch_size, seed=seed)

    def feed_records(
        self, shards: Sequence[Path], batch_size: int, data_num_inter_threads: int, data_num_intra_threads: int
    ) -> None:
        """From now on run on the images of TFRecord shards, over and over."""
        self._request(
            "feed_records",
            shards=[str(shard.absolute()) for shard in shards],
            batch_size=batch_size,
            data_num_inter_threads=data_num_inter_threads,
            data_num_intra_threads=data_num_intra_threads,
        )

    def run(self, steps: int) -> Durations:
        """Run `steps` batches; with several streams a batch of each. They run on until another command."""
        reply, (run_ns, step_ns) = self._request("run", steps=steps, delay_ms=self.settings.delay_ms)
        return Durations(run_ns.tolist(), step_ns.tolist(), reply["others"])

    def serve(self, arrived_ns: Times, batches: Batches) -> Served:
        """Serve requests that arrive at these times (ns)."""
        reply, arrays = self._request("serve", arrived_ns=arrived_ns.tolist(), **self._how(batches))
        return Served.of_arrays(arrays, reply["streams"], batches.batch_size)

    def serve_queries(self, queries: int, requests: int, batches: Batches) -> Served:
        """Serve queries of so many requests, one query after the other."""
        reply, arrays = self._request("serve_queries", queries=queries, requests=requests, **self._how(batches))
        return Served.of_arrays(arrays, reply["streams"], batches.batch_size)

    def loadgen(self, asked: Ask, batches: Batches, folder: Path) -> tuple[dict[str, Any], Served]:
        """Serve what LoadGen issues: LoadGen's results, and what the worker saw (see `loadgen.py`)."""
        reply, arrays = self._request(
            "loadgen", asked=asdict(asked), folder=str(folder.absolute()), **self._how(batches)
        )
        return reply["results"], Served.of_arrays(arrays, reply["streams"], batches.batch_size)

    def _how(self, batches: Batches) -> dict[str, Any]:
        return asdict(batches) | {"delay_ms": self.settings.delay_ms}

    def pause(self) -> None:
        """End the streams that run on after `run`, so that another worker has the cores for itself."""
        self._request("pause")

    def input_only(self, steps: int) -> list[int]:
        """The nanoseconds that each of `steps` batches takes to arrive when no inference runs."""
        _, (times_ns,) = self._request("input_only", steps=steps)
        times: list[int] = times_ns.tolist()
        return times

    def yardstick(self, precision: str, num_inter_threads: int, num_intra_threads: int, steps: int) -> list[int]:
        """The nanoseconds that each of `steps` runs of the yardstick's convolution takes (see `yardstick.py`)."""
        _, (times_ns,) = self._request(
            "yardstick",
            precision=precision,
            num_inter_threads=num_inter_threads,
            num_intra_threads=num_intra_threads,
            steps=steps,
        )
        times: list[int] = times_ns.tolist()
        return times

    def roofline(self, precisions: Sequence[str], num_inter_threads: int, num_intra_threads: int) -> Roofline:
        """What the machine can do at most with these threads, right now (see `roofline.py`)."""
        threads = {"num_inter_threads": num_inter_threads, "num_intra_threads": num_intra_threads}
        reply, _ = self._request("roofline", precisions=list(precisions), **threads)
        return Roofline(**reply)

    def trace(self, steps: int) -> Trace:
        """Run `steps` batches with TensorFlow's trace, after one more that shows it the graph."""
        reply, _ = self._request("trace", steps=steps)
        return Trace(reply["step_ns"], [Node.of_json(node) for node in reply["nodes"]])

    def detections(self, most: int | None = None, skip: int = 0) -> Iterator[ImageDetections]:
        """Run all records after the first `skip` once, or `most` of them, in order; yield each image's detections."""
        self._request("begin_detections", most=most, skip=skip)
        while True:
            reply, arrays = self._request("next_detections")
            if not reply["filenames"]:
                return
            yield from split_images(reply["filenames"], *arrays)

    def status(self) -> WorkerStatus:
        """What the child runs on by now; its peak memory is since the start or the last `reset_peak`."""
        reply, _ = self._request("status")
        return WorkerStatus(**reply | {key: tuple(reply[key]) for key in ("cpus", "memory_nodes")})

    def reset_peak(self) -> bool:
        """Reset the peak of memory; False where the kernel does not allow it."""
        reply, _ = self._request("reset_peak")
        return bool(reply["done"])

    def output_lines(self) -> list[str]:
        """What the child printed since the last call, oneDNN's lines included."""
        self._request("flush")
        return self._output.new_lines()

    def close(self) -> None:
        """End the child. It ends by itself when the connection does, and is killed if it is busy."""
        self._socket.close()
        try:
            self._process.wait(_EXIT_SECONDS if self._death is None else 0)
        except subprocess.TimeoutExpired:
            self._kill()
        self._death = self._death or "The worker was closed."
        self._output.close()

    def __enter__(self) -> Self:
        """Itself: it runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the child: at once where the parent is being stopped."""
        if kind is not None and not issubclass(kind, Exception):
            self._kill()
        self.close()

    def _start(self, theirs: socket.socket) -> "subprocess.Popen[bytes]":
        wanted = binding(self.settings.socket_id, self.settings.num_cores)
        prefix = numactl_prefix(wanted) if wanted else []
        itself = asdict(wanted) if wanted and not prefix else None
        package = Path(ssd_core.__file__).absolute()
        command = [self.settings.python, "-P", "-c", _BOOTSTRAP, str(package), str(theirs.fileno()), json.dumps(itself)]
        try:
            return subprocess.Popen(
                [*prefix, *command],
                stdin=subprocess.DEVNULL,
                stdout=self._output.fileno(),
                stderr=subprocess.STDOUT,
                env=self.settings.environment(),
                pass_fds=[theirs.fileno()],
            )
        except OSError as error:
            self._socket.close()
            self._output.close()
            raise UserError(
                f"{self.settings.python} could not be started ({error.strerror}): give the path of a Python."
            ) from error

    def _request(self, command: str, **arguments: Any) -> tuple[wire.Message, list[wire.Array]]:
        if self._death is not None:
            raise WorkerDied(self._death)
        return self._answer(command, {"command": command, **arguments})

    def _answer(self, command: str, message: wire.Message | None = None) -> tuple[wire.Message, list[wire.Array]]:
        try:
            if message is not None:
                wire.send(self._socket, message)
            reply, arrays = wire.receive(self._socket)
        except wire.ConnectionEnded:
            raise WorkerDied(self._reap(command)) from None
        except TimeoutError:
            self._kill()
            what = f"answer {command} within {self._socket.gettimeout():g} s"
            self._death = f"The worker did not {what} and was ended{self._output.tail()}"
            raise WorkerDied(self._death) from None
        except BaseException:
            # A connection cannot be used again after half an answer.
            self._kill()
            self._reap(command)
            raise
        if "user_error" in reply:
            raise UserError(reply["user_error"])
        if "defect" in reply:
            raise WorkerDefect(reply["defect"])
        return reply, arrays

    def _reap(self, command: str) -> str:
        """Find out how the child ended."""
        try:
            status = self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
            status = self._process.returncode
        self._death = f"The worker (process {self.pid}) {_cause(status)} during {command}{self._output.tail()}"
        return self._death

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()


def _cause(status: int) -> str:
    if status >= 0:
        return f"exited with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    killed = " (by hand, or by the kernel because memory ran out)"
    hints = {"SIGKILL": killed, "SIGILL": " (an instruction this CPU lacks)"}
    return f"died of {name}{hints.get(name, '')}"
