"""A Ray cluster, seen from a run: its nodes, what each of them is, and tasks whose ends come as messages."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from types import TracebackType
from typing import Self

import msgspec

from ssd_core.errors import UserError
from ssd_core.machine.affinity import default_thread_count
from ssd_core.scale.client import LOCAL, MESSAGES
from ssd_core.scale.messages import Ended, Lost, Message, Node, Nodes, Refused, Task, written

_EXIT_S = 10.0
# What a user sets for a run holds on every node; all else is the node's own.
_FORWARDED = ("TF_", "ONEDNN_", "KMP_", "OMP_")


class Cluster:
    """A connection to a cluster, made while the caller goes on; leaving the block ends the tasks that still run.

    UserError where Ray is not installed, at the first look at the nodes where no cluster is, and when it is lost.
    """

    def __init__(self, address: str, cpus: int | None = None) -> None:
        if find_spec("ray") is None:
            raise UserError("--ray needs Ray, which is not installed: pip install 'ssd-vgg16-bench[ray]'.")
        self.address = address
        self._nodes: list[Node] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the connection
        reading, writing = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CLIENT, str(writing), address, str(cpus or default_thread_count())],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            pass_fds=[writing],
            start_new_session=True,  # Ctrl-C is for this process, which then ends the other
        )
        os.close(writing)
        self._messages = os.fdopen(reading, "rb")

    @property
    def nodes(self) -> list[Node]:
        """Those that are alive, by the newest message; the first look waits for the connection."""
        if self._nodes is None:
            self._nodes = self._first()
        return self._nodes

    def submit(self, task: Task) -> None:
        """Hand over a task; it runs as soon as a node is free for it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(written(task))
            self._process.stdin.flush()
        except OSError as error:
            raise self._lost() from error

    def messages(self) -> Iterator[Ended | Lost | Nodes]:
        """What happens, as it comes; `nodes` is up to date with it."""
        for line in self._messages:
            message = msgspec.json.decode(line, type=Message)
            if isinstance(message, Nodes):
                self._nodes = message.nodes
            if isinstance(message, Refused):
                break
            yield message
        raise self._lost()

    def each(self, tasks: Sequence[Task]) -> dict[str, Ended | Lost]:
        """Run some tasks and wait for all of them."""
        for task in tasks:
            self.submit(task)
        ended: dict[str, Ended | Lost] = {}
        for message in self.messages() if tasks else ():
            if isinstance(message, Nodes):  # Ray lets a task for a node that is gone wait
                alive = {node.id for node in message.nodes}
                gone = [task.key for task in tasks if task.on not in (None, *alive) and task.key not in ended]
                ended |= {key: Lost(key, "the node is gone") for key in gone}
            else:
                ended[message.key] = message
            if len(ended) == len(tasks):
                break
        return ended

    def finish(self) -> None:
        """Say that no further task comes, so that the connection ends while the caller goes on."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def close(self) -> None:
        """Let go of the cluster, and wait until that is done; a second call does nothing."""
        self.finish()
        try:
            self._process.wait(_EXIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._messages.close()
        self._log.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the cluster."""
        self.close()

    def _first(self) -> list[Node]:
        line = self._messages.readline()
        message = msgspec.json.decode(line, type=Message) if line else Refused("it ended the connection")
        if isinstance(message, Refused):
            raise UserError(
                f"No Ray cluster can be used at {self.address} ({message.reason}): give the address that `ray start"
                f" --head` prints, or {LOCAL} to start one here."
            )
        assert isinstance(message, Nodes)
        return message.nodes

    def _lost(self) -> UserError:
        return UserError(
            f"The Ray cluster at {self.address} was lost, for its head no longer answers: start it again, and run the"
            " same command again."
        )


_CLIENT = f"""
import os, sys
os.dup2(int(sys.argv[1]), {MESSAGES})
from ssd_core.scale.client import main
main(sys.argv[2], int(sys.argv[3]))
"""


def forwarded() -> dict[str, str]:
    """The user's settings for TensorFlow and its libraries, which hold on every node."""
    return {name: value for name, value in os.environ.items() if name.startswith(_FORWARDED)}
